"""The lines of a run's message that say what its record lacks. They follow the reason of a failure and are none."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from shapebench.api import wire
from shapebench.api.record import PodRecord

_NO_USAGE = "no usage of "
_NOT_ALL = "not all of the record of "
_MISSING = " measurements are missing: "
_LINE = re.compile(rf"{_NO_USAGE}|{_NOT_ALL}|[0-9]+{_MISSING}|\S+: {re.escape(wire.CUT_SHORT)}")


def is_one(line: str) -> bool:
    """Whether a line of a message is one of these."""
    return _LINE.match(line) is not None


def no_usage(pods: Collection[str]) -> str:
    """These pods left no record."""
    return f"{_NO_USAGE}{', '.join(pods)}"


def cut_short(pod: PodRecord) -> str:
    """The pod's agent was killed; its record is that of a moment before."""
    return f"{pod.pod}: {pod.message}"


def left_out(pods: Sequence[PodRecord]) -> str:
    """These pods' records had no room for all; the first is told of."""
    more = f" (and of {len(pods) - 1} more pods)" if len(pods) > 1 else ""
    return f"{_NOT_ALL}{pods[0].pod}{more}: without {pods[0].left_out}"


def missing(rows: int, *, has_medians: bool) -> str:
    """So many rows of measurements were left out."""
    known = "medians are of all" if has_medians else "no median is formed of the others"
    return f"{rows}{_MISSING}{known}"

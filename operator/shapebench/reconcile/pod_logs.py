"""What is kept of the logs of a run's pods. They are read one at a time: those of a thousand pods are gigabytes, and
who writes them is the program, so every bound here holds whatever they say."""

from __future__ import annotations

import gzip
import json
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shapebench.agent import framing
from shapebench.agent import record as agent_record
from shapebench.api import last_words, thinning, wire
from shapebench.api.record import Measurement, PodRecord
from shapebench.api.usage import Series
from shapebench.plan.actions import LogUnavailableError


class Room(NamedTuple):
    """How much is held of all pods of a run together.

    `samples`: of their series as they are. `packed_bytes`: of series that have more and are packed. `text_bytes`: of
    all else in their records, as JSON. `values`: of measurements in rows for which there was no room there.
    """

    samples: int
    packed_bytes: int
    text_bytes: int
    values: int = 2_000_000


IN_MEMORY = Room(60_000, 64 * 2**20, framing.RECORD_LIMIT_BYTES)
"""600 samples for each of a hundred pods; those of a thousand would take a quarter of a gigabyte, and packed they are
40 MB. As much text as one pod alone may have, so that of one alone nothing is left out: a thousand pods have 3 MB and
what their programs measured, and a row takes twenty times its text."""


_VALUES_OF_A_NAME = 20
MAY_FAIL = 20
"""Of the logs of one run that a look asks for."""


@dataclass(frozen=True)
class PodLog:
    """What a pod's log holds of use: the agent's record, and the program's last words.

    `record` has some of the series' samples; where that is not all of them, `packed_series` has all, if there was room.
    `unread`: why the log could not be read, for a reason that may pass.
    """

    record: PodRecord | None = None
    packed_series: bytes = b""
    tail: str = ""
    text_bytes: int = 0
    rest: Mapping[str, array[float]] = field(default_factory=dict)
    """The values of the rows that `record` lacks, of each name as the rows have them; where there was room."""
    unread: str = ""

    def whole_series(self) -> Series:
        """The series with every sample that is kept; it is made anew each time."""
        if self.packed_series:
            return Series.model_validate_json(gzip.decompress(self.packed_series))
        return self.record.series if self.record else Series()


def read(pods: Iterable[str], log: Callable[[str], str], before: Mapping[str, PodLog],
         room: Room = IN_MEMORY, may_fail: int = MAY_FAIL) -> dict[str, PodLog]:
    """The logs of these pods of a run beside those that are known; `log` is asked for one pod's at a time.

    After so many that cannot be read now the others are not asked for, and count as such: each takes seconds.
    """
    names, found = tuple(pods), dict(before)
    samples = room.samples // max(1, len(names) + len(found))
    packed = room.packed_bytes - sum(len(one.packed_series) for one in found.values())
    text = room.text_bytes - sum(one.text_bytes for one in found.values())
    values = room.values - sum(_count(one.rest) for one in found.values())
    failed: list[str] = []
    for name in names:
        try:
            one = PodLog(unread=failed[-1]) if len(failed) >= may_fail else _kept(
                log(name), Room(samples, packed, text, values))
        except LogUnavailableError as error:
            failed.append(str(error))
            one = PodLog(unread=failed[-1])
        found[name] = one
        packed, text = packed - len(one.packed_series), text - one.text_bytes
        values -= _count(one.rest)
    return found


def _kept(log: str, room: Room) -> PodLog:
    tail = last_words.of_log(log)
    try:
        given = framing.decode(log)
        if given is None:
            return PodLog(tail=tail)
        whole = PodRecord.model_validate(given)
        record, text_bytes = _within(whole, room.text_bytes)
    except (ValueError, RecursionError):  # of a damaged record too: what the termination message tells counts then
        return PodLog(tail=tail)
    fewer = record.model_copy(update={"series": thinning.thinned(record.series, room.samples)})
    packed = b"" if fewer.series == record.series else gzip.compress(
        record.series.model_dump_json().encode(), compresslevel=1, mtime=0)
    # Of what the agent itself left out nobody has the values.
    rest = {} if whole.measurements_left_out else _rest(whole.measurements[len(record.measurements):])
    return PodLog(fewer, packed if len(packed) <= room.packed_bytes else b"", tail, text_bytes,
                  rest if _count(rest) <= room.values else {})


def _rest(rows: Iterable[Measurement]) -> dict[str, array[float]]:
    found: dict[str, array[float]] = {}
    for row in rows:
        for name, value in row.values.items():
            found.setdefault(name, array("d")).append(value)
    return found


def _count(rest: Mapping[str, array[float]]) -> int:
    """How many values there are; a name takes as much as some of them."""
    return sum(_VALUES_OF_A_NAME + len(values) for values in rest.values())


def _within(record: PodRecord, room_bytes: int) -> tuple[PodRecord, int]:
    """The record in so much text, or in as much as a termination message has, and how much that is.

    What goes, and how that is said, is as in a termination message. Raises ValueError for one that does not fit so.
    """
    limit = max(room_bytes, wire.TERMINATION_LOG_LIMIT_BYTES)
    size = len(record.model_dump_json(exclude={"series"}))
    if size <= limit:
        return record, size
    told = record.model_dump(mode="json", exclude={"series", "measurements"})
    rows = [framing.dumps(row.model_dump()) for row in record.measurements]
    text = agent_record.totals(told | {"measurements": rows}, limit)
    if len(text) > limit:
        raise ValueError("what is left out of a record does not make it fit")
    return PodRecord.model_validate(json.loads(text) | {"series": record.series}), len(text)

"""What the valid runs of each cell say about the objective: how many, the middle, the spread, and which cell is best.

Standard library alone, because the operator imports it. The functions take light observations rather than records:
the operator has BenchmarkRuns, the report has RunRecords, and both must name the same best cell.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shapebench.api.fields import Scalar, scalar_text
from shapebench.api.record import Cell, Reason, Verdict
from shapebench.api.status import Interval

Goal = Literal["Minimize", "Maximize"]
CellKey = tuple[str, tuple[tuple[str, str, str], ...]]

CONFIDENCE = 0.95
MINIMUM_FOR_INTERVAL = 6
"""Below six runs even the whole range covers the median with less than 95 %, so there is no interval to give."""


@dataclass(frozen=True)
class Observation:
    """One run as the comparison sees it; `value` is the objective, None where the run has none."""

    cell: Cell
    value: float | None
    verdict: Verdict
    reason: Reason | None = None


@dataclass(frozen=True)
class CellSummary:
    """What is known of one cell. The statistics are over valid runs that have a value; None without any.

    `failures` counts failed runs by reason, `excluded` all other runs that are not in the statistics (warm-ups, retried
    ones, runs without the value).
    """

    cell: Cell
    values: tuple[float, ...]
    median: float | None
    minimum: float | None
    maximum: float | None
    interval: Interval | None
    failures: Mapping[str, int]
    excluded: Mapping[str, int]

    @property
    def n(self) -> int:
        """How many runs the statistics rest on."""
        return len(self.values)

    @property
    def failed(self) -> int:
        """How many runs failed, for whatever reason."""
        return sum(self.failures.values())


def cells(observations: Iterable[Observation]) -> tuple[CellSummary, ...]:
    """A summary of each cell that occurs, in the order in which they first occur."""
    grouped: dict[CellKey, list[Observation]] = {}
    for observation in observations:
        grouped.setdefault(key(observation.cell), []).append(observation)
    return tuple(_summary(group) for group in grouped.values())


def best(summaries: Sequence[CellSummary], goal: Goal = "Minimize") -> CellSummary | None:
    """The cell with the best median; None where no cell has a valid run. Of equals the first wins."""
    ordered = ranked(summaries, goal)
    return ordered[0] if ordered and ordered[0].median is not None else None


def ranked(summaries: Iterable[CellSummary], goal: Goal = "Minimize") -> tuple[CellSummary, ...]:
    """Best first; cells without a valid run come last, all ties in the given order."""
    sign = 1.0 if goal == "Minimize" else -1.0
    return tuple(sorted(summaries, key=lambda one: math.inf if one.median is None else sign * one.median))


def given_up(failed: Iterable[Cell], limit: int) -> frozenset[CellKey]:
    """The cells of these failed runs that failed as often as limits.failuresPerCell allows."""
    return frozenset(cell for cell, count in Counter(map(key, failed)).items() if count >= limit)


def key(cell: Cell) -> CellKey:
    """The cell as something hashable. 1 and 1.0 are the same (an API server writes one for the other); "1" is not."""
    return cell.shape, tuple(sorted((name, *_value_key(value)) for name, value in cell.parameters.items()))


def _value_key(value: Scalar) -> tuple[str, str]:
    if isinstance(value, float) and value.is_integer():
        return "int", str(int(value))
    return type(value).__name__, str(value)


def cell_text(cell: Cell) -> str:
    """The cell for a person: `4x1 format=tfrecord`."""
    return " ".join((cell.shape, *(f"{name}={scalar_text(value)}" for name, value in cell.parameters.items())))


def median_interval(values: Iterable[float]) -> Interval | None:
    """The 95 % confidence interval of the median by order statistics; None below six values.

    Between the k-th smallest and the k-th largest of n independent values, the true median lies with probability
    1 - 2·P(Binomial(n, 1/2) < k), whatever the distribution. k is the largest that keeps this at 95 % or more.
    """
    ordered = sorted(values)
    if len(ordered) < MINIMUM_FOR_INTERVAL:
        return None
    rank, coverage = _rank(len(ordered))
    return Interval(
        low=ordered[rank - 1], high=ordered[-rank],
        method=f"order statistics {rank} and {len(ordered) - rank + 1} of {len(ordered)}: covers the median with "
               f"{coverage:.1%}")


def _rank(n: int) -> tuple[int, float]:
    """The largest k with enough coverage, and that coverage."""
    tail, rank, coverage = 0.0, 0, 1.0
    for below in range(n // 2):
        tail += math.comb(n, below) / 2**n
        if 1 - 2 * tail < CONFIDENCE:
            break
        rank, coverage = below + 1, 1 - 2 * tail
    return rank, coverage


def _summary(group: Sequence[Observation]) -> CellSummary:
    values = tuple(one.value for one in group if one.verdict is Verdict.VALID and one.value is not None)
    failures: dict[str, int] = {}
    excluded: dict[str, int] = {}
    for one in group:
        if one.verdict is Verdict.FAILED:
            reason = str(one.reason or "Failed")
            failures[reason] = failures.get(reason, 0) + 1
        elif one.verdict is not Verdict.VALID or one.value is None:
            why = str(one.verdict) if one.verdict is not Verdict.VALID else "NoValue"
            excluded[why] = excluded.get(why, 0) + 1
    return CellSummary(
        cell=group[0].cell,
        values=values,
        median=statistics.median(values) if values else None,
        minimum=min(values, default=None),
        maximum=max(values, default=None),
        interval=median_interval(values),
        failures=failures,
        excluded=excluded,
    )

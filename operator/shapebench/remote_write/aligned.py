"""The measured part of a run as curves from 0: the sum over its pods, on one grid of moments.

Each pod is read by its own clock from its own beginning of the measured part, so clocks that differ do not matter: the
agents of pods that only serve wrote the marks in theirs. One that heard of none is read by the driver's, and a worker
that marked nothing by those of its gang that did.
Where the agent read a counter at both ends of the measured part, the curve ends at exactly that. A pod of which only
totals are left (its record came by the termination message or from a checkpoint, or was thinned) counts evenly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

from shapebench.api.assemble import DECIDING_ROLES, is_marked
from shapebench.api.record import PodRecord, RunRecord
from shapebench.remote_write import curves, names
from shapebench.remote_write.curves import Window

LONGEST_STEP_S = 1.0
MOST_POINTS = 3600

Column = tuple[str, list[tuple[float, float]]]
"""Its name, and pairs of seconds since the beginning and value."""


class Curves:
    """The sum of a run's pods, which are taken one at a time: a large run's do not fit into memory together.

    `pods` are all of the run's, to learn how long its measured part was and how far apart its samples are; then each
    of them is added.
    """

    def __init__(self, record: RunRecord, pods: Iterable[PodRecord]) -> None:
        """Raises what iterating the pods does."""
        import numpy as np

        looked = [(pod.role in DECIDING_ROLES and is_marked(pod), _window(pod, record, by_marks=False),
                   _window(pod, record, by_marks=True), _step_s(pod)) for pod in pods]
        self._by_marks = any(marked for marked, *_ in looked)
        windows = ((by_marks if self._by_marks else alone, step) for _, alone, by_marks, step in looked)
        known = [(window.length_s, step) for window, step in windows if window is not None]
        length_s = max((length for length, _ in known), default=0.0)
        self._record = record
        self._moments = np.array(grid(length_s, [step for _, step in known]) if length_s > 0 else ())
        self._sums: dict[str, Any] = {}

    def add(self, pod: PodRecord) -> None:
        """Add what a pod knows of its measured part."""
        window = _window(pod, self._record, by_marks=self._by_marks)
        if window is None or not len(self._moments):
            return
        for column in names.SUFFIXES:
            values = _values(pod, window, column, self._moments)
            if values is not None:
                self._sums[column] = self._sums[column] + values if column in self._sums else values

    def columns(self) -> Iterator[Column]:
        """Every column that a pod knew, and the workers' CPUs; none where no pod knew any of its measured part."""
        moments = self._moments.tolist()
        for column in names.SUFFIXES:
            if column in self._sums:
                yield column, list(zip(moments, self._sums[column].tolist(), strict=True))
        if self._sums:
            yield names.CPUS_COLUMN, [(moment, self._record.workers * self._record.cpu) for moment in moments]


def grid(length_s: float, steps_s: Iterable[float]) -> list[float]:
    """Moments from 0 to the length, as far apart as the shortest of the steps, a second at most; bounded in number."""
    step_s = min([LONGEST_STEP_S, *(step for step in steps_s if step > 0)])
    step_s = max(step_s, length_s / MOST_POINTS)
    moments = [number * step_s for number in range(max(1, math.ceil(length_s / step_s - 1e-3)))]
    return [*moments, length_s]


def _window(pod: PodRecord, record: RunRecord, *, by_marks: bool) -> Window | None:
    """The pod's measured part by its own clock; the run's, for a pod that only serves and was told of none, and for
    one whose program marked none where another of its gang did."""
    start_s, finish_s = pod.measured_started_s, pod.measured_finished_s
    if start_s is None and (by_marks or pod.role not in DECIDING_ROLES):
        start_s, finish_s = record.times.started_s, record.times.finished_s
    if start_s is None:
        start_s = pod.program_started_s
    ends = (finish_s, pod.program_finished_s, *pod.series.time_s[-1:], pod.last_reading_s)
    finish_s = next((end for end in ends if end is not None), None)
    return None if start_s is None or finish_s is None else Window(start_s, max(start_s, finish_s))


def _values(pod: PodRecord, window: Window, column: str, moments: Any) -> Any:
    """The pod's values at the moments; None if it has none."""
    drawn = curves.level(pod.series.time_s, pod.series.columns.get(column, ()), window, moments)
    if column == names.MEMORY_COLUMN:
        return drawn
    total = getattr(pod.measured_usage, column) if pod.measured_usage is not None else None
    if drawn is None:
        drawn = _straight(pod, window, column, moments, total)
    return None if drawn is None else curves.growth(drawn, moments, window, total)


def _straight(pod: PodRecord, window: Window, column: str, moments: Any, total: float | None) -> Any:
    """A counter without samples: the line over the measured part, else over the program's life; None if not known."""
    if total is not None:
        return curves.level((window.start_s, window.finish_s), (0.0, total), window, moments)
    used = getattr(pod.usage, column)
    start_s, finish_s = pod.program_started_s, pod.program_finished_s or pod.last_reading_s
    if used is None or start_s is None or finish_s is None or finish_s <= start_s:
        return None
    return curves.level((start_s, finish_s), (0.0, used), window, moments)


def _step_s(pod: PodRecord) -> float:
    """The distance of the pod's samples in one digit: it was set as such, and jitters."""
    gaps = [after - before for before, after in pairwise(pod.series.time_s)]
    return float(f"{median(gaps):.0e}") if gaps else 0.0

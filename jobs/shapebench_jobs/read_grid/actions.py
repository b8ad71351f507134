"""What is asked of the grid's rows, each a Spark action of its own: the rows, and the mean rate by each parameter.

Spark evaluates a distributed collection anew for every action that asks for it, unless it is cached. That is why the
evaluations of each action are counted: they say how often a parameter set was really read.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapebench_jobs.dataset.tally import Tally, total
from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.read_grid.grid import Counters, Row, Sum, SumBy

ROWS = "rows"
MEANS = {"mean-by-batch-size": "batch_size", "mean-by-batches": "batches", "mean-by-format": "format", "mean": ""}
"""Each action's name, and the parameter that it groups by."""


@dataclass(frozen=True)
class Evaluation:
    """One action: its answer, its time, and how many parameter sets were read for it."""

    action: str
    seconds: float
    sets_read: int
    rows: tuple[Row, ...] = ()
    means: Mapping[str | int, Sum] = field(default_factory=dict)
    preparing_task_seconds: float = 0.0
    """Of its tasks, spent before the sets' own clocks began. They are in `seconds`, side by side as the tasks were."""


def evaluate(grid: Any, counters: Counters) -> list[Evaluation]:
    """All actions on the grid (an RDD of rows), one after the other."""
    return [_timed(ROWS, grid, counters), *(_timed(action, grid, counters) for action in MEANS)]


def _timed(action: str, grid: Any, counters: Counters) -> Evaluation:
    sets_read, preparing = counters.sets_read.value, counters.preparing_seconds.value
    started_s = time.perf_counter()
    rows, means = (), {}
    if action == ROWS:
        rows = tuple(grid.collect())
    else:
        means = grid.map(SumBy(MEANS[action])).reduceByKey(operator.add, 1).collectAsMap()
    return Evaluation(action, time.perf_counter() - started_s, counters.sets_read.value - sets_read,
                      rows, means, counters.preparing_seconds.value - preparing)


def check(evaluations: Sequence[Evaluation], *, cached: bool) -> None:
    """Raise WrongAnswerError unless every action saw every set's images, and as many sets were read as had to be.

    More may be read: Spark reads again what was evicted from the cache, or lost with an executor.
    """
    rows = evaluations[0].rows
    images = total(row.part.tally for row in rows)
    for evaluation in evaluations[1:]:
        seen = total(mean.tally for mean in evaluation.means.values())
        if seen != images:
            raise WrongAnswerError(f"{evaluation.action} is of {seen}, the rows are of {images}")
    sets_read = sum(evaluation.sets_read for evaluation in evaluations)
    needed = len(rows) * (1 if cached else len(evaluations))
    if sets_read < needed:
        raise WrongAnswerError(f"{sets_read} parameter sets were read, and it takes {needed} reads")
    if sets_read == len(rows):  # all actions saw the same times
        _check_times(evaluations)


def _check_times(evaluations: Sequence[Evaluation]) -> None:
    rows = evaluations[0].rows
    for evaluation in evaluations[1:]:
        group = SumBy(MEANS[evaluation.action])
        for value, mean in evaluation.means.items():
            mine = sum((one for key, one in map(group, rows) if key == value), Sum(0.0, Tally()))
            if not math.isclose(mine.seconds, mean.seconds, rel_tol=1e-9):
                raise WrongAnswerError(f"{evaluation.action} of {value} is of {mean.seconds} s, its rows of "
                                       f"{mine.seconds} s")

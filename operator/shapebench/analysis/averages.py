"""Averages of what was measured: times by their mean, rates never by it.

A rate's average is all work over all time; where rows do not tell those, the harmonic mean, which is the same if each
row did as much work. The arithmetic mean of rates counts fast rows for more than they were.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from shapebench.analysis import objective, points
from shapebench.analysis.points import RATE_SUFFIX, Group, Reading
from shapebench.api.record import RunRecord

MEAN, TOTAL, HARMONIC, NONE = "mean", "all work / all time", "harmonic mean", "no average: a rate is 0 or less"


@dataclass(frozen=True)
class Average:
    """A value (None where there is none to give), how it was taken, and over how many readings of how many runs."""

    value: float | None
    how: str
    n: int
    runs: int


@dataclass(frozen=True)
class AtValue:
    """The average of a metric in a group where a factor has a value."""

    metric: str
    factor: str
    x: float
    group: Group
    average: Average


def by_value(records: Sequence[RunRecord], objective_metric: str) -> tuple[AtValue, ...]:
    """The averages at each value of each varied parameter (not of the data set's size), by metric, factor, x, group."""
    found = []
    for metric in points.metrics(objective_metric, records):
        them = points.of_records(records, metric)
        for factor in points.varied(them):
            if factor in (points.BYTES, points.IMAGES):
                continue
            at: dict[tuple[float, Group], list[points.Point]] = {}
            for point in them:
                if factor in point.factors:
                    at.setdefault((point.factors[factor], point.group), []).append(point)
            name = metric.removeprefix(objective.MEASUREMENT_PREFIX)
            found += [AtValue(metric, factor, x, group, of_readings(
                name, [one for point in own for one in point.readings], len({point.run for point in own})))
                for (x, group), own in sorted(at.items(), key=lambda item: item[0])]
    return tuple(found)


def of_readings(name: str, readings: Sequence[Reading], runs: int) -> Average:
    """The average of readings of the value called `name`. Raises statistics.StatisticsError without any."""
    values = [one.value for one in readings]
    if not name.endswith(RATE_SUFFIX):
        return Average(statistics.fmean(values), MEAN, len(values), runs)
    work, seconds = [one.work for one in readings], [one.seconds for one in readings]
    known_work, known_seconds = [one for one in work if one is not None], [one for one in seconds if one is not None]
    if len(known_work) == len(known_seconds) == len(values):
        return Average(math.fsum(known_work) / math.fsum(known_seconds), TOTAL, len(values), runs)
    if min(values) <= 0:
        return Average(None, NONE, len(values), runs)
    return Average(statistics.harmonic_mean(values), HARMONIC, len(values), runs)

"""The one number of a run that its cell is compared by."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping

from shapebench.analysis.summary import Observation
from shapebench.api.record import RunRecord

MEASUREMENT_PREFIX = "measurement."


def of_record(record: RunRecord, metric: str) -> float | None:
    """The record's value of `metric` (duration, cost or measurement.NAME); None where it has none.

    Of rows that are not all there no median is formed: it is the one that was taken of them all, if it was.
    """
    if record.measurements_left_out and metric.startswith(MEASUREMENT_PREFIX):
        return record.medians.get(metric.removeprefix(MEASUREMENT_PREFIX))
    return value(metric, record.duration_s, record.cost, (row.values for row in record.measurements))


def is_time(duration_s: float | None) -> bool:
    """Whether the measured part can have taken so long: clocks that are set while it runs make any number of it."""
    return duration_s is not None and math.isfinite(duration_s) and duration_s > 0


def value(metric: str, duration_s: float | None, cost: float | None,
          rows: Iterable[Mapping[str, float]]) -> float | None:
    """The value of `metric` among what a run has.

    measurement.NAME is the median over the rows that have NAME: a job writes a row for each epoch or pass, and the
    first ones are slow. Rows whose value is not finite do not count, and neither does a time that cannot be, or its
    cost. Raises ValueError for any other metric.
    """
    if metric in ("duration", "cost"):
        return (duration_s if metric == "duration" else cost) if is_time(duration_s) else None
    if not metric.startswith(MEASUREMENT_PREFIX):
        raise ValueError(f"{metric!r} is no objective; known are duration, cost and measurement.NAME")
    name = metric.removeprefix(MEASUREMENT_PREFIX)
    found = [row[name] for row in rows if name in row and math.isfinite(row[name])]
    return statistics.median(found) if found else None


def observations(records: Iterable[RunRecord], metric: str) -> tuple[Observation, ...]:
    """The records as the summary wants them."""
    return tuple(Observation(record.cell, of_record(record, metric), record.verdict, record.reason)
                 for record in records)

"""What there is to regress: one measured number of each run and parameter set, and the numbers that it may depend on.

A job may vary parameters inside one run, and then its rows tell which; rows that differ only in a counter (COUNTERS)
are repetitions of one measurement. Repetitions inside a run are not independent runs, so they make one point together,
with their median; counting each of them would make every p value too small.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shapebench.analysis import objective
from shapebench.api.fields import Scalar, scalar_text
from shapebench.api.record import Measurement, RunRecord, Verdict

COUNTERS = frozenset({"pass", "epoch", "repetition", "round", "iteration", "step", "trial", "attempt", "batch"})
"""Parameters of a row that number repetitions and set nothing."""
RATE_SUFFIX = "_per_second"
BYTES, IMAGES = "data read in MB", "images read"
"""The factors that stand for the data set's size: bytes (in MB, 10^6) where rows tell them, else images."""
_SAME_SIZE = 0.01

Group = tuple[tuple[str, str], ...]
"""Names and texts of what is no number: the shape, and parameters such as format."""


@dataclass(frozen=True)
class Reading:
    """One value as it was measured; for a rate, the work and the seconds that it came from, where the row tells."""

    value: float
    work: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Point:
    """One run's readings for one parameter set."""

    run: str
    group: Group
    factors: Mapping[str, float]
    readings: tuple[Reading, ...]
    flagged: bool = False
    """Whether the run counts though it is doubtful."""

    @property
    def value(self) -> float:
        """The median of the readings, as the objective takes it."""
        return statistics.median(one.value for one in self.readings)


def metrics(objective_metric: str, records: Sequence[RunRecord]) -> tuple[str, ...]:
    """What is worth regressing: the throughput that the job measured, where there is one, and the objective."""
    names = dict.fromkeys(name for record in records for row in record.measurements for name in row.values
                          if name.endswith(RATE_SUFFIX))
    first = f"images{RATE_SUFFIX}" if f"images{RATE_SUFFIX}" in names else next(iter(names), None)
    throughput = [f"{objective.MEASUREMENT_PREFIX}{first}"] if first else []
    chosen = objective_metric.removeprefix(objective.MEASUREMENT_PREFIX)
    return (objective_metric,) if chosen.endswith(RATE_SUFFIX) else (*throughput, objective_metric)


def of_records(records: Iterable[RunRecord], metric: str) -> tuple[Point, ...]:
    """The points of all valid runs. Values that are the same everywhere are left out of the groups."""
    found = [point for record in records if record.verdict is Verdict.VALID for point in _of_record(record, metric)]
    seen: dict[str, set[str]] = {}
    for point in found:
        for name, text in point.group:
            seen.setdefault(name, set()).add(text)
    return tuple(replace(one, group=_told_apart(one.group, seen)) for one in found)


def varied(points: Sequence[Point]) -> tuple[str, ...]:
    """The factors with more than one value, in the order in which they first occur, the data set's size last.

    A size that differs by less than 1 % is the same size.
    """
    names = dict.fromkeys(name for point in points for name in point.factors)
    return tuple(sorted((name for name in names if _varies(name, points)), key=(BYTES, IMAGES).__contains__))


def parameter_sets(record: RunRecord) -> dict[tuple[tuple[str, Scalar], ...], list[Measurement]]:
    """The record's rows by the parameters that the job itself set: neither counters nor the cell's own."""
    found: dict[tuple[tuple[str, Scalar], ...], list[Measurement]] = {}
    for row in record.measurements:
        found.setdefault(tuple(sorted(_inner(record, row).items())), []).append(row)
    return found


def reading(row: Measurement, name: str) -> Reading | None:
    """The row's value called `name`; None where it has none, or none that is finite."""
    value = row.values.get(name)
    if value is None or not math.isfinite(value):
        return None
    work, seconds = _work(row.values, name), row.values.get("seconds")
    # `seconds` may be another time than the one that the rate is over: believed only where it gives the rate.
    if not name.endswith(RATE_SUFFIX) or work is None or not seconds or not math.isclose(
            work / seconds, value, rel_tol=1e-3):
        return Reading(value)
    return Reading(value, work, seconds)


def number(value: Scalar) -> float | None:
    """The value where it is a finite number; a truth value is none."""
    if isinstance(value, bool | str) or not math.isfinite(value):
        return None
    return float(value)


def _of_record(record: RunRecord, metric: str) -> Iterable[Point]:
    if not metric.startswith(objective.MEASUREMENT_PREFIX):
        value = objective.of_record(record, metric)
        if value is not None:
            yield _point(record, {}, record.measurements, (Reading(value),), whole_run=True)
        return
    name = metric.removeprefix(objective.MEASUREMENT_PREFIX)
    for inner, rows in parameter_sets(record).items():
        told = [(row, one) for row in rows if (one := reading(row, name))]
        if told:
            yield _point(record, dict(inner), [row for row, _ in told], tuple(one for _, one in told))


def _point(record: RunRecord, inner: Mapping[str, Scalar], rows: Sequence[Measurement],
           readings: tuple[Reading, ...], *, whole_run: bool = False) -> Point:
    parameters = {**record.cell.parameters, **inner}
    factors = {name: value for name, given in parameters.items() if (value := number(given)) is not None}
    words = {name: scalar_text(given) for name, given in parameters.items() if number(given) is None}
    group = (("shape", record.cell.shape), *sorted(words.items()))
    return Point(record.run, group, factors | _size(rows, whole_run), readings, bool(record.flags))


def _size(rows: Sequence[Measurement], whole_run: bool) -> dict[str, float]:
    """What was read: in a run by all its rows together, in a parameter set by each of its rows."""
    for key, name, scale in (("bytes", BYTES, 1e6), ("images", IMAGES, 1.0)):
        sizes = [row.values[key] / scale for row in rows if key in row.values]
        if sizes:
            return {name: sum(sizes) if whole_run else statistics.median(sizes)}
    return {}


def _work(values: Mapping[str, float], name: str) -> float | None:
    """What a rate called X_per_second counts: X, or bytes for megabytes."""
    unit = name.removesuffix(RATE_SUFFIX)
    if unit == "megabytes" and "bytes" in values:
        return values["bytes"] / 1e6
    return values.get(unit)


def _inner(record: RunRecord, row: Measurement) -> dict[str, Scalar]:
    own = {(_plain(name), scalar_text(value)) for name, value in record.cell.parameters.items()}
    return {name: value for name, value in row.parameters.items()
            if name not in COUNTERS and (_plain(name), scalar_text(value)) not in own}


def _plain(name: str) -> str:
    """batchSize, batch-size and batch_size are one name: a Benchmark's, an option's and a row's."""
    return name.replace("-", "").replace("_", "").lower()


def _told_apart(group: Group, seen: Mapping[str, set[str]]) -> Group:
    return tuple((name, text) for name, text in group if len(seen[name]) > 1)


def _varies(name: str, points: Sequence[Point]) -> bool:
    values = {point.factors[name] for point in points if name in point.factors}
    if name in (BYTES, IMAGES):
        return max(values) - min(values) > _SAME_SIZE * max(values)
    return len(values) > 1

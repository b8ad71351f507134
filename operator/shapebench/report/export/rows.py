"""From a record to its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from shapebench.analysis import objective
from shapebench.api import assemble, phases
from shapebench.api.assemble import DECIDING_ROLES
from shapebench.api.record import Measurement, PodRecord, RunRecord, Times
from shapebench.report.export.columns import SERIES, Family, Kind
from shapebench.report.export.layouts import Key, Row, Value

_PLAIN = ("benchmark", "namespace", "run", "backend", "workers", "cpu", "memory_bytes", "block", "repetition",
          "position", "attempt", "duration_s", "cost", "cost_spent", "message", "memory_peak_is_sampled",
          "measured_memory_peak_is_sampled", "measurements_left_out")
_COUNTERS = SERIES[7:]


def of_run(record: RunRecord) -> Row:
    """The run's one row; of a measurement it has the median over the job's rows, as the objective takes it."""
    row: dict[Key, Value] = {(None, name): getattr(record, name) for name in _PLAIN}
    row |= {(None, name): value for name, value in record.usage.model_dump().items()}
    if record.measured_usage is not None:
        row |= {(None, f"measured_{name}"): value for name, value in record.measured_usage.model_dump().items()}
    lost = assemble.lost_usage(record)
    row |= {(None, f"lost_{name}"): value for name, value in (lost.model_dump() if lost else {}).items()}
    parts = phases.of_times(record.times)
    row |= {(None, name): value for name, value in (record.times.model_dump() | asdict(parts)).items()}
    row |= {
        (None, "shape"): record.cell.shape,
        (None, "phase"): record.phase.value,
        (None, "reason"): record.reason.value if record.reason else None,
        (None, "verdict"): record.verdict.value,
        (None, "flags"): " ".join(flag.kind.value for flag in record.flags),
        (None, "lost_pods"): " ".join(record.lost_pods),
    }
    row |= {(Family.PARAMETER, name): value for name, value in record.cell.parameters.items()}
    row |= {(Family.ENVIRONMENT, name): value for name, value in sorted(record.environment.items())}
    row |= {(Family.IMAGE, role): digest for role, digest in sorted(record.images.items())}
    measured = dict.fromkeys(name for measurement in record.measurements for name in measurement.values)
    return row | {(Family.MEASUREMENT, name): objective.of_record(record, f"{objective.MEASUREMENT_PREFIX}{name}")
                  for name in measured}


def of_measurements(record: RunRecord) -> Iterator[Row]:
    """A row for each row that the job wrote."""
    common: dict[Key, Value] = {
        (None, "benchmark"): record.benchmark, (None, "run"): record.run, (None, "shape"): record.cell.shape,
        (None, "block"): record.block, (None, "repetition"): record.repetition,
        (None, "verdict"): record.verdict.value,
        **{(Family.PARAMETER, name): value for name, value in record.cell.parameters.items()}}
    for number, (role, index, measurement) in enumerate(_written(record)):
        yield {**common, (None, "row"): number, (None, "role"): role, (None, "index"): index,
               **{(Family.ROW, name): value for name, value in measurement.parameters.items()},
               **{(Family.MEASUREMENT, name): value for name, value in measurement.values.items()}}


def _written(record: RunRecord) -> Iterator[tuple[str | None, int | None, Measurement]]:
    """The rows of the pods that decide, each with its pod's role and index; those of the run where pods lack theirs."""
    found = [(pod.role, pod.index, row) for pod in record.pods if pod.role in DECIDING_ROLES
             for row in pod.measurements]
    # A record that was made to fit has lost its pods' rows, or the run's last ones: the run's are those that count.
    if len(found) == len(record.measurements):
        yield from found
    else:
        yield from ((None, None, row) for row in record.measurements)


def of_series(record: RunRecord) -> Iterator[tuple[tuple[Value, ...], list[tuple[Value, ...]]]]:
    """For each pod what its samples share (run, pod, role, index, attempt), and the columns from time_s on."""
    attempts = [*((one.attempt, one.times, one.pod_records) for one in record.lost_attempts),
                (record.attempt, record.times, record.pods)]
    for attempt, its, pods in attempts:
        for pod in pods:
            if pod.series.time_s:
                yield (record.run, pod.pod, pod.role, pod.index, attempt), list(_samples(its, pod))


def _samples(its: Times, pod: PodRecord) -> Iterator[tuple[Value, ...]]:
    # The pod's own clock, where it knows when the measured part began: nodes' clocks differ.
    begun_s = pod.measured_started_s or its.started_s or pod.program_started_s
    times = pod.series.time_s
    yield times
    yield tuple(None if begun_s is None else round(time_s - begun_s, 3) for time_s in times)
    for column in _COUNTERS:
        given = pod.series.columns.get(column.name, ())
        yield tuple(_whole(given)) if column.kind is Kind.INTEGER else given


def _whole(values: Iterable[float | None]) -> Iterator[int | None]:
    return (None if value is None else int(value) for value in values)

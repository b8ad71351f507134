"""A run's record as time series: each pod's, in its own time, and the run's, moved to where its Benchmark began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shapebench.api.record import PodRecord, RunRecord
from shapebench.remote_write import aligned, names, parameters
from shapebench.remote_write.series import TimeSeries, ended, labels_of


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that is over: its record, its final verdict, and when its Benchmark was created (Unix seconds).

    `pods` are the record's, whatever is in `record.pods`: they can be taken again and again, one at a time.
    """

    record: RunRecord
    pods: Iterable[PodRecord]
    verdict: str
    benchmark_created_s: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What the installation wants sent: pods one by one too? and which labels on everything."""

    per_pod: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


def time_series(run: FinishedRun, choice: Choice) -> Iterator[TimeSeries]:
    """All series of the run, each whole, made one at a time: a large run's samples are many.

    Raises what taking its pods does, ahead of the first series: all of them are looked at before.
    """
    record = run.record
    summed = aligned.Curves(record, run.pods)
    for pod in run.pods:
        summed.add(pod)
        if choice.per_pod:
            yield from _of_pod(pod, {**choice.labels, **_run_labels(record), "source": names.SOURCE})
    labels = {**choice.labels, **_run_labels(record), "block": str(record.block), "verdict": run.verdict}
    for column, samples in summed.columns():
        moved = ((run.benchmark_created_s + offset_s, value) for offset_s, value in samples)
        yield from ended(labels_of(f"{names.ALIGNED}{names.ALIGNED_SUFFIXES[column]}", labels), moved)


def _of_pod(pod: PodRecord, shared: Mapping[str, str]) -> Iterator[TimeSeries]:
    labels = {**shared, "role": pod.role, "index": str(pod.index)}
    for column, suffix in names.SUFFIXES.items():
        values = pod.series.columns.get(column, ())
        yield from ended(labels_of(f"{names.POD}{suffix}", labels), zip(pod.series.time_s, values, strict=False))


def _run_labels(record: RunRecord) -> dict[str, str]:
    return {"namespace": record.namespace, "benchmark": record.benchmark, "run": record.run,
            "shape": record.cell.shape, **parameters.labels(record.cell.parameters)}

"""What a Benchmark and a run say as samples: families, labels, values. Pure.

Parameters become labels `parameter_<name>`; two Benchmarks may have different ones, which the client library's own
gauges could not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shapebench.api import moments
from shapebench.api.fields import scalar_text
from shapebench.api.run import BenchmarkRun
from shapebench.api.status import BenchmarkStatus
from shapebench.api.usage import Usage
from shapebench.remote_write import parameters

FAMILIES: Mapping[str, str] = {
    "shapebench_benchmark_runs": "Runs of a Benchmark by state: planned, created, active, succeeded, failed, skipped, "
                                 "excluded, flagged.",
    "shapebench_benchmark_created_seconds": "When a Benchmark was created, in Unix seconds: its aligned curves begin "
                                            "there.",
    "shapebench_benchmark_cost_spent": "What the runs of a Benchmark cost so far.",
    "shapebench_benchmark_best_objective": "The objective of the best cell so far.",
    "shapebench_run_created_seconds": "When a run was created, in Unix seconds: of every run, whatever it measured.",
    "shapebench_run_duration_seconds": "The measured part of a run, from the program's first instruction to its last.",
    "shapebench_run_cost": "What a run cost, in the currency of the shapes' prices.",
    "shapebench_run_measurement": "A value that the job measured; row counts the job's rows from 0.",
    "shapebench_run_started_seconds": "When the measured part of a run began, in Unix seconds.",
    "shapebench_run_finished_seconds": "When the measured part of a run ended, in Unix seconds.",
    "shapebench_run_cost_spent": "What the pods of a run cost for all the time that they held their nodes.",
    "shapebench_run_flag": "1 for each kind of reason to doubt a run: Throttled, Neighbour, ...",
    **{f"shapebench_run_usage_{name}": f"{name.replace('_', ' ')} of all pods of a run together, over their whole "
       "lives." for name in Usage.model_fields},
    **{f"shapebench_run_measured_usage_{name}": f"{name.replace('_', ' ')} of all pods of a run together, in its "
       "measured part." for name in Usage.model_fields},
    **{f"shapebench_run_lost_usage_{name}": f"{name.replace('_', ' ')} of all pods of a run's earlier attempts, which "
       "were lost, as far as they told." for name in Usage.model_fields},
}

@dataclass(frozen=True, slots=True)
class Fact:
    """One sample: its family, the labels that only it has, and its value."""

    family: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What one object says: labels that all its samples share, and the samples."""

    labels: Mapping[str, str]
    samples: tuple[Fact, ...]


def of_object(body: Mapping[str, Any]) -> Facts:
    """The samples of a Benchmark or a BenchmarkRun. Raises pydantic.ValidationError."""
    return _of_run(body) if body["kind"] == "BenchmarkRun" else _of_benchmark(body)


def _of_benchmark(body: Mapping[str, Any]) -> Facts:
    status = BenchmarkStatus.model_validate(body.get("status") or {})
    samples = [Fact("shapebench_benchmark_runs", count, {"state": state})
               for state, count in status.runs.model_dump().items()]
    if status.best is not None:
        labels = {"shape": status.best.shape, "metric": status.best.metric, **parameters.labels(status.best.parameters)}
        samples.append(Fact("shapebench_benchmark_best_objective", status.best.objective, labels))
    metadata = body["metadata"]
    if status.cost_spent is not None:
        samples.append(Fact("shapebench_benchmark_cost_spent", status.cost_spent))
    created_s = moments.unix_s(metadata.get("creationTimestamp"))
    if created_s is not None:
        samples.append(Fact("shapebench_benchmark_created_seconds", created_s))
    return Facts({"namespace": metadata["namespace"], "benchmark": metadata["name"]}, tuple(samples))


def _of_run(body: Mapping[str, Any]) -> Facts:
    """Before the run has measured something, and if it never does, that it is there and what became of it."""
    run = BenchmarkRun.model_validate(body)
    labels = {"namespace": run.metadata.namespace, "benchmark": run.spec.benchmark, "run": run.metadata.name,
              "shape": run.spec.shape, "block": str(run.spec.block), "verdict": str(run.status.verdict or ""),
              **parameters.labels(run.spec.parameters)}
    return Facts(labels, tuple(_run_samples(run)))


def _run_samples(run: BenchmarkRun) -> Iterable[Fact]:
    status = run.status
    for family, value in (("created_seconds", moments.unix_s(run.metadata.creation_timestamp)),
                          ("duration_seconds", status.duration_s),
                          ("cost", status.cost), ("cost_spent", status.cost_spent),
                          ("started_seconds", status.times.started_s), ("finished_seconds", status.times.finished_s)):
        if value is not None:
            yield Fact(f"shapebench_run_{family}", value)
    for kind in dict.fromkeys(flag.kind for flag in status.flags):  # each role or pod may have one of a kind
        yield Fact("shapebench_run_flag", 1, {"kind": str(kind)})
    for part, usage in (("usage", status.usage), ("measured_usage", status.measured_usage),
                        ("lost_usage", status.lost_usage)):
        for name, value in (usage.model_dump() if usage else {}).items():
            if value is not None:
                yield Fact(f"shapebench_run_{part}_{name}", value)
    yield from _measured(run)


def _measured(run: BenchmarkRun) -> Iterable[Fact]:
    """The job's rows. What they vary has the same label in all of them, and never one of the cell's."""
    rows = run.status.measurements
    varied = parameters.names((name for one in rows for name in one.parameters),
                              taken=parameters.names(run.spec.parameters).values())
    for row, measurement in enumerate(rows):
        labels = {varied[name]: scalar_text(value) for name, value in measurement.parameters.items()}
        for name, value in measurement.values.items():
            yield Fact("shapebench_run_measurement", value, {"name": name, "row": str(row), **labels})

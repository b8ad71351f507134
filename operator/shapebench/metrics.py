"""The operator's own metrics: what it last saw of each Benchmark and run, as Prometheus series.

Series are made when they are read, from facts kept per object, so they end with their object. Parameters become
labels `parameter_<name>`; two Benchmarks may have different ones, which the client's own gauges could not say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from pydantic import ValidationError

from shapebench.api.record import Scalar, Usage
from shapebench.api.run import BenchmarkRun
from shapebench.api.status import BenchmarkStatus

RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_FAMILIES: Mapping[str, str] = {
    "shapebench_benchmark_runs": "Runs of a Benchmark by state: planned, created, active, succeeded, failed, skipped.",
    "shapebench_benchmark_best_objective": "The objective of the best cell so far.",
    "shapebench_run_duration_seconds": "The measured part of a run, from the program's first instruction to its last.",
    "shapebench_run_cost": "What a run cost, in the currency of the shapes' prices.",
    "shapebench_run_measurement": "A value that the job measured; row counts the job's rows from 0.",
    **{f"shapebench_run_usage_{name}": f"{name.replace('_', ' ')} of all pods of a run together."
       for name in Usage.model_fields},
}

ObjectKey = tuple[str, str, str]
"""Kind, namespace, name."""


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


class Board(Collector):
    """The last facts of every object, by key; a Prometheus collector. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._facts: dict[ObjectKey, Facts] = {}
        self._last_event_s = clock()

    def saw(self, body: Mapping[str, Any]) -> None:
        """Take note of an object's last state. One that does not parse says nothing: not ours to judge here."""
        try:
            facts = run_facts(body) if body["kind"] == "BenchmarkRun" else benchmark_facts(body)
        except ValidationError:
            return
        with self._lock:
            self._facts[_key(body)] = facts

    def gone(self, body: Mapping[str, Any]) -> None:
        """Forget an object."""
        with self._lock:
            self._facts.pop(_key(body), None)

    def heard(self) -> None:
        """Some event came from the API server."""
        self._last_event_s = self._clock()

    def collect(self) -> Iterator[Metric]:
        """Every family with a sample, and the age of the last event."""
        with self._lock:
            facts = tuple(self._facts.values())
        families = {name: Metric(name, text, "gauge") for name, text in _FAMILIES.items()}
        for one in facts:
            for sample in one.samples:
                families[sample.family].add_sample(sample.family, {**one.labels, **sample.labels}, sample.value)
        yield from (family for family in families.values() if family.samples)
        age = Metric("shapebench_last_event_age_seconds", "Since the API server last said that something changed.",
                     "gauge")
        age.add_sample(age.name, {}, max(0.0, self._clock() - self._last_event_s))
        yield age


class Metrics:
    """All of the operator's metrics in a registry of their own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self.board = Board(clock)
        self.registry.register(self.board)
        ProcessCollector(registry=self.registry)
        self.reconcile_seconds = Histogram(
            "shapebench_reconcile_seconds", "One look at one Benchmark, by how it ended: done, failed.", ("result",),
            registry=self.registry, buckets=RECONCILE_BUCKETS)


def benchmark_facts(body: Mapping[str, Any]) -> Facts:
    """The samples of a Benchmark. Raises pydantic.ValidationError."""
    status = BenchmarkStatus.model_validate(body.get("status") or {})
    samples = [Fact("shapebench_benchmark_runs", count, {"state": state})
               for state, count in status.runs.model_dump().items()]
    if status.best is not None:
        labels = {"shape": status.best.shape, "metric": status.best.metric, **_parameters(status.best.parameters)}
        samples.append(Fact("shapebench_benchmark_best_objective", status.best.objective, labels))
    metadata = body["metadata"]
    return Facts({"namespace": metadata["namespace"], "benchmark": metadata["name"]}, tuple(samples))


def run_facts(body: Mapping[str, Any]) -> Facts:
    """The samples of a run; none before it has measured something. Raises pydantic.ValidationError."""
    run = BenchmarkRun.model_validate(body)
    labels = {"namespace": run.metadata.namespace, "benchmark": run.spec.benchmark, "run": run.metadata.name,
              "shape": run.spec.shape, "block": str(run.spec.block), "verdict": str(run.status.verdict or ""),
              **_parameters(run.spec.parameters)}
    return Facts(labels, tuple(_run_samples(run)))


def _run_samples(run: BenchmarkRun) -> Iterable[Fact]:
    status = run.status
    if status.duration_s is not None:
        yield Fact("shapebench_run_duration_seconds", status.duration_s)
    if status.cost is not None:
        yield Fact("shapebench_run_cost", status.cost)
    for name, value in (status.usage.model_dump() if status.usage else {}).items():
        if value is not None:
            yield Fact(f"shapebench_run_usage_{name}", value)
    for row, measurement in enumerate(status.measurements):
        varied = {"row": str(row), **_parameters(measurement.parameters)}
        for name, value in measurement.values.items():
            yield Fact("shapebench_run_measurement", value, {"name": name, **varied})


def _parameters(parameters: Mapping[str, Scalar]) -> dict[str, str]:
    return {f"parameter_{name}": _label(value) for name, value in parameters.items()}


def _label(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key(body: Mapping[str, Any]) -> ObjectKey:
    return body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]

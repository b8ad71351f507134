"""Real runs on this machine through the local backend, some seconds long, and longer ones made of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shapebench.api import keys, moments, quantity, wire
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Phase, PodRecord, RunRecord, Value
from shapebench.local import attempt, cores
from shapebench.local.context import Machine
from shapebench.plan import expand
from shapebench.reconcile import wording
from shapebench.remote_write.run import FinishedRun

NAMESPACE = "lab"
SECONDS = 3.0
Moments = TypeVar("Moments", bound=Value)
PROGRAM = Path(__file__).with_name("program.py")


def benchmark(name: str = "read-speed", interval: str = "1s") -> Benchmark:
    """Two shapes, a parameter with two values: four runs. The larger the batch, the more CPU and bytes."""
    arguments = [f"{SECONDS}", "0.{batchSize}", "{batchSize}00"]
    return Benchmark.model_validate({"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {
        "workload": {"tensorflow": {"command": [sys.executable, str(PROGRAM)], "arguments": arguments}},
        "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi", "pricePerHour": "0.10"},
                   {"name": "1x2", "workers": 1, "cpu": "2", "memory": "2Gi", "pricePerHour": "0.25"}],
        "parameters": [{"name": "batchSize", "values": [1, 3]}],
        "sampleInterval": interval,
        "repetitions": {"count": 1, "warmups": 0}}})


def fine() -> Benchmark:
    """One run of one worker with ten samples a second."""
    made = benchmark("read-fine", "100ms")
    spec = made.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    spec |= {"shapes": spec["shapes"][1:], "parameters": [{"name": "batchSize", "values": [2]}]}
    return Benchmark.model_validate({"metadata": made.metadata.model_dump(by_alias=True), "spec": spec})


def run_all(benchmarks: Sequence[Benchmark], folder: Path) -> list[tuple[RunRecord, ...]]:
    """The records of the Benchmarks' runs, which all happen at the same time: a few seconds."""
    with ThreadPoolExecutor(32) as pool:
        started = [[pool.submit(_run, made, one, folder) for one in expand.runs(made.metadata.name, made.spec)]
                   for made in benchmarks]
        return [tuple(one.result() for one in runs) for runs in started]


def _run(made: Benchmark, planned: expand.PlannedRun, folder: Path) -> RunRecord:
    environ = {**os.environ, wire.ENV_SAMPLE_INTERVAL_S: f"{quantity.interval_s(made.spec.sample_interval or '1s'):g}"}
    place = attempt.Place(Machine(cores.available(), environ, folder / "data"), folder / "logs")
    record = attempt.execute(made, planned, place, lambda _: None)
    logs = [path.read_text() for path in place.logs.glob(f"{record.run}-*")]
    assert record.phase is Phase.SUCCEEDED, (record.message, logs)
    return with_operations(record.model_copy(update={"namespace": NAMESPACE}))


def with_operations(record: RunRecord) -> RunRecord:
    """The record as a pod's cgroup would have told it, which counts operations and throttling; processes do not."""
    return record.model_copy(update={"pods": tuple(map(_pod_with_operations, record.pods))})


def _pod_with_operations(pod: PodRecord) -> PodRecord:
    columns = dict(pod.series.columns)
    for operations, moved in (("disk_reads", "disk_read_bytes"), ("disk_writes", "disk_written_bytes")):
        columns[operations] = tuple(None if one is None else one // 4096 for one in columns[moved])
    columns["cpu_throttled_seconds"] = tuple(None if one is None else one / 10 for one in columns["cpu_seconds"])
    return pod.model_copy(update={"series": pod.series.model_copy(update={"columns": columns})})


def stretched(record: RunRecord, factor: float, name: str) -> RunRecord:
    """The same run as if all in it had taken so many times as long, up to the same end. Its counts are as they were."""
    def moved(time_s: float) -> float:
        return end_s + (time_s - end_s) * factor

    end_s = max(pod.series.time_s[-1] for pod in record.pods)
    pods = tuple(_at(pod, moved).model_copy(update={"series": pod.series.model_copy(update={
        "time_s": tuple(map(moved, pod.series.time_s))})}) for pod in record.pods)
    duration_s = record.duration_s and record.duration_s * factor
    return record.model_copy(update={"benchmark": name, "run": keys.run_name(name, record.block, record.position),
                                     "times": _at(record.times, moved), "duration_s": duration_s, "pods": pods})


def _at(value: Moments, moved: Callable[[float], float]) -> Moments:
    """The value with its moments moved: the fields that end in _s."""
    moments = {name: getattr(value, name) for name in type(value).model_fields if name.endswith("_s")}
    return value.model_copy(update={name: moved(time_s) for name, time_s in moments.items() if time_s is not None})


@dataclass(frozen=True)
class Study:
    """A Benchmark that has run: its records, and when it was created (Unix seconds)."""

    benchmark: Benchmark
    records: tuple[RunRecord, ...]
    created_s: float

    @property
    def finished(self) -> Iterator[FinishedRun]:
        """The runs as they are sent."""
        for record in self.records:
            yield FinishedRun(record, str(record.verdict), self.created_s)

    @property
    def longest_s(self) -> float:
        """How long the longest run's measured part was."""
        return max(record.duration_s or 0.0 for record in self.records)

    def bodies(self) -> Iterator[dict[str, Any]]:
        """The Benchmark and its runs as the API server would tell them."""
        metadata = {"namespace": NAMESPACE, "creationTimestamp": moments.timestamp(self.created_s)}
        name, count = self.benchmark.metadata.name, len(self.records)
        spent = sum(record.cost_spent or record.cost or 0.0 for record in self.records)
        best = min(self.records, key=lambda record: record.duration_s or 0.0)
        yield {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {**metadata, "name": name},
               "spec": self.benchmark.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
               "status": {"phase": "Succeeded", "costSpent": spent,
                          "runs": {"planned": count, "created": count, "succeeded": count},
                          "best": {"shape": best.cell.shape, "parameters": best.cell.parameters, "metric": "duration",
                                   "objective": best.duration_s, "runs": 1, "summary": best.cell.shape}}}
        for record in self.records:
            yield {"apiVersion": keys.API_VERSION, "kind": "BenchmarkRun", "metadata": {**metadata, "name": record.run},
                   "spec": {"benchmark": name, "shape": record.cell.shape, "parameters": record.cell.parameters,
                            "block": record.block, "repetition": record.repetition, "position": record.position},
                   "status": {key: value for key, value in wording.final_status(record, "duration").items()
                              if value is not None}}

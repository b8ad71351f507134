"""Real runs: of pods that were recorded (recording.py), and of this machine, through the local backend."""

from __future__ import annotations

import gzip
import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapebench.api import assemble, cost, keys, moments, quantity, wire
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Phase, PodRecord, RunRecord, Times
from shapebench.local import attempt, cores
from shapebench.local.context import Machine
from shapebench.plan import expand
from shapebench.reconcile import wording
from shapebench.remote_write.run import FinishedRun

NAMESPACE = "lab"
SECONDS = 3.0
START_UP_S = 30
"""From the creation of a recorded run to its first pod's first sample."""
PROGRAM = Path(__file__).with_name("program.py")
RECORDED = Path(__file__).with_name("recorded")
SHORT, LONG = "read-speed", "read-long"
"""The Benchmarks that were recorded: four runs of three seconds, and the same as half an hour each."""


def benchmark(name: str = SHORT, interval: str = "1s") -> Benchmark:
    """Two shapes, a parameter with two values: four runs. The larger the batch, the more CPU and bytes."""
    arguments = [f"{SECONDS}", "0.{batchSize}", "{batchSize}00"]
    return Benchmark.model_validate({"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {
        "workload": {"tensorflow": {"command": [sys.executable, str(PROGRAM)], "arguments": arguments}},
        "shapes": [{"name": "2x1", "workers": 2, "cpu": "200m", "memory": "1Gi", "pricePerHour": "0.10"},
                   {"name": "1x2", "workers": 1, "cpu": "400m", "memory": "2Gi", "pricePerHour": "0.25"}],
        "parameters": [{"name": "batchSize", "values": [1, 3]}],
        "sampleInterval": interval,
        "repetitions": {"count": 1, "warmups": 0}}})


def fine() -> Benchmark:
    """One run of one worker with ten samples a second."""
    made = benchmark("read-fine", "100ms")
    spec = made.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    spec |= {"shapes": spec["shapes"][1:], "parameters": [{"name": "batchSize", "values": [2]}]}
    return Benchmark.model_validate({"metadata": made.metadata.model_dump(by_alias=True), "spec": spec})


def run(made: Benchmark, folder: Path) -> tuple[RunRecord, ...]:
    """The records of the Benchmark's runs, made on this machine: processes count no operations of disks and nothing
    that a limit withholds."""
    return tuple(_run(made, planned, folder) for planned in expand.runs(made.metadata.name, made.spec))


def _run(made: Benchmark, planned: expand.PlannedRun, folder: Path) -> RunRecord:
    environ = {**os.environ, wire.ENV_SAMPLE_INTERVAL_S: f"{quantity.interval_s(made.spec.sample_interval or '1s'):g}"}
    place = attempt.Place(Machine(cores.available(), environ, folder / "data"), folder / "logs")
    record = attempt.execute(made, planned, place, lambda _: None)
    logs = [path.read_text() for path in place.logs.glob(f"{record.run}-*")]
    assert record.phase is Phase.SUCCEEDED, (record.message, logs)
    return record.model_copy(update={"namespace": NAMESPACE})


def recorded(name: str, end_s: float) -> tuple[RunRecord, ...]:
    """The records of a recorded Benchmark's runs, moved in time: the last of their samples was taken at `end_s`."""
    kept = json.loads(gzip.decompress((RECORDED / f"{name}.json.gz").read_bytes()))
    pods = {run: [PodRecord.model_validate(pod) for pod in its] for run, its in kept["runs"].items()}
    by_s = end_s - max(pod.series.time_s[-1] for its in pods.values() for pod in its)
    made = benchmark(name)
    return tuple(_recorded(made, planned, [_later(pod, by_s) for pod in pods[planned.name]])
                 for planned in expand.runs(name, made.spec))


def _recorded(made: Benchmark, planned: expand.PlannedRun, pods: list[PodRecord]) -> RunRecord:
    begun_s, over_s = min(pod.agent_started_s for pod in pods), max(pod.series.time_s[-1] for pod in pods)
    price = cost.gang_per_hour(made.spec.workload, planned.shape)
    context = assemble.RunContext(
        benchmark=made.metadata.name, namespace=NAMESPACE, run=planned.name, backend="kubernetes", cell=planned.cell,
        shape=planned.shape, block=planned.block, repetition=planned.repetition, position=planned.position,
        price_per_hour=price)
    outcome = assemble.Outcome(1, cost_spent=cost.of_time(price, over_s - begun_s))
    return assemble.run_record(context, pods, outcome, Times(created_s=begun_s - START_UP_S, scheduled_s=begun_s))


def _later(pod: PodRecord, by_s: float) -> PodRecord:
    """The fields that end in _s are moments."""
    known = {name: getattr(pod, name) for name in PodRecord.model_fields if name.endswith("_s")}
    series = pod.series.model_copy(update={"time_s": tuple(time_s + by_s for time_s in pod.series.time_s)})
    return pod.model_copy(update={"series": series, **{
        name: time_s + by_s for name, time_s in known.items() if time_s is not None}})


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
            yield FinishedRun(record, record.pods, str(record.verdict), self.created_s)

    @property
    def longest_s(self) -> float:
        """How long the longest run's measured part was."""
        return max(record.duration_s or 0.0 for record in self.records)

    def bodies(self) -> Iterator[dict[str, Any]]:
        """The Benchmark and its runs as the API server would tell them."""
        metadata = {"namespace": NAMESPACE, "creationTimestamp": moments.timestamp(self.created_s)}
        name, count = self.benchmark.metadata.name, len(self.records)
        spent = sum(record.cost_spent or record.cost or 0.0 for record in self.records)
        best = min(self.records, key=lambda record: record.duration_s or math.inf)
        yield {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {**metadata, "name": name},
               "spec": self.benchmark.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
               "status": {"phase": "Succeeded", "costSpent": spent,
                          "runs": {"planned": count, "created": count, "succeeded": count},
                          "best": {"shape": best.cell.shape, "parameters": best.cell.parameters, "metric": "duration",
                                   "objective": best.duration_s, "runs": 1, "summary": best.cell.shape}}}
        yield from self.run_bodies()

    def run_bodies(self) -> Iterator[dict[str, Any]]:
        """The runs alone."""
        for record in self.records:
            created = moments.timestamp(record.times.created_s or 0.0)
            yield {"apiVersion": keys.API_VERSION, "kind": "BenchmarkRun",
                   "metadata": {"namespace": NAMESPACE, "name": record.run, "creationTimestamp": created},
                   "spec": {"benchmark": record.benchmark, "shape": record.cell.shape,
                            "parameters": record.cell.parameters, "block": record.block,
                            "repetition": record.repetition, "position": record.position},
                   "status": {key: value for key, value in wording.final_status(record, "duration").items()
                              if value is not None}}

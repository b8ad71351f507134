"""Records with everything that a table can show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shapebench.api.record import Cell, Flag, Measurement, Phase, PodRecord, Reason, RunRecord, Times, Verdict
from shapebench.api.usage import Series, Usage

MakeRecord = Callable[..., RunRecord]


def pod(number: int, measured_started_s: float | None = 1001.5) -> PodRecord:
    return PodRecord(
        pod=f"b-1-1-a1-worker-{number}", role="worker", index=number, counters="cgroup-v2", agent_started_s=1000.0,
        program_started_s=1000.5, measured_started_s=measured_started_s, exit_code=0,
        series=Series(time_s=(1001.0, 1002.0, 1003.25),
                      columns={"cpu_seconds": (0.5, 1.5, None), "network_receive_bytes": (0, 10, 2**40),
                               "memory_bytes": (100, 200, 150)}))


@pytest.fixture
def make_record() -> MakeRecord:
    def make(position: int = 1, **fields: Any) -> RunRecord:
        given: dict[str, Any] = {
            "benchmark": "b", "namespace": "lab", "run": f"b-1-{position}", "backend": "kubernetes",
            "cell": Cell(shape="2x1", parameters={"format": "tfrecord", "batchSize": 64}), "workers": 2, "cpu": 0.5,
            "memory_bytes": 2**30, "block": 1, "repetition": 1, "position": position, "attempt": 1,
            "phase": Phase.SUCCEEDED, "verdict": Verdict.THROTTLED,
            "flags": (Flag(kind=Verdict.THROTTLED, message="m"), Flag(kind=Verdict.STEAL, message="m")),
            "times": Times(created_s=990.0, started_s=1001.5, finished_s=1003.0), "duration_s": 1.5, "cost": 0.25,
            "cost_spent": 0.5, "usage": Usage(cpu_seconds=3.0, disk_reads=7), "measured_usage": Usage(cpu_seconds=2.0),
            "memory_peak_is_sampled": False, "measured_memory_peak_is_sampled": True,
            "environment": {"spark": "4.3.0", "conf": 'a=1\n"b"=2, c\r'}, "images": {"worker": "sha256:1"},
            "measurements": (Measurement(parameters={"pass": 1, "format": "x"}, values={"rate": 10.0}),
                             Measurement(parameters={"pass": 2, "format": "x"}, values={"rate": 30.0, "loss": 0.5})),
            "pods": (pod(0), pod(1, None)),
        }
        return RunRecord.model_validate(given | fields)
    return make


@pytest.fixture
def records(make_record: MakeRecord) -> list[RunRecord]:
    failed = make_record(3, phase=Phase.FAILED, reason=Reason.WRONG_ANSWER, verdict=Verdict.FAILED, duration_s=None,
                         message="two\nlines", measurements=(), pods=(), measured_usage=None, environment={})
    return [make_record(1), make_record(2, cell=Cell(shape="1x2", parameters={"format": "images"})), failed]

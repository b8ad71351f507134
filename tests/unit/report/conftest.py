"""Records to report on, of which a test names only what it is about."""

from collections.abc import Callable
from typing import Any

import pytest

from shapebench.api.record import Cell, Phase, Reason, RunRecord, Times, Verdict
from shapebench.api.usage import Usage

MakeRecord = Callable[..., RunRecord]


@pytest.fixture
def make_record() -> MakeRecord:
    def make(shape: str = "4x1", duration_s: float | None = 3.0, *, block: int = 1, reason: Reason | None = None,
             parameters: dict[str, Any] | None = None, **fields: Any) -> RunRecord:
        verdict = Verdict.FAILED if reason else Verdict.WARMUP if block == 0 else Verdict.VALID
        given: dict[str, Any] = {
            "benchmark": "read-speed", "namespace": "local", "run": f"read-speed-{block}-1", "backend": "local",
            "cell": Cell(shape=shape, parameters=parameters or {}), "workers": 4, "cpu": 1.0,
            "memory_bytes": 2**30, "block": block, "repetition": block, "position": 1, "attempt": 1,
            "phase": Phase.FAILED if reason else Phase.SUCCEEDED, "reason": reason, "verdict": verdict,
            "times": Times(created_s=1000.0, started_s=1001.0, finished_s=1004.0), "duration_s": duration_s,
            "usage": Usage(cpu_seconds=12.5, network_receive_bytes=1000, network_transmit_bytes=500,
                           disk_read_bytes=7, disk_written_bytes=8),
        }
        return RunRecord.model_validate(given | fields)
    return make

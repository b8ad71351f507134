"""Records of which a test names only what it is about."""

from collections.abc import Callable
from typing import Any

import pytest

from shapebench.api.record import Cell, Measurement, Phase, RunRecord, Times, Verdict

MakeRun = Callable[..., RunRecord]
Rows = list[tuple[dict[str, Any], dict[str, float]]]


@pytest.fixture
def make_run() -> MakeRun:
    count = 0

    def make(parameters: dict[str, Any] | None = None, rows: Rows | None = None,
             *, shape: str = "4x1", duration_s: float | None = 3.0, verdict: Verdict = Verdict.VALID) -> RunRecord:
        nonlocal count
        count += 1
        return RunRecord(
            benchmark="b", namespace="local", run=f"b-{count}", backend="local",
            cell=Cell(shape=shape, parameters=parameters or {}), workers=4, cpu=1.0, memory_bytes=2**30, block=1,
            repetition=1, position=count, attempt=1, phase=Phase.SUCCEEDED, verdict=verdict, times=Times(),
            duration_s=duration_s,
            measurements=tuple(Measurement(parameters=given, values=values) for given, values in rows or []))
    return make

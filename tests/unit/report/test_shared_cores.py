"""A shape that is larger than the machine it ran on is said with the answer."""

from __future__ import annotations

import pytest

from shapebench.api.record import RunRecord
from shapebench.report import answer
from shapebench.report.subject import Subject


def record(shape: str, cpu: float, backend: str, cpus: str) -> RunRecord:
    return RunRecord.model_validate({
        "benchmark": "one", "namespace": "lab", "run": f"one-{shape}", "backend": backend, "workers": 2, "cpu": cpu,
        "memory_bytes": 2**30, "block": 1, "repetition": 1, "position": 1, "attempt": 1, "phase": "Succeeded",
        "verdict": "Valid", "times": {}, "cell": {"shape": shape}, "duration_s": cpu,
        "environment": {"cpus": cpus} if cpus else {}})


@pytest.mark.parametrize(("backend", "cpus", "warned"), [
    pytest.param("local", "2", True, id="too-large"),
    pytest.param("local", "128", False, id="fits"),
    pytest.param("local", "", False, id="not-told"),
    pytest.param("kubernetes", "2", False, id="pods-are-placed-by-their-size"),
])
def test_the_headline_warns(backend: str, cpus: str, warned: bool) -> None:
    told = answer.headline(Subject("one"), [record("big", 64.0, backend, cpus), record("small", 1.0, backend, cpus)])
    assert ("Beware: this machine has 2 cores, and big (128 CPU) ran on them" in told) == warned

"""Benchmarks of tiny programs, and a machine to run them on."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapebench.api.benchmark import Benchmark
from shapebench.local.attempt import Place
from shapebench.local.context import Machine

MakeBenchmark = Callable[..., Benchmark]


@pytest.fixture
def make_benchmark() -> MakeBenchmark:
    def make(program: str = "pass", *, arguments: tuple[str, ...] = (), workers: int = 1, parameter_servers: int = 0,
             limits: dict[str, Any] | None = None, **spec: Any) -> Benchmark:
        workload = {"command": [sys.executable, "-c", program], "arguments": arguments,
                    "parameterServers": parameter_servers}
        return Benchmark.model_validate({"metadata": {"name": "tiny"}, "spec": {
            "workload": {"tensorflow": workload},
            "shapes": [{"name": "a", "workers": workers, "cpu": "1", "memory": "1Gi"}],
            "repetitions": {"count": 1, "warmups": 0},
            "limits": limits or {},
        } | spec})
    return make


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Machine((0,), dict(os.environ), tmp_path / "data"), tmp_path / "logs")

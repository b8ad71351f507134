"""What one attempt at one run is given on this machine."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import shapebench
from shapebench.api import quantity, wire
from shapebench.api.benchmark import Benchmark
from shapebench.local import cores
from shapebench.local.gang import Member
from shapebench.local.java import Java
from shapebench.plan import expand, templates

NAMESPACE = "local"


@dataclass(frozen=True)
class Machine:
    """What the runs find: cores, a Java runtime (for Spark), the environment, and where made data sets are kept."""

    cores: tuple[int, ...]
    environ: Mapping[str, str]
    data: Path
    java: Java | None = None


@dataclass(frozen=True)
class Attempt:
    """One attempt. `scratch` is a folder of its own that goes when it ends, `logs` one that stays."""

    benchmark: Benchmark
    run: expand.PlannedRun
    machine: Machine
    scratch: Path
    logs: Path

    @property
    def timeout_s(self) -> int:
        """How long the program may take."""
        return quantity.duration_s(self.benchmark.spec.limits.run_timeout)

    @property
    def cpu(self) -> float:
        """Cores of one worker."""
        return quantity.cpu_cores(self.run.shape.cpu)

    def arguments(self) -> list[str]:
        """The program's arguments, filled in."""
        values = expand.template_values(self.run, self.benchmark.spec.order.seed)
        return [templates.fill(argument, values) for argument in self.benchmark.spec.workload.program.arguments]

    def member(self, role: str, index: int, program: tuple[str, ...], extra: Mapping[str, str]) -> Member:
        """A member of the gang: an agent that runs `program`; a driver may use all cores."""
        record = self.scratch / f"{role}-{index}.json"
        every_core = self.machine.cores
        return Member(
            role=role,
            index=index,
            command=(sys.executable, "-m", "shapebench.agent", "--", *program),
            env=self._environment(role, index, record) | dict(extra),
            cores=every_core if role == wire.ROLE_DRIVER else cores.assign(every_core, index, self.cpu),
            log=self.log(role, index),
            record=record,
            serves=role == wire.ROLE_PARAMETER_SERVER,
        )

    def log(self, role: str, index: int) -> Path:
        """Where the output of this member goes."""
        return self.logs / f"{self.run.name}-{role}-{index}.log"

    def _environment(self, role: str, index: int, record: Path) -> dict[str, str]:
        """The machine's environment, then what wire.py promises, then the user's own variables."""
        threads = str(quantity.task_slots(self.cpu))
        own = {one.name: one.value or "" for one in self.benchmark.spec.workload.program.env}
        return {
            **self.machine.environ,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), self.machine.environ.get("PATH", os.defpath))),
            "PYTHONPATH": os.pathsep.join(filter(None, (*_packages(), self.machine.environ.get("PYTHONPATH")))),
            "PYTHONUNBUFFERED": "1",
            "SHAPEBENCH_DATA_DIR": str(self.machine.data),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            **own,
            wire.ENV_NAMESPACE: NAMESPACE,
            wire.ENV_BENCHMARK: self.benchmark.metadata.name,
            wire.ENV_RUN: self.run.name,
            wire.ENV_SHAPE: self.run.shape.name,
            wire.ENV_NODE: platform.node(),
            wire.ENV_POD: f"{self.run.name}-{role}-{index}",
            wire.ENV_ROLE: role,
            wire.ENV_INDEX: str(index),
            wire.ENV_WORKERS: str(self.run.shape.workers),
            wire.ENV_CPU: f"{self.cpu:g}",
            wire.ENV_SEED: str(self.benchmark.spec.order.seed),
            wire.ENV_COUNTERS: "processes",
            wire.ENV_SAMPLE_INTERVAL_S: f"{quantity.interval_s(self.benchmark.spec.sample_interval or '1s'):g}",
            wire.ENV_METRICS_PORT: "0",
            wire.ENV_AWAIT: "",
            wire.ENV_AWAIT_TIMEOUT_S: str(quantity.duration_s(self.benchmark.spec.limits.start_timeout)),
            wire.ENV_RECORD_FILE: str(record),
        }


def _packages() -> tuple[str, ...]:
    """Where the agent and the jobs are imported from, installed or not."""
    operator = Path(shapebench.__file__).resolve().parent.parent
    jobs = operator.parent / "jobs"
    return (str(operator), str(jobs)) if jobs.is_dir() else (str(operator),)

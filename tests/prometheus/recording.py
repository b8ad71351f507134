"""Records real pods, for tests on machines that cannot have them.

    PYTHONPATH=operator:tests python -m prometheus.recording tests/prometheus/recorded/read-speed.json.gz 3 0.02 1
    PYTHONPATH=operator:tests python -m prometheus.recording tests/prometheus/recorded/read-long.json.gz 1800 0.1 0.2

The numbers are the measured part's seconds, its steps' seconds, and a factor for CPU and bytes a second. Each pod has
control groups (version 1) and a network of its own, and its shape's CPU limit, as a container runtime makes them; its
agent reads them as in a pod. A limit on the disk that nobody reaches makes new kernels count its operations. What the
agents say is kept word for word; `lab.recorded` makes runs of it. Needs root, and a kernel with such groups.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import own_pod
from prometheus import lab

from shapebench.agent import package
from shapebench.api import quantity, wire
from shapebench.plan import expand
from shapebench.plan.expand import PlannedRun

PROGRAM = Path(__file__).with_name("recorded") / "program.py"
UNREACHED = 10**11
"""Bytes a second."""


def record(name: str, seconds: float, step_s: float, scale: float, agent: Path) -> dict[str, Any]:
    """What is kept of a Benchmark's runs, which all happen at the same time."""
    made = lab.benchmark(name)
    runs = list(expand.runs(name, made.spec))
    with ThreadPoolExecutor(32) as pool:
        pods = {run.name: [pool.submit(_pod, run, index, (seconds, step_s, scale), agent)
                           for index in range(run.shape.workers)] for run in runs}
        return {"benchmark": name, "kernel": os.uname().release, "runs": {
            run: [one.result() for one in its] for run, its in pods.items()}}


def _pod(run: PlannedRun, index: int, pace: tuple[float, float, float], agent: Path) -> dict[str, Any]:
    seconds, step_s, scale = pace
    batch = float(run.cell.parameters["batchSize"])
    with (own_pod.place("v1", network=True, limit_cores=quantity.cpu_cores(run.shape.cpu)) as place,
          own_pod.echo(place.outside) as port, tempfile.TemporaryDirectory() as folder):
        _count_operations(place.prefix)
        kept = Path(folder) / "record.json"
        environ = {
            "PATH": os.environ["PATH"], wire.ENV_COUNTERS: "cgroup", wire.ENV_METRICS_PORT: "0",
            wire.ENV_RECORD_FILE: str(kept), wire.ENV_NAMESPACE: lab.NAMESPACE, wire.ENV_RUN: run.name,
            wire.ENV_SHAPE: run.shape.name, wire.ENV_ROLE: wire.ROLE_WORKER, wire.ENV_INDEX: str(index)}
        words = (seconds, step_s, scale * batch / 20, scale * batch * 200, place.outside, port)
        subprocess.run([*place.prefix, sys.executable, "-I", str(agent), "--cgroup-root", str(place.cgroup_root), "--",
                        sys.executable, "-I", "-S", str(PROGRAM), *map(str, words)],
                       env=environ, check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(kept.read_text())
        return found


def _count_operations(prefix: tuple[str, ...]) -> None:
    """Since Linux 6.10 the first version's groups count them only where there is a limit."""
    device = Path("/var/tmp").stat().st_dev
    disk = f"{os.major(device)}:{os.minor(device) // 16 * 16}"
    for direction in ("read", "write"):
        script = (f"group=$(sed -n 's/^.*:blkio://p' /proc/self/cgroup); echo {disk} {UNREACHED} > "
                  f"/sys/fs/cgroup/blkio$group/blkio.throttle.{direction}_bps_device")
        subprocess.run([*prefix, "sh", "-c", script], check=True)


def main(file: Path, seconds: float, step_s: float, scale: float) -> None:
    """Record the Benchmark that is called like the file, of lab.py."""
    with tempfile.TemporaryDirectory() as folder:
        agent = Path(folder) / "agent.pyz"
        package.build(agent)
        found = record(file.name.partition(".")[0], seconds, step_s, scale, agent)
    file.write_bytes(gzip.compress(json.dumps(found, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(float, sys.argv[2:]))

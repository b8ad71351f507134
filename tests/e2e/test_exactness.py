"""What agents count in real pods, beside what the programs in them know that they used: 1 %, memory 2 %."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import exactness
import known_life

from e2e.conftest import Cluster, python_benchmark
from e2e.reporting import records
from shapebench.api.record import RunRecord

CPU_SECONDS, DATAGRAMS = 12, 8000
"""So much that what happens at the ends, and what agents say to each other, is far below a hundredth."""

ECHO = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("", 2223))
    server.settimeout(120)
    try:
        while True:
            server.sendto(*server.recvfrom(65536))
            server.settimeout(6)
    except socket.timeout:
        pass
"""

PEER = """
import json, os, socket, sys, time
gang = json.loads(os.environ["TF_CONFIG"])
if gang["task"]["index"] == 1:
    sys.exit()
for _ in range(300):
    try:
        print(socket.gethostbyname(gang["cluster"]["worker"][1].rpartition(":")[0]))
        break
    except OSError:
        time.sleep(0.1)
"""

START = """
address=$(python3 /programs/peer.py)
[ -n "$address" ] || exec python3 /programs/echo.py
exec python3 -I -S /programs/known_life.py "$@" "$address" 2223 DATAGRAMS
"""


def test_a_life_whose_use_is_known(cluster: Cluster) -> None:
    """It moves bytes in its measured part alone: the interpreter's own files, read from the disk, do not count."""
    _give_programs(cluster, {"echo.py": ECHO, "peer.py": PEER, "start.sh": START.replace("DATAGRAMS", str(DATAGRAMS)),
                             "known_life.py": Path(known_life.__file__).read_text()})
    command = ["sh", "/programs/start.sh", str(CPU_SECONDS), "/shapebench/data", str(exactness.DISK_MIB)]
    cluster.apply(python_benchmark("known", "", workers=2, cpu="1", memory="1Gi",
                                   workload={"tensorflow": {"command": command}}, volumes=VOLUMES))
    cluster.wait("Succeeded", "bm/known", 300)
    [run] = _records(cluster, "known")
    [pod] = [pod for pod in run.pods if pod.index == 0]
    assert pod.measured_usage is not None, "the marks were heard in time"
    figures = exactness.figures(pod, pod.measured_usage)
    _judge(figures)
    assert {one.name for one in figures if one.error is not None} == exactness.BOUNDS.keys(), "nothing is left out"


def _judge(figures: Sequence[exactness.Figure]) -> None:
    print(Path("/proc/loadavg").read_text().split()[0], "load", *(f"{one.name} {one.error:+.2%}" for one in figures
                                                                   if one.error is not None), sep="; ")
    assert [one for one in figures if not one.holds] == []


VOLUMES = [{"name": "programs", "mountPath": "/programs", "readOnly": True, "configMap": {"name": "programs"}}]


def _give_programs(cluster: Cluster, files: dict[str, str]) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "programs"}, "data": files})


def _records(cluster: Cluster, name: str) -> list[RunRecord]:
    found: list[dict[str, Any]] = records(cluster, name)
    return [RunRecord.model_validate(record) for record in found]

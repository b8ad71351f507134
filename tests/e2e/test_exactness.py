"""What agents count in real pods, beside what the programs in them know that they used: 1 %, memory 2 %."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import exactness
import known_life
import known_spark
import own_pod
import pytest

from e2e.conftest import Cluster, python_benchmark
from e2e.reporting import records
from shapebench.api.record import RunRecord

pytestmark = pytest.mark.alone

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
export KNOWN_GROUP=/sys/fs/cgroup
exec python3 -I -S /programs/known_life.py "$@" "$address" 2223 DATAGRAMS
"""


def test_a_life_whose_use_is_known(cluster: Cluster) -> None:
    """It moves bytes in its measured part alone: the interpreter's own files, read from the disk, do not count."""
    _give_programs(cluster, {"echo.py": ECHO, "peer.py": PEER, "start.sh": START.replace("DATAGRAMS", str(DATAGRAMS)),
                             "known_life.py": Path(known_life.__file__).read_text()})
    command = ["sh", "/programs/start.sh", str(CPU_SECONDS), "/shapebench/data", str(exactness.DISK_MIB)]
    run = _heard_in_time(cluster, workers=2, memory="1Gi", workload={"tensorflow": {"command": command}})
    [pod] = [pod for pod in run.pods if pod.index == 0]
    assert pod.measured_usage is not None
    assert pod.measured_memory_peak_is_sampled is False
    figures = exactness.figures(pod, pod.measured_usage)
    _judge(figures)
    assert {one.name for one in figures if one.error is not None} == exactness.BOUNDS.keys(), "nothing is left out"


EXECUTORS, BURNT_SECONDS = 2, 45


def test_spark_executors_whose_use_is_known(spark_cluster: Cluster) -> None:
    """The driver marks the measured part. Spark's own packets are not known: of bytes they are below a hundredth."""
    cluster = spark_cluster
    programs = [Path(one.__file__) for one in (known_life, known_spark)]
    _give_programs(cluster, {path.name: path.read_text() for path in programs})
    words = [str(number) for number in (EXECUTORS, BURNT_SECONDS, exactness.DISK_MIB, DATAGRAMS)]
    workload = {"spark": {"application": "/programs/known_spark.py", "arguments": words,
                          "driver": {"cpu": "1", "memory": "1Gi"}}}
    run = _heard_in_time(cluster, workers=EXECUTORS, memory="2Gi", workload=workload)
    known = {row.parameters["executor"]: row.values for row in run.measurements}
    executors = {pod.index: pod.measured_usage for pod in run.pods if pod.role == "executor"}
    assert known.keys() == executors.keys()
    figures = []
    for index, usage in executors.items():
        assert usage is not None
        values, moved = known[index], 2 * known[index]["datagrams"] * (known_life.PAYLOAD_BYTES + own_pod.FRAME_BYTES)
        pages = min(max(usage.disk_read_bytes - values["disk"], values["least_pages"]), values["most_pages"])
        figures += [
            exactness.Figure("measured cpu", values["cpu"], usage.cpu_seconds),
            exactness.Figure("disk read", values["disk"] + pages, usage.disk_read_bytes),
            exactness.Figure("disk written", values["disk"], usage.disk_written_bytes),
            exactness.Figure("memory peak", values["memory"], usage.memory_peak_bytes),
            exactness.Figure("network bytes", moved, usage.network_receive_bytes + usage.network_transmit_bytes),
        ]
    _judge(figures)


def _judge(figures: Sequence[exactness.Figure]) -> None:
    print(Path("/proc/loadavg").read_text().split()[0], "load", *(f"{one.name} {one.error:+.2%}" for one in figures
                                                                   if one.error is not None), sep="; ")
    assert [one for one in figures if not one.holds] == []


VOLUMES = [{"name": "programs", "mountPath": "/programs", "readOnly": True, "configMap": {"name": "programs"}}]


def _give_programs(cluster: Cluster, files: dict[str, str]) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "programs"}, "data": files})


def _heard_in_time(cluster: Cluster, **spec: Any) -> RunRecord:
    """A run of whose measured part all agents know the usage."""
    numbers = itertools.count()

    def lived() -> RunRecord:
        name = f"known-{next(numbers)}"
        cluster.apply(python_benchmark(name, "", cpu="1", volumes=VOLUMES, **spec))
        cluster.wait("Succeeded", f"bm/{name}")
        [found] = records(cluster, name)
        return RunRecord.model_validate(found)

    return exactness.heard_in_time(lived, lambda run: any(pod.measured_usage is None for pod in run.pods))

"""The agent inside real pods: known amounts of CPU, disk and network come back in the record."""

from __future__ import annotations

import pytest

from e2e.conftest import Cluster, python_benchmark

BURNER = """
import os, resource, time
end = time.process_time() + 3.0
while time.process_time() < end:
    sum(range(1000))
used = resource.getrusage(resource.RUSAGE_SELF)
print("burnt", used.ru_utime + used.ru_stime)
"""

WRITER_AND_READER = """
import mmap, os
block = mmap.mmap(-1, 1 << 20)
path = "/shapebench/data/known"
fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_DIRECT)
for _ in range(64):
    os.write(fd, block)
os.fsync(fd); os.close(fd)
fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
total = 0
while (got := os.readv(fd, [block])):
    total += got
print("read", total)
"""

SENDER = """
import json, os, socket, time
config = json.loads(os.environ["TF_CONFIG"])
me, peer = config["task"]["index"], config["cluster"]["worker"][1].rsplit(":", 1)
if me == 1:
    server = socket.create_server(("", 2222)); connection, _ = server.accept()
    total = 0
    while (got := connection.recv(1 << 16)):
        total += len(got)
    print("received", total)
else:
    for _ in range(100):
        try:
            connection = socket.create_connection((peer[0], 2222)); break
        except OSError:
            time.sleep(0.1)
    connection.sendall(bytes(20_000_000)); connection.close()
"""


def _only_run(cluster: Cluster, name: str) -> dict[str, object]:
    cluster.wait("Succeeded", f"bm/{name}", 180)
    return cluster.run_status(f"{name}-1-1")


def test_cpu_of_a_known_burner(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("burner", BURNER))
    usage = _only_run(cluster, "burner")["usage"]
    # The rest is Python's own start and the agent.
    assert 3.0 <= usage["cpuSeconds"] <= 3.5
    assert usage["cpuThrottledSeconds"] > 0, "half a core for three seconds of work is throttled"


def test_disk_of_a_known_writer_and_reader(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("disk", WRITER_AND_READER))
    usage = _only_run(cluster, "disk")["usage"]
    size = 64 << 20
    assert usage["diskWrittenBytes"] == pytest.approx(size, rel=0.02)
    assert size <= usage["diskReadBytes"] <= size * 1.5, "the program's own files are read too"
    # A kernel that keeps cgroup v1's blkio counters at zero gives no operations: absent then, never invented.
    assert usage.get("diskWrites", 64) >= 64


def test_network_of_a_known_sender(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("sender", SENDER, workers=2))
    cluster.wait("Succeeded", "bm/sender", 180)
    usage = cluster.run_status("sender-1-1")["usage"]
    assert usage["networkTransmitBytes"] == pytest.approx(20e6, rel=0.05)
    assert usage["networkReceiveBytes"] == pytest.approx(20e6, rel=0.05)
    assert usage["networkTransmitPackets"] > 0

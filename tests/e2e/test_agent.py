"""A CPU limit that cuts in, inside a real pod. How exact the figures are: test_exactness.py."""

from __future__ import annotations

from e2e.conftest import Cluster, python_benchmark

BURNER = """
import os, resource, time
end = time.process_time() + 3.0
while time.process_time() < end:
    sum(range(1000))
used = resource.getrusage(resource.RUSAGE_SELF)
print("burnt", used.ru_utime + used.ru_stime)
"""


def test_cpu_of_a_known_burner(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("burner", BURNER))
    cluster.wait("Succeeded", "bm/burner", 180)
    usage = cluster.run_status("burner-1-1")["usage"]
    # The rest is Python's own start.
    assert 3.0 <= usage["cpuSeconds"] <= 3.5
    assert usage["cpuThrottledSeconds"] > 0, "half a core for three seconds of work is throttled"

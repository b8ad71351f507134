"""A CPU limit that cuts in, inside a real pod. How exact the figures are: test_exactness.py."""

from __future__ import annotations

import pytest

from e2e.conftest import Cluster, python_benchmark
from e2e.reporting import records

BURNER = """
import json, os, resource, time
end = time.process_time() + 2.0
while time.process_time() < end:
    sum(range(1000))
used = resource.getrusage(resource.RUSAGE_SELF)
row = {"event": "measurement", "parameters": {}, "values": {"burnt": used.ru_utime + used.ru_stime}}
with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as events:
    print(json.dumps(row), file=events)
"""


def test_cpu_of_a_known_burner(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("burner", BURNER, cpu="250m"))
    cluster.wait("Succeeded", "bm/burner")
    usage = cluster.run_status("burner-1-1")["usage"]
    (record,) = records(cluster, "burner")
    (row,) = record["measurements"]
    assert usage["cpuSeconds"] == pytest.approx(row["values"]["burnt"], rel=0.05), "but for Python's own end"
    assert usage["cpuThrottledSeconds"] > 0, "two seconds of work at a quarter of a core are throttled"

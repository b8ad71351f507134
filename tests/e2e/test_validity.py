"""A neighbour on a real cluster: the run is flagged and left out, and that is said wherever people look.

kind's nodes share one machine, so a burner anywhere on it is everybody's neighbour.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from e2e.conftest import Cluster, python_benchmark, until
from e2e.reporting import records, report

pytestmark = pytest.mark.alone

WORK = "import time; time.sleep(6)"
BURN = "import os; [os.fork() for _ in range({forks})]\nwhile True: pass"


@pytest.fixture
def burner(cluster: Cluster) -> Iterator[None]:
    """A run of another Benchmark that uses half of the machine's CPUs for as long as it may."""
    processes = max(1, (os.cpu_count() or 1) // 2)
    forks = max(0, (processes - 1).bit_length())
    cluster.apply(python_benchmark("burner", BURN.replace("{forks}", str(forks)), cpu=str(processes),
                                   limits={"runTimeout": "5m", "retries": 0}))
    until(lambda: cluster.items("bmr") and cluster.run_status("burner-1-1").get("phase") == "Running")
    yield
    cluster.kubectl("delete", "bm", "burner", "--wait=true")


@pytest.mark.usefixtures("burner")
@pytest.mark.parametrize("policy", ["Exclude", "Flag"])
def test_a_run_beside_a_burner(cluster: Cluster, policy: str) -> None:
    bounds = {"policy": policy, "maxForeignCpuShare": "0.2"}
    cluster.apply(python_benchmark("beside", WORK, cpu="250m", validity=bounds))
    cluster.wait("Failed" if policy == "Exclude" else "Succeeded", "bm/beside")
    found = cluster.run_status("beside-1-1")
    assert found["phase"] == "Succeeded", "the program did its work"
    flag = next(one for one in found["flags"] if one["kind"] == "Neighbour")
    assert "what is not of the run used" in flag["message"]
    assert flag["value"] > flag["bound"] == 0.2
    assert found["verdict"] == ("Neighbour" if policy == "Exclude" else "Valid")
    assert found["verdict"] in cluster.kubectl("get", "bmr", "beside-1-1")
    counts = cluster.get("bm", "beside")["status"]["runs"]
    assert (counts["excluded"], counts["flagged"]) == ((1, 0) if policy == "Exclude" else (0, 1))
    told = report(cluster, "beside")
    assert ("no run was valid, so there is no answer: Neighbour 1" in told) == (policy == "Exclude")
    assert f"beside-1-1 {'left out' if policy == 'Exclude' else 'counts'}: Neighbour" in told


def test_the_record_tells_what_it_ran_on(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("told", WORK, workers=2, validity={"policy": "Flag"}))
    cluster.wait("Succeeded", "bm/told")
    (record,) = records(cluster, "told")
    environment = record["environment"]
    assert environment["node"] in {node["metadata"]["name"] for node in cluster.items("nodes")}
    for fact in ("cpu_model", "cpus", "kernel", "cgroup", "node_types", "nodes", "python", "tensorflow"):
        assert environment.get(fact), fact
    assert environment["cpu_limit"] == "0.5"
    assert record["images"]["worker"].startswith("sha256:")
    assert all(pod["surroundings"]["boot_id"] for pod in record["pods"])

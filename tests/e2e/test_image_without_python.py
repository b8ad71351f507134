"""A program in an image that has no Python, not even a shell: the cluster's scheduler, which prints its version."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.conftest import Cluster, python_benchmark


@pytest.fixture
def benchmark(system: Cluster) -> dict[str, Any]:
    (scheduler,) = Cluster("kube-system").items("pods", "-l", "component=kube-scheduler")
    image = scheduler["spec"]["containers"][0]["image"]
    body = python_benchmark("version", "", limits={"failuresPerCell": 1, "retries": 0},
                            podTemplate={"securityContext": {"runAsUser": 1000}})
    body["spec"]["workload"] = {"tensorflow": {
        "image": image, "imagePullPolicy": "IfNotPresent", "command": ["/usr/local/bin/kube-scheduler", "--version"]}}
    return body


def test_it_fails_with_the_way_out(cluster: Cluster, benchmark: dict[str, Any]) -> None:
    cluster.apply(benchmark)
    cluster.wait("Failed", "bm/version")
    found = cluster.run_status("version-1-1")
    assert found["reason"] == "ProgramFailed"
    assert "set agentPython: Bundled in the workload" in found["message"]


def test_a_python_brought_along_measures_it(cluster: Cluster, benchmark: dict[str, Any]) -> None:
    benchmark["spec"]["workload"]["tensorflow"]["agentPython"] = "Bundled"
    cluster.apply(benchmark)
    cluster.wait("Succeeded", "bm/version")
    found = cluster.run_status("version-1-1")
    assert found["durationS"] > 0
    assert found["usage"]["memoryPeakBytes"] > 1_000_000

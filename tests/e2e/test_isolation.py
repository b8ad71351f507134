"""isolation: Node on a real cluster: the run waits for free nodes, and nobody comes while it lasts.

kind's own daemons in the way: local-path-storage's provisioner and the operator stay where they are (the tests look for
the nodes that they leave), kindnet and kube-proxy are kube-system's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conftest import Cluster, python_benchmark, until

pytestmark = pytest.mark.alone

LIMITS = {"startTimeout": "10m", "runTimeout": "5m"}


def foreign(system: Cluster, name: str, **where: Any) -> dict[str, Any]:
    """A pod of nobody's run, of an image that is on every node: the operator's."""
    (operator, *_) = system.items("pods", "-l", "app.kubernetes.io/name=shapebench")
    container = {
        "name": "x", "image": operator["spec"]["containers"][0]["image"], "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", "import time; time.sleep(3600)"], "securityContext": {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
            "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, **where}}


@pytest.fixture
def workers(cluster: Cluster) -> list[str]:
    """The nodes that ordinary pods may run on."""
    return [node["metadata"]["name"] for node in cluster.items("nodes")
            if not any(taint["effect"] == "NoSchedule" for taint in node["spec"].get("taints", []))]


@pytest.fixture
def free_node(cluster: Cluster, system: Cluster, workers: list[str]) -> Iterator[str]:
    """A worker node that has only the cluster's own daemons, and is marked for the test; the operator moves off it."""
    name = workers[-1]
    cluster.kubectl("cordon", name)
    try:
        for pod in json.loads(cluster.kubectl("get", "pods", "-A", f"--field-selector=spec.nodeName={name}",
                                              "-o", "json"))["items"]:
            metadata = pod["metadata"]
            if metadata["namespace"] not in ("kube-system", cluster.namespace):
                Cluster(metadata["namespace"]).kubectl("delete", "pod", metadata["name"], "--wait=true")
    finally:
        cluster.kubectl("uncordon", name)
    cluster.kubectl("label", "node", name, "e2e=isolated", "--overwrite")
    until(lambda: all(status["ready"] for pod in system.items("pods", "-l", "app.kubernetes.io/name=shapebench")
                      for status in pod["status"].get("containerStatuses", [{"ready": False}])))
    yield name
    cluster.kubectl("label", "node", name, "e2e-")


def isolated(program: str, **spec: Any) -> dict[str, Any]:
    return python_benchmark("alone", program, isolation="Node", limits=LIMITS,
                            podTemplate={"nodeSelector": {"e2e": "isolated"}}, **spec)


def run_phase(cluster: Cluster) -> str:
    return str(cluster.run_status("alone-1-1").get("phase", "")) if cluster.items("bmr") else ""


def test_a_run_waits_until_no_foreign_pod_is_on_its_node(cluster: Cluster, system: Cluster, free_node: str) -> None:
    cluster.apply(foreign(system, "in-the-way", nodeName=free_node))
    cluster.apply(isolated("pass"))
    until(lambda: "anti-affinity" in cluster.run_status("alone-1-1").get("message", "") if cluster.items("bmr") else "")
    found = cluster.run_status("alone-1-1")
    assert found["phase"] == "Starting"
    assert "isolation: Node needs nodes without foreign pods" in found["message"]
    assert "Unschedulable" in cluster.kubectl("describe", "bm", "alone")
    cluster.kubectl("delete", "pod", "in-the-way")
    cluster.wait("Succeeded", "bm/alone")


def test_no_foreign_pod_comes_while_the_run_lasts(cluster: Cluster, system: Cluster, free_node: str) -> None:
    cluster.apply(isolated("import time; time.sleep(20)", workers=2))
    until(lambda: run_phase(cluster) == "Running")
    cluster.apply(foreign(system, "late", nodeSelector={"e2e": "isolated"}))
    conditions = until(lambda: [one for one in cluster.get("pod", "late")["status"].get("conditions", [])
                                if one["type"] == "PodScheduled" and one["status"] == "False"])
    assert "didn't satisfy existing pods anti-affinity rules" in conditions[0]["message"]
    assert run_phase(cluster) == "Running"
    cluster.wait("Succeeded", "bm/alone")
    assert cluster.run_status("alone-1-1")["environment"]["nodes"] == f"worker: {free_node} (2)"

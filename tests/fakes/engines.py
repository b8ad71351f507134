"""What other operators do with the objects they are given, tick by tick: Spark's, the training operator, and Kueue."""

from __future__ import annotations

import copy
from typing import Any

from fakes.cluster import FakeCluster
from shapebench.api import keys, wire

_SETTLED = ("COMPLETED", "FAILED", "SUBMISSION_FAILED")


def work(cluster: FakeCluster) -> None:
    """Every object that nothing holds back gets its pods; one that is held back loses them."""
    for body in cluster.kind("TFJob"):
        pods = _tf_pods(body)
        _keep(cluster, body, {} if body["spec"]["runPolicy"].get("suspend") else pods)
    for body in cluster.kind("SparkApplication"):
        if body["spec"].get("suspend"):
            _keep(cluster, body, {})
        elif body.get("status", {}).get("applicationState", {}).get("state") not in _SETTLED:
            _keep(cluster, body, _spark_pods(cluster, body))


def take_in(cluster: FakeCluster) -> None:
    """Kueue: whatever has a queue gets a Workload."""
    for body in cluster.kind("TFJob") + cluster.kind("SparkApplication"):
        metadata, name = body["metadata"], f"{body['kind'].lower()}-{body['metadata']['name']}"
        if keys.LABEL_QUEUE in metadata["labels"] and ("Workload", name) not in cluster.objects:
            cluster.add({"kind": "Workload", "metadata": {"name": name, "ownerReferences": [{"uid": metadata["uid"]}]}})


def admit(cluster: FakeCluster, after_ticks: int = 3) -> None:
    """Kueue: whatever has a queue is admitted some ticks after it came."""
    take_in(cluster)
    for kind in ("TFJob", "SparkApplication"):
        for body in cluster.kind(kind):
            if keys.LABEL_QUEUE in body["metadata"]["labels"] and cluster.now_s >= body["fake-born"] + after_ticks:
                suspend(cluster, kind, body["metadata"]["name"], False)


def suspend(cluster: FakeCluster, kind: str, name: str, held: bool) -> None:
    """Hold the object back, or let it go."""
    spec = cluster.objects[kind, name]["spec"]
    (spec["runPolicy"] if kind == "TFJob" else spec)["suspend"] = held


def say(cluster: FakeCluster, kind: str, message: str) -> None:
    """Every object of the kind is given up with this message."""
    for (one, _), body in cluster.objects.items():
        if one == kind == "TFJob":
            body["status"] = {"conditions": [{"type": "Created", "status": "True"},
                                             {"type": "Failed", "status": "True", "message": message}]}
        elif one == kind:
            body["status"] = {"applicationState": {"state": "FAILED", "errorMessage": message}}


def _tf_pods(job: dict[str, Any]) -> dict[str, Any]:
    return {f"{job['metadata']['name']}-{kind.lower()}-{index}": replica["template"]
            for kind, replica in job["spec"]["tfReplicaSpecs"].items() for index in range(replica["replicas"])}


def _spark_pods(cluster: FakeCluster, application: dict[str, Any]) -> dict[str, Any]:
    name, spec = application["metadata"]["name"], application["spec"]
    pods = {f"{name}-driver": spec["driver"]["template"]}
    driver = cluster.objects.get(("Pod", f"{name}-driver"), {})
    if driver.get("status", {}).get("phase") == "Running":
        for number in range(1, spec["executor"]["instances"] + 1):
            pods[f"{name}-exec-{number}"] = spec["executor"]["template"]
    return pods


def _keep(cluster: FakeCluster, owner: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The owner's pods are those that are wanted: new ones are made; with nothing wanted all go."""
    uid = owner["metadata"]["uid"]
    for pod in cluster.kind("Pod"):
        if not wanted and uid in [one["uid"] for one in pod["metadata"]["ownerReferences"]]:
            cluster.delete("Pod", pod["metadata"]["name"])
    for name, template in wanted.items():
        if ("Pod", name) not in cluster.objects:
            metadata = copy.deepcopy(template["metadata"]) | {"name": name, "ownerReferences": [{"uid": uid}]}
            if metadata["labels"][keys.LABEL_ROLE] != wire.ROLE_DRIVER:
                metadata["labels"][keys.LABEL_INDEX] = name.rsplit("-", 1)[1]
            cluster.add({"kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])})

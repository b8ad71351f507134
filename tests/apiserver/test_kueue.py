"""The real Kueue holds a run back, admits it, and takes its place back: what the run says meanwhile.

No operator makes pods here, for none is needed to see who may start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from apiserver import operator_process, other_operators, queues
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import OperatorProcess, apply, listed, run_status, tensorflow, until

pytestmark = pytest.mark.timeout(300)  # the first test waits for a control plane, Kueue and the operator to start

Body = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def kueue(engine_server: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with other_operators.kueue(engine_server, tmp_path_factory.mktemp("kueue")) as log:
        yield log


def names(plane: ControlPlane, namespace: str, kind: str) -> list[str]:
    return [one["metadata"]["name"] for one in listed(plane, namespace, kind)]


def workloads(plane: ControlPlane, namespace: str) -> int:
    """How many Kueue knows of."""
    answer = plane.kubectl("get", "workloads.v1beta2.kueue.x-k8s.io", "-n", namespace, "-o", "name")
    return len(answer.stdout.split())


@pytest.mark.parametrize(("workload", "kind"), [
    pytest.param({"tensorflow": {"engine": "TFJob", "job": "train"}}, "tfjobs", id="tf-job"),
    pytest.param({"spark": {"engine": "SparkApplication", "job": "read-speed",
                            "driver": {"serviceAccountName": "spark"}}}, "sparkapplications", id="spark-application"),
])
def test_kueue_decides_when_a_run_starts(engine_server: ControlPlane, engine_operator: OperatorProcess,
                                         engine_namespace: str, workload: Body, kind: str) -> None:
    plane, namespace = engine_server, engine_namespace
    status = partial(run_status, plane, namespace)
    queues.set_policy(plane, namespace, "Hold")
    apply(plane, namespace, tensorflow("queued", workload=workload, queueName=queues.NAME))
    until(lambda: status("queued-1-1").get("message") == queues.WAITING, engine_operator)
    assert status("queued-1-1")["phase"] == "Pending"
    until(lambda: workloads(plane, namespace) == 1, engine_operator)
    queues.set_policy(plane, namespace, "None")
    until(lambda: status("queued-1-1").get("phase") == "Starting", engine_operator)
    assert status("queued-1-1")["times"]["admittedS"] > status("queued-1-1")["times"]["createdS"]
    queues.set_policy(plane, namespace, "HoldAndDrain")
    until(lambda: status("queued-1-1").get("attempt") == 2, engine_operator)
    assert "its queue took its place back" in status("queued-1-1")["lostAttempts"][0]
    until(lambda: names(plane, namespace, kind) == ["queued-1-1-a2"], engine_operator)
    assert status("queued-1-1")["message"] == queues.WAITING


def place(plane: ControlPlane, namespace: str, name: str) -> Body:
    """What Kueue says of the Workload of a gang of ours."""
    answer = plane.kubectl("get", "workloads.v1beta2.kueue.x-k8s.io", name, "-n", namespace, "-o", "json",
                           "--ignore-not-found")
    found: Body = json.loads(answer.stdout) if answer.stdout else {}
    return found.get("status", {})


WORKLOADS = "workloads.v1beta2.kueue.x-k8s.io"
OWN_GANGS = [
    pytest.param({"tensorflow": {"job": "train", "parameterServers": 1}}, {"worker": 2, "ps": 1},
                 ["-ps-0", "-worker-0", "-worker-1"], id="tensorflow"),
    pytest.param({"spark": {"job": "read-speed", "driver": {"serviceAccountName": "spark"}}},
                 {"driver": 1, "executor": 2}, ["-driver"], id="spark"),
]


@pytest.mark.parametrize(("workload", "counted", "pods"), OWN_GANGS)
def test_a_gang_of_ours_is_admitted_whole_or_waits(
        engine_server: ControlPlane, engine_operator: OperatorProcess, engine_namespace: str, workload: Body,
        counted: dict[str, int], pods: list[str]) -> None:
    plane, namespace = engine_server, engine_namespace
    status = partial(run_status, plane, namespace)
    queues.set_policy(plane, namespace, "None")  # four cores: room for three at a time, not for six
    failing_once = {"workload": workload, "queueName": queues.NAME, "limits": {"failuresPerCell": 1}}
    apply(plane, namespace, tensorflow("one", **failing_once))
    until(lambda: names(plane, namespace, "pods") == [f"one-1-1-a1{one}" for one in pods], engine_operator)
    assigned = place(plane, namespace, "one-1-1-a1")["admission"]["podSetAssignments"]
    assert {one["name"]: one["count"] for one in assigned} == counted
    for pod in listed(plane, namespace, "pods"):
        assert pod["spec"]["nodeSelector"] == {"pool": "research"}
        assert "research" in [one.get("key") for one in pod["spec"]["tolerations"]]
    apply(plane, namespace, tensorflow("two", **failing_once))
    until(lambda: "insufficient unused quota for cpu" in status("two-1-1").get("message", ""), engine_operator)
    assert status("two-1-1")["phase"] == "Pending"
    assert len(names(plane, namespace, "pods")) == len(pods), "none before the whole gang has its place"
    operator_process.end_pods(plane, namespace, "one", exit_code=3)
    until(lambda: status("one-1-1").get("phase") == "Failed", engine_operator)
    until(lambda: names(plane, namespace, "pods") == [f"two-1-1-a1{one}" for one in pods], engine_operator)
    assert names(plane, namespace, WORKLOADS) == ["two-1-1-a1"], "the place of the first was given back"
    queues.set_policy(plane, namespace, "HoldAndDrain")
    until(lambda: status("two-1-1").get("attempt") == 2, engine_operator)
    assert "its queue took its place back" in status("two-1-1")["lostAttempts"][0]
    until(lambda: names(plane, namespace, WORKLOADS) == ["two-1-1-a2"], engine_operator)
    assert names(plane, namespace, "pods") == []
    queues.set_policy(plane, namespace, "None")
    until(lambda: names(plane, namespace, "pods") == [f"two-1-1-a2{one}" for one in pods], engine_operator)
    times = status("two-1-1")["times"]
    assert times["admittedS"] > times["createdS"]

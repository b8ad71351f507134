"""isolation: Node, decided by the real kube-scheduler over two nodes that only the API server knows."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiserver import control_plane, other_operators
from apiserver.operator_process import until
from kubernetes import client
from unit.build import test_gang as built

from shapebench.api import keys
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Reason
from shapebench.build import gang as gangs
from shapebench.reconcile import facts

Body = dict[str, Any]
NODES = ("a", "b")


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.CoreV1Api]:
    """A server of its own: the scheduler would give the nodes to what other tests leave behind."""
    folder = tmp_path_factory.mktemp("scheduled")
    with control_plane.running(folder) as plane, other_operators.process(folder / "scheduler.log", [
            other_operators.find("kube-scheduler"), f"--kubeconfig={plane.kubeconfig}", "--leader-elect=false",
            "--secure-port=0"], {}), plane.client() as api:
        made = client.CoreV1Api(api)
        for node in NODES:
            made.create_node({"metadata": {"name": node, "labels": {"kubernetes.io/hostname": node}}})
            made.patch_node(node, {"spec": {"taints": None}})  # not ready, says admission of every new node
            size = {"cpu": "16", "memory": "64Gi", "pods": "110"}
            made.patch_node_status(node, {"status": {"capacity": size, "allocatable": size}})
        yield made


@pytest.fixture
def namespaces(core: client.CoreV1Api) -> Iterator[tuple[str, str]]:
    """Two of the test's own, whose pods are gone afterwards, as are those of kube-system."""
    name = f"test-{secrets.token_hex(4)}"
    both = (f"{name}-1", f"{name}-2")
    for each in both:
        core.create_namespace({"metadata": {"name": each}})
    yield both
    for each in (*both, "kube-system"):
        for pod in core.list_namespaced_pod(each).items:
            core.delete_namespaced_pod(pod.metadata.name, each, grace_period_seconds=0)


def foreign(name: str, node: str | None = None, **labels: str) -> Body:
    return {"metadata": {"name": name, "labels": labels}, "spec": {
        "containers": [{"name": "x", "image": "x"}], **({"nodeName": node} if node else {})}}


def isolated(namespace: str) -> list[Body]:
    """The pods of a run in this namespace."""
    made = built.attempt({
        "workload": {"tensorflow": {"job": "train"}}, "isolation": "Node",
        "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi"}]})
    metadata = made.benchmark.metadata.model_copy(update={"namespace": namespace})
    moved = Benchmark(metadata=metadata, spec=made.benchmark.spec)
    attempt = dataclasses.replace(made, benchmark=moved, owner_uid=namespace)
    return [body for body in gangs.build(attempt) if body["kind"] == "Pod"]


def start(core: client.CoreV1Api, namespace: str, *bodies: Body) -> Callable[[], dict[str, str | None]]:
    """Create the pods; what it returns tells their nodes."""
    names = [core.create_namespaced_pod(namespace, body).metadata.name for body in bodies]
    return lambda: {name: core.read_namespaced_pod(name, namespace).spec.node_name for name in names}


def refused(core: client.CoreV1Api, namespace: str, name: str) -> str:
    """The scheduler's words about a pod, once it has some."""
    def words() -> list[str]:
        return [str(one.message) for one in core.read_namespaced_pod(name, namespace).status.conditions or ()
                if one.type == "PodScheduled" and one.status == "False"]

    until(lambda: bool(words()))
    return words()[0]


def test_a_run_waits_for_nodes_without_foreign_pods(core: client.CoreV1Api, namespaces: tuple[str, str]) -> None:
    own, other = namespaces
    start(core, other, foreign("on-a", "a"))
    start(core, own, foreign("on-b", "b"))
    where = start(core, own, *isolated(own))
    name = next(iter(where()))
    words = refused(core, own, name)
    assert "2 node(s) didn't match pod anti-affinity rules" in words
    trouble = facts.pod_fact(core.api_client.sanitize_for_serialization(core.read_namespaced_pod(name, own))).trouble
    assert trouble is not None
    assert (trouble.reason, words in trouble.message) == (Reason.UNSCHEDULABLE, True)
    assert "isolation: Node needs nodes without foreign pods" in trouble.message
    core.delete_namespaced_pod("on-b", own, grace_period_seconds=0)
    until(lambda: set(where().values()) == {"b"})


def test_a_pod_that_has_ended_is_in_nobodys_way(core: client.CoreV1Api, namespaces: tuple[str, str]) -> None:
    own, other = namespaces
    start(core, other, foreign("on-a", "a"), foreign("on-b", "b"))
    core.patch_namespaced_pod_status("on-b", other, {"status": {"phase": "Succeeded"}})
    where = start(core, own, *isolated(own))
    until(lambda: set(where().values()) == {"b"})


@pytest.mark.parametrize("labels", [
    pytest.param({}, id="no-label"), pytest.param({keys.LABEL_ISOLATION: "another"}, id="another-run")])
@pytest.mark.parametrize("place", [pytest.param(0, id="own-namespace"), pytest.param(1, id="other-namespace")])
def test_no_foreign_pod_comes_while_the_run_lasts(
        core: client.CoreV1Api, namespaces: tuple[str, str], labels: dict[str, str], place: int) -> None:
    own, other = namespaces
    start(core, other, foreign("on-a", "a"))
    where = start(core, own, *isolated(own))
    until(lambda: set(where().values()) == {"b"})
    start(core, namespaces[place], foreign("free", **labels))
    until(lambda: core.read_namespaced_pod("free", namespaces[place]).spec.node_name == "a")
    late = foreign("late", **labels)
    late["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "b"}
    start(core, namespaces[place], late)
    words = refused(core, namespaces[place], "late")
    assert "node(s) didn't satisfy existing pods anti-affinity rules" in words


def test_two_runs_of_one_name_in_two_namespaces_do_not_meet(
        core: client.CoreV1Api, namespaces: tuple[str, str]) -> None:
    own, other = namespaces
    start(core, own, foreign("on-a", "a"))
    first = start(core, own, *isolated(own)[:1])
    until(lambda: first().popitem()[1] == "b")
    second = start(core, other, *isolated(other)[:1])
    words = refused(core, other, next(iter(second())))
    assert "2 node(s) didn't match pod anti-affinity rules" in words


def test_the_clusters_own_daemons_are_in_nobodys_way(core: client.CoreV1Api, namespaces: tuple[str, str]) -> None:
    own, _ = namespaces
    start(core, "kube-system", foreign("proxy-a", "a"), foreign("proxy-b", "b"))
    where = start(core, own, *isolated(own))
    until(lambda: None not in where().values())
    later = start(core, "kube-system", foreign("later"))
    until(lambda: later()["later"] is not None)

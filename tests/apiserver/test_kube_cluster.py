"""KubeCluster against a real API server: every effect may be repeated, and refusals are told apart."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiserver import operator_process
from apiserver.control_plane import ControlPlane
from fakes.clock import until
from kubernetes import client, config

from shapebench.api import keys
from shapebench.api.settings import Settings
from shapebench.handlers.operator import Operator
from shapebench.kube import errors
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.transport import Transport
from shapebench.plan.actions import Create, Delete, Emit, PatchStatus

Body = dict[str, Any]


@pytest.fixture(scope="module")
def operators_client(api_server: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.ApiClient]:
    """A client with the rights that the chart gives the operator, and no more."""
    kubeconfig = operator_process.install_account(api_server, tmp_path_factory.mktemp("account"))
    with config.new_client_from_config(str(kubeconfig)) as made:
        yield made


@pytest.fixture
def cluster(operators_client: client.ApiClient) -> KubeCluster:
    return KubeCluster(Transport(operators_client), "shapebench-driver")


@pytest.fixture
def custom(api_client: client.ApiClient) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(api_client)


def benchmark_body(namespace: str, name: str = "one") -> Body:
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": name, "namespace": namespace},
            "spec": {"workload": {"spark": {"job": "read-speed"}},
                     "shapes": [{"name": "1x1", "workers": 1, "cpu": "1", "memory": "1Gi"}]}}


def owned(owner: Body, kind: str, name: str, **more: Any) -> Body:
    core = kind != "BenchmarkRun"
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                 "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}
    return {"apiVersion": "v1" if core else keys.API_VERSION, "kind": kind,
            "metadata": {"name": name, "namespace": owner["metadata"]["namespace"], "ownerReferences": [reference],
                         "labels": {keys.LABEL_BENCHMARK: owner["metadata"]["name"]}}, **more}


def run_of(owner: Body) -> Body:
    return owned(owner, "BenchmarkRun", "one-1-1", spec={
        "benchmark": "one", "shape": "1x1", "parameters": {}, "block": 1, "repetition": 1, "position": 1})


def pod_of(owner: Body) -> Body:
    return owned(owner, "Pod", "one-1-1-a1-driver", spec={"containers": [{"name": "program", "image": "x"}]})


@pytest.fixture
def benchmark(custom: client.CustomObjectsApi, namespace: str) -> Body:
    return dict(custom.create_namespaced_custom_object(
        keys.GROUP, keys.VERSION, namespace, keys.BENCHMARKS, benchmark_body(namespace)))


def test_a_snapshot_holds_the_benchmark_its_runs_and_its_pods(cluster: KubeCluster, benchmark: Body,
                                                              namespace: str) -> None:
    assert cluster.snapshot(namespace, "two").benchmark is None
    for body in (run_of(benchmark), pod_of(benchmark)):
        cluster.apply(Create(body))
    snapshot = cluster.snapshot(namespace, "one")
    assert snapshot.benchmark is not None
    assert snapshot.benchmark["metadata"]["uid"] == benchmark["metadata"]["uid"]
    assert [run["metadata"]["name"] for run in snapshot.runs] == ["one-1-1"]
    assert [(pod["kind"], pod["metadata"]["name"]) for pod in snapshot.pods] == [("Pod", "one-1-1-a1-driver")]
    assert snapshot.driver_account_exists is False


def test_the_driver_account_is_seen(cluster: KubeCluster, benchmark: Body, namespace: str,
                                    api_client: client.ApiClient) -> None:
    account = {"metadata": {"name": "shapebench-driver"}}
    client.CoreV1Api(api_client).create_namespaced_service_account(namespace, account)
    assert cluster.snapshot(namespace, "one").driver_account_exists is True


@pytest.mark.parametrize("make", [
    pytest.param(run_of, id="run"), pytest.param(pod_of, id="pod"),
    pytest.param(lambda owner: owned(owner, "ConfigMap", "one-1-1-record", data={"a": "b"}), id="config-map"),
    pytest.param(lambda owner: owned(owner, "Service", "one-1-1-a1", spec={
        "clusterIP": "None", "selector": {"a": "b"}, "ports": [{"port": 9404}]}), id="service"),
])
def test_creating_twice_is_creating_once(cluster: KubeCluster, benchmark: Body, make: Callable[[Body], Body]) -> None:
    cluster.apply(Create(make(benchmark)))
    cluster.apply(Create(make(benchmark)))


def test_a_foreign_object_of_that_name_is_a_conflict_and_is_left_alone(cluster: KubeCluster, benchmark: Body,
                                                                       namespace: str) -> None:
    foreign = pod_of(benchmark)
    del foreign["metadata"]["ownerReferences"]
    cluster.apply(Create(foreign))
    with pytest.raises(errors.ConflictError, match=f"Pod {namespace}/one-1-1-a1-driver: one of that name exists"):
        cluster.apply(Create(pod_of(benchmark)))
    assert "ownerReferences" not in cluster.snapshot(namespace, "one").pods[0]["metadata"]


def test_a_predecessors_object_that_is_going_is_waited_for(cluster: KubeCluster, benchmark: Body,
                                                           api_client: client.ApiClient, namespace: str) -> None:
    earlier = pod_of(benchmark)
    earlier["metadata"]["ownerReferences"][0]["uid"] = "00000000-0000-0000-0000-000000000000"
    earlier["metadata"]["finalizers"] = ["example.org/slow"]
    cluster.apply(Create(earlier))
    cluster.apply(Delete("Pod", namespace, earlier["metadata"]["name"]))
    with pytest.raises(errors.UnavailableError, match="still being deleted"):
        cluster.apply(Create(pod_of(benchmark)))


def test_deleting_twice_is_deleting_once(cluster: KubeCluster, benchmark: Body, namespace: str) -> None:
    cluster.apply(Create(pod_of(benchmark)))
    for _ in range(2):
        cluster.apply(Delete("Pod", namespace, "one-1-1-a1-driver", grace_s=0))
    assert cluster.snapshot(namespace, "one").pods == ()
    for _ in range(2):
        cluster.apply(Delete("Benchmark", namespace, "one"))
    assert cluster.benchmark(namespace, "one") is None


def test_a_status_is_merged_and_none_removes(cluster: KubeCluster, benchmark: Body, namespace: str) -> None:
    cluster.apply(PatchStatus("Benchmark", namespace, "one", {"phase": "Running", "costSpent": 1.5}))
    cluster.apply(PatchStatus("Benchmark", namespace, "one", {"progress": "1/4", "costSpent": None}))
    found = cluster.benchmark(namespace, "one")
    assert found is not None
    assert {key: found["status"].get(key) for key in ("phase", "progress", "costSpent")} == {
        "phase": "Running", "progress": "1/4", "costSpent": None}


def test_the_status_of_what_is_gone_is_done(cluster: KubeCluster, namespace: str) -> None:
    cluster.apply(PatchStatus("BenchmarkRun", namespace, "never-was", {"phase": "Running"}))


def test_a_status_that_the_schema_refuses_says_why(cluster: KubeCluster, benchmark: Body, namespace: str) -> None:
    with pytest.raises(errors.InvalidError, match=r"status\.phase.*Unsupported value"):
        cluster.apply(PatchStatus("Benchmark", namespace, "one", {"phase": "Dreaming"}))


def test_an_event_is_there_for_describe_and_is_counted(cluster: KubeCluster, benchmark: Body, namespace: str,
                                                       api_client: client.ApiClient,
                                                       operators_client: client.ApiClient) -> None:
    emit = Emit(benchmark, "Warning", "Conflict", "somebody took the name")
    cluster.apply(emit)
    cluster.apply(emit)
    KubeCluster(Transport(operators_client), "", time.time).apply(emit)  # the next operator process
    (event,) = client.CoreV1Api(api_client).list_namespaced_event(
        namespace, field_selector=f"involvedObject.uid={benchmark['metadata']['uid']}").items
    assert (event.reason, event.message, event.count) == ("Conflict", "somebody took the name", 2)


@pytest.mark.parametrize("terminating", [True, False], ids=["terminating", "never-was"])
def test_a_namespace_that_is_gone(cluster: KubeCluster, benchmark: Body, namespace: str,
                                  api_client: client.ApiClient, terminating: bool) -> None:
    body = pod_of(benchmark)
    if terminating:
        client.CoreV1Api(api_client).delete_namespace(namespace)  # no controller here: it stays terminating
    else:
        body["metadata"]["namespace"] = "never-was"
    with pytest.raises(errors.GoneError, match="create pods in namespace"):
        cluster.apply(Create(body))


def test_a_missing_right_is_told_in_words(cluster: KubeCluster, benchmark: Body, namespace: str,
                                      api_client: client.ApiClient) -> None:
    impersonating = KubeCluster(Transport(_as_nobody(api_client)), "")
    with pytest.raises(errors.ForbiddenError, match=r'create pods in namespace .*User "nobody" cannot create'):
        impersonating.apply(Create(pod_of(benchmark)))


def _as_nobody(api_client: client.ApiClient) -> client.ApiClient:
    other = client.ApiClient(api_client.configuration)
    other.set_default_header("Impersonate-User", "nobody")
    return other


def test_the_log_of_a_pod_that_is_not_there_is_empty(cluster: KubeCluster, benchmark: Body, namespace: str) -> None:
    assert cluster.log(namespace, "never-was", "program") == ""
    cluster.apply(Create(pod_of(benchmark)))
    assert cluster.log(namespace, "one-1-1-a1-driver", "program") == ""  # on no node yet


def test_own_kinds_are_served(cluster: KubeCluster) -> None:
    assert cluster.serves_own_kinds()


def test_all_benchmarks_are_listed(cluster: KubeCluster, benchmark: Body, namespace: str) -> None:
    everywhere = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in cluster.benchmarks(())}
    assert (namespace, "one") in everywhere
    assert [one["metadata"]["name"] for one in cluster.benchmarks((namespace, "default-not"))] == ["one"]


def test_what_was_deleted_while_no_watch_told_of_it_has_no_series(
        cluster: KubeCluster, benchmark: Body, namespace: str, custom: client.CustomObjectsApi) -> None:
    stays = custom.create_namespaced_custom_object(
        keys.GROUP, keys.VERSION, namespace, keys.BENCHMARKS, benchmark_body(namespace, "two"))
    for owner, name in ((benchmark, "one-1-1"), (stays, "two-1-1"), (stays, "two-2-1")):
        run = run_of(owner)
        run["metadata"]["name"], run["spec"]["benchmark"] = name, owner["metadata"]["name"]
        cluster.apply(Create(run))
    looked: list[str] = []
    operator = Operator(Settings(metrics_port=0, namespaces=(namespace,)), cluster,
                        lambda *arguments: looked.append(arguments[3]))
    for body in (benchmark, stays, *cluster.snapshot(namespace, "one").runs, *cluster.snapshot(namespace, "two").runs):
        operator.changed(None, body)
    operator.serve()

    def shown() -> set[str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{operator.metrics_port}/metrics", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("shapebench_")]
        return {name for name in ("one", "one-1-1", "two", "two-1-1", "two-2-1")
                if any(f'"{name}"' in line for line in lines)}

    assert shown() == {"one", "one-1-1", "two", "two-1-1", "two-2-1"}
    for kind, name in ((keys.BENCHMARKS, "one"), (keys.BENCHMARK_RUNS, "one-1-1"), (keys.BENCHMARK_RUNS, "two-1-1")):
        custom.delete_namespaced_custom_object(keys.GROUP, keys.VERSION, namespace, kind, name)
    operator.start()
    try:
        until(lambda: shown() == {"two", "two-2-1"} and {"one", "two"} <= set(looked))
    finally:
        operator.stop()

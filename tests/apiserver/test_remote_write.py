"""The operator as the chart runs it, with remote write to a Prometheus that is away for a while, and a restart."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import ports
import pytest
from apiserver import operator_process
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import OperatorProcess, apply, listed, tensorflow, until
from kubernetes.client import ApiClient
from prometheus import receiver as receiving
from prometheus import server
from prometheus.conftest import study  # noqa: F401 (a fixture)
from prometheus.lab import Study
from prometheus.receiver import Receiver
from prometheus.server import Prometheus

from shapebench.api import keys, packing
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.finished_runs import FinishedRuns
from shapebench.kube.transport import Transport


def test_finished_runs_are_sent_whatever_happens_in_between(
        api_server: ControlPlane, namespace: str, tmp_path: Path, study: Study) -> None:  # noqa: F811
    with server.running(tmp_path / "prometheus") as prometheus:
        pass  # its port and its data are kept; it is away
    kubeconfig = operator_process.install_account(
        api_server, tmp_path, {"remoteWrite": {"url": prometheus.write_url}})
    settings = {"SHAPEBENCH_REMOTE_WRITE_URL": prometheus.write_url, "SHAPEBENCH_NAMESPACES": namespace,
                "SHAPEBENCH_REMOTE_WRITE_LABELS": '{"cluster": "a"}'}
    finish(api_server, namespace, study)
    with operator_process.running(kubeconfig, tmp_path, **settings) as operator:
        until(lambda: value(operator, 'retries_total{reason="unreachable"}') >= 2, operator)
        assert value(operator, "pending_runs") == len(study.records)
        apply(api_server, namespace, tensorflow("meanwhile"))  # nothing waits for it
        until(lambda: len(listed(api_server, namespace, "pods")) == 2, operator)
        assert marks(api_server, namespace) == {}
        operator.process.kill()
        operator.process.wait()
    with server.running(tmp_path / "prometheus", port=int(prometheus.url.rpartition(":")[2])), \
            operator_process.running(kubeconfig, tmp_path, **settings) as operator:
        until(lambda: marks(api_server, namespace) == {record.run: "sent" for record in study.records}, operator)
        assert operator.denials() == []
        assert "Traceback" not in operator.log
        check(prometheus, api_server, namespace, study)


def test_an_endpoint_behind_a_proxy(
        api_server: ControlPlane, namespace: str, tmp_path: Path, study: Study) -> None:  # noqa: F811
    """The receiver is the proxy, which is asked for the endpoint; nobody here knows that one's name."""
    url = "http://metrics.example.org/api/v1/write"
    kubeconfig = operator_process.install_account(api_server, tmp_path, {"remoteWrite": {"url": url}})
    finish(api_server, namespace, study)
    with receiving.listening(Receiver(ports.free(1)[0])) as proxy, operator_process.running(
            kubeconfig, tmp_path, SHAPEBENCH_REMOTE_WRITE_URL=url, SHAPEBENCH_NAMESPACES=namespace,
            HTTP_PROXY=proxy.url.removesuffix("/api/v1/write"), NO_PROXY=".svc,10.0.0.0/8") as operator:
        until(lambda: marks(api_server, namespace) == {record.run: "sent" for record in study.records}, operator)
    assert {one.headers["Host"] for one in proxy.asked} == {"metrics.example.org"}


def test_a_run_and_another_one_of_its_name_are_two(
        api_server: ControlPlane, api_client: ApiClient, namespace: str, study: Study) -> None:  # noqa: F811
    """Its Benchmark is deleted and applied again while it is sent."""
    finish(api_server, namespace, study)
    runs = FinishedRuns(KubeCluster(Transport(api_client), ""))
    first = study.records[0]
    uid = uid_of(api_server, namespace, "benchmarkrun", first.run)
    sent = runs.unsent(namespace, first.run, uid)
    assert sent is not None
    assert [pod.series for pod in sent.pods] == [pod.series for pod in first.pods]
    deleted = api_server.kubectl("delete", "benchmark,benchmarkrun", "--all", "-n", namespace)
    assert deleted.returncode == 0, deleted.stderr
    finish(api_server, namespace, study)
    runs.mark(namespace, first.run, uid, "sent")
    assert marks(api_server, namespace) == {}
    assert runs.unsent(namespace, first.run, uid) is None
    again = uid_of(api_server, namespace, "benchmarkrun", first.run)
    runs.mark(namespace, first.run, again, "sent")
    assert marks(api_server, namespace) == {first.run: "sent"}
    assert runs.unsent(namespace, first.run, again) is None


def test_a_run_waits_for_no_benchmark_that_only_has_the_name_of_its_own(
        api_server: ControlPlane, api_client: ApiClient, namespace: str, study: Study) -> None:  # noqa: F811
    """Nothing has collected it yet; its aligned series would begin where the other Benchmark was created."""
    finish(api_server, namespace, study)
    api_server.kubectl("delete", "benchmark", "--all", "-n", namespace)
    apply(api_server, namespace, tensorflow(study.benchmark.metadata.name, suspend=True))
    runs, first = FinishedRuns(KubeCluster(Transport(api_client), "")), study.records[0]
    assert runs.unsent(namespace, first.run, uid_of(api_server, namespace, "benchmarkrun", first.run)) is None


def uid_of(plane: ControlPlane, namespace: str, kind: str, name: str) -> str:
    return plane.kubectl("get", kind, name, "-n", namespace, "-o", "jsonpath={.metadata.uid}").stdout


def finish(plane: ControlPlane, namespace: str, study: Study) -> None:  # noqa: F811
    """The study as an operator left it: a Benchmark (suspended: no run of its own starts), runs, records."""
    bodies = list(study.bodies())
    (benchmark,) = (one for one in bodies if one["kind"] == "Benchmark")
    benchmark["metadata"] = {"name": benchmark["metadata"]["name"]}
    apply(plane, namespace, benchmark | {"spec": benchmark["spec"] | {"suspend": True}})
    uid = uid_of(plane, namespace, "benchmark", benchmark["metadata"]["name"])
    owner = {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "name": benchmark["metadata"]["name"], "uid": uid,
             "controller": True}
    by_name = {body["metadata"]["name"]: body for body in bodies if body["kind"] == "BenchmarkRun"}
    for record in study.records:
        metadata = {"name": record.run, "labels": {keys.LABEL_BENCHMARK: record.benchmark}, "ownerReferences": [owner]}
        kept = record.model_copy(update={"namespace": namespace})
        apply(plane, namespace, {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": keys.record_name(record.run)},
            "binaryData": {keys.RECORD_KEY: base64.b64encode(packing.packed(kept)).decode()}})
        body = by_name[record.run]
        apply(plane, namespace, body | {"metadata": metadata, "status": {}})
        patched = plane.kubectl("patch", "benchmarkrun", record.run, "-n", namespace, "--subresource=status",
                                "--type=merge", "-p", json.dumps({"status": body["status"]}))
        assert patched.returncode == 0, patched.stderr


def marks(plane: ControlPlane, namespace: str) -> dict[str, str]:
    """What is noted on the finished runs."""
    annotated = {one["metadata"]["name"]: one["metadata"].get("annotations", {}).get(keys.ANNOTATION_REMOTE_WRITE)
                 for one in listed(plane, namespace, "benchmarkruns")}
    return {name: mark for name, mark in annotated.items() if mark}


def value(operator: OperatorProcess, name: str) -> float:
    found = [line.rpartition(" ")[2] for line in operator.get("/metrics")[1].splitlines()
             if line.startswith(f"shapebench_remote_write_{name} ")]
    return float(found[0]) if found else -1.0


def check(prometheus: Prometheus, plane: ControlPlane, namespace: str, study: Study) -> None:  # noqa: F811
    """What each run used is there, at the time when the Benchmark was created."""
    found: dict[str, Any] = json.loads(plane.kubectl("get", "benchmark", "-n", namespace, "read-speed",
                                                     "-o", "json").stdout)
    created_s = datetime.fromisoformat(found["metadata"]["creationTimestamp"]).timestamp()
    name = f'shapebench_aligned_cpu_seconds_total{{namespace="{namespace}", cluster="a"}}'
    answers = {one.labels["run"]: one.samples for one in prometheus.samples(name, created_s + 60, 60)}
    for record in study.records:
        assert record.measured_usage is not None
        assert answers[record.run][0] == (created_s, 0.0)
        assert answers[record.run][-1][1] == pytest.approx(record.measured_usage.cpu_seconds)

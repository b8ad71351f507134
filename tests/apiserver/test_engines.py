"""Other operators' objects against their real definitions: taken as they are, and refused in words without them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apiserver import definitions, operator_process
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import apply, listed, tensorflow, until
from apiserver.other_operators import ENABLED
from kubernetes import client, config
from unit.build import test_gang as built

from shapebench.build import gang as gangs
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.transport import Transport
from shapebench.plan.actions import Offer

Body = dict[str, Any]
_PLURALS = {"TFJob": ("kubeflow.org", "v1", "tfjobs"),
            "SparkApplication": ("sparkoperator.k8s.io", "v1beta2", "sparkapplications")}
TF_JOB = {"tensorflow": {"engine": "TFJob", "job": "train"}}


@pytest.fixture(scope="module")
def client_of_engines(engine_server: ControlPlane) -> Iterator[client.ApiClient]:
    with engine_server.client() as api:
        yield api


def created(api_client: client.ApiClient, body: Body) -> Body:
    """What the server makes of the object with strict validation, where an unknown field is an error."""
    group, version, plural = _PLURALS[body["kind"]]
    return dict(client.CustomObjectsApi(api_client).create_namespaced_custom_object(
        group, version, "default", plural, body, dry_run="All", field_validation="Strict"))


def in_default(body: Body) -> Body:
    return body | {"metadata": body["metadata"] | {"namespace": "default"}}


EVERYTHING: Body = {
    "queueName": "research", "isolation": "Node",
    "volumes": [{"name": "own", "mountPath": "/own", "persistentVolumeClaim": {"claimName": "x"}}],
    "podTemplate": {"labels": {"team": "a"}, "annotations": {"note": "b"}, "nodeSelector": {"pool": "c"},
                    "tolerations": [{"operator": "Exists"}], "imagePullSecrets": [{"name": "registry"}],
                    "priorityClassName": "low", "schedulerName": "mine", "securityContext": {"runAsUser": 1000}}}


@pytest.mark.parametrize("make", [pytest.param(built.through_tf_job, id="tf-job"),
                                  pytest.param(built.through_spark_application, id="spark-application")])
@pytest.mark.parametrize("spec", [pytest.param({}, id="plain"), pytest.param(EVERYTHING, id="everything")])
def test_the_object_is_what_its_definition_wants(
        client_of_engines: client.ApiClient, make: Any, spec: Body) -> None:
    (body,) = (in_default(one) for one in gangs.build(make(**spec)))
    assert without_defaults(created(client_of_engines, body)["spec"], body["spec"]) == body["spec"]
    wrong = copy.deepcopy(body)
    wrong["spec"]["restartPolici"] = "Never"
    with pytest.raises(client.ApiException, match="restartPolici"):
        created(client_of_engines, wrong)


def without_defaults(got: Any, sent: Any) -> Any:
    """What the server keeps of what was sent."""
    if isinstance(sent, dict):
        return {name: without_defaults(got[name], value) for name, value in sent.items() if name in got}
    if isinstance(sent, list) and len(got) == len(sent):
        return [without_defaults(one, other) for one, other in zip(got, sent, strict=True)]
    return got


def accepted(plane: ControlPlane, namespace: str, name: str) -> Body:
    answer = plane.kubectl("get", "benchmark", name, "-n", namespace, "-o", "json")
    conditions = json.loads(answer.stdout).get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == "Accepted"), {})


def test_without_its_definition_a_benchmark_is_refused_and_with_it_it_is_launched(
        api_server: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with operator_process.faultless(api_server, tmp_path, ENABLED) as operator:
        apply(api_server, namespace, tensorflow("train", workload=TF_JOB))
        until(lambda: accepted(api_server, namespace, "train").get("reason") == "EngineNotInstalled", operator)
        refused = accepted(api_server, namespace, "train")
        assert refused["status"] == "False"
        assert "tfjobs.kubeflow.org, which this cluster does not have" in refused["message"]
        assert listed(api_server, namespace, "benchmarkruns,pods,services") == []
        definitions.install(api_server, "training-operator")
        until(lambda: accepted(api_server, namespace, "train").get("status") == "True", operator)
        until(lambda: len(listed(api_server, namespace, "tfjobs")) == 1, operator)
        (job,) = listed(api_server, namespace, "tfjobs")
        assert job["metadata"]["name"] == "train-1-1-a1"
        assert listed(api_server, namespace, "pods,services") == [], "they are the training operator's to make"
        api_server.kubectl("delete", "tfjob", "train-1-1-a1", "-n", namespace)
        until(lambda: [one["metadata"]["name"] for one in listed(api_server, namespace, "tfjobs")] == ["train-1-1-a2"],
              operator)
    definitions.remove(api_server, "training-operator")


@pytest.mark.parametrize("values", [pytest.param({}, id="not-allowed"), pytest.param(ENABLED, id="allowed")])
def test_what_is_not_installed_is_told_whatever_the_chart_allows(
        api_server: ControlPlane, namespace: str, tmp_path: Path, values: Body) -> None:
    assert offers(api_server, namespace, tmp_path, values) == (Offer.NOT_INSTALLED, Offer.NOT_INSTALLED)


def test_what_is_installed_needs_the_charts_switches_and_a_queue(
        engine_server: ControlPlane, engine_namespace: str, tmp_path: Path) -> None:
    assert offers(engine_server, engine_namespace, tmp_path, {}) == (Offer.FORBIDDEN, Offer.FORBIDDEN)
    assert offers(engine_server, engine_namespace, tmp_path, ENABLED) == (Offer.READY, Offer.ABSENT)
    apply(engine_server, engine_namespace, {
        "apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "LocalQueue", "metadata": {"name": "research"},
        "spec": {"clusterQueue": "all"}})
    assert offers(engine_server, engine_namespace, tmp_path, ENABLED) == (Offer.READY, Offer.READY)


def offers(plane: ControlPlane, namespace: str, folder: Path, values: Body) -> tuple[Offer, Offer]:
    """What the operator sees with the rights that the chart gives it: of the engine, and of the queue."""
    apply(plane, namespace, tensorflow("train", workload=TF_JOB, queueName="research", suspend=True))
    kubeconfig = operator_process.install_account(plane, folder, values)
    with config.new_client_from_config(str(kubeconfig)) as api:
        snapshot = KubeCluster(Transport(api), "shapebench-driver").snapshot(namespace, "train")
    return snapshot.engine, snapshot.queue

"""What may still change once runs exist, and what a person reads who changes more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bad_benchmarks
import pytest
import yaml
from apiserver.control_plane import ControlPlane
from kubernetes import client

from shapebench.api import benchmark

_VOLUME = {"name": "data", "mountPath": "/data", "emptyDir": {}}
_BASE = bad_benchmarks.changed(bad_benchmarks.SPARK, {
    "spec.parameters": [{"name": "format", "values": ["images", "tfrecord"]}], "spec.volumes": [_VOLUME]})


def _apply(api_server: ControlPlane, namespace: str, manifest: dict[str, Any]) -> tuple[int, str]:
    applied = api_server.kubectl("apply", "-n", namespace, "-f", "-", text=yaml.safe_dump(manifest))
    return applied.returncode, applied.stdout + applied.stderr


@pytest.fixture(scope="module")
def started(api_server: ControlPlane, api_client: client.ApiClient, new_namespace: Callable[[], str]) -> str:
    """The namespace of a Benchmark whose first run exists."""
    namespace = new_namespace()
    code, output = _apply(api_server, namespace, _BASE)
    assert code == 0, output
    client.CustomObjectsApi(api_client).patch_namespaced_custom_object_status(
        "shapebench.dev", "v1alpha1", namespace, "benchmarks", "read-speed", {"status": {"runs": {"created": 1}}})
    return namespace


REFUSED = {
    "workload": {"spec.workload.spark.arguments": ["--more"]},
    "shapes": {"spec.shapes[0].workers": 5},
    "parameters": {"spec.parameters[0].values": ["images"]},
    "repetitions": {"spec.repetitions.count": 7},
    "order": {"spec.order.seed": 9},
    "objective": {"spec.objective.goal": "Maximize"},
    "validity": {"spec.validity.policy": "Flag"},
    "isolation": {"spec.isolation": "Node"},
    "sampleInterval": {"spec.sampleInterval": "100ms"},
    "volumes": {"spec.volumes": bad_benchmarks.REMOVED},
    "podTemplate": {"spec.podTemplate.labels": {"team": "a"}},
    "queueName": {"spec.queueName": "research"},
}


def test_every_fixed_field_is_tried() -> None:
    assert set(REFUSED) == set(benchmark.FIXED_FIELDS)


@pytest.mark.parametrize("field", REFUSED)
def test_what_the_runs_depend_on_stays(api_server: ControlPlane, started: str, field: str) -> None:
    code, output = _apply(api_server, started, bad_benchmarks.changed(_BASE, REFUSED[field]))
    assert code == 1
    assert f"spec.{field}: Invalid value" in output
    assert (f"spec.{field} cannot change once runs exist, or they could not be compared; "
            "make a new Benchmark (suspend, limits and ttlSecondsAfterFinished may change)") in output


@pytest.mark.parametrize("changes", [
    pytest.param({"spec.parameters[0].values": [1, 2]}, id="values-of-another-type"),
    pytest.param({"spec.parameters": bad_benchmarks.REMOVED}, id="removed"),
    pytest.param({"spec.parameters": [*_BASE["spec"]["parameters"], {"name": "more", "values": [1]}]}, id="added"),
])
def test_parameters_stay(api_server: ControlPlane, started: str, changes: dict[str, Any]) -> None:
    code, output = _apply(api_server, started, bad_benchmarks.changed(_BASE, changes))
    assert code == 1
    assert "spec.parameters cannot change once runs exist" in output


@pytest.mark.parametrize("changes", [
    pytest.param({}, id="nothing"),
    pytest.param({"spec.suspend": True}, id="suspend"),
    pytest.param({"spec.limits.retries": 0, "spec.limits.runTimeout": "2h"}, id="limits"),
    pytest.param({"spec.ttlSecondsAfterFinished": 60}, id="ttl"),
    pytest.param({"spec.repetitions": {"count": 3}, "spec.order": {"seed": 0}}, id="defaults-written-out"),
    pytest.param({"metadata.labels": {"team": "a"}}, id="labels"),
])
def test_the_rest_may_change(api_server: ControlPlane, started: str, changes: dict[str, Any]) -> None:
    code, output = _apply(api_server, started, bad_benchmarks.changed(_BASE, changes))
    assert code == 0, output


def test_anything_may_change_before_the_first_run(api_server: ControlPlane, namespace: str) -> None:
    _apply(api_server, namespace, _BASE)
    code, output = _apply(api_server, namespace, bad_benchmarks.changed(_BASE, {"spec.shapes[0].workers": 5}))
    assert code == 0, output


@pytest.mark.parametrize("changes", [
    pytest.param({"spec.shape": "4x1"}, id="shape"),
    pytest.param({"spec.parameters.batch": 3}, id="parameter"),
])
def test_a_run_never_changes(api_server: ControlPlane, namespace: str, changes: dict[str, Any]) -> None:
    run = {"apiVersion": "shapebench.dev/v1alpha1", "kind": "BenchmarkRun", "metadata": {"name": "read-speed-1-2"},
           "spec": {"benchmark": "read-speed", "shape": "2x2", "parameters": {"batch": 2}, "block": 1, "repetition": 1,
                    "position": 2}}
    assert _apply(api_server, namespace, run)[0] == 0
    code, output = _apply(api_server, namespace, bad_benchmarks.changed(run, changes))
    assert code == 1
    assert "spec: Invalid value" in output
    assert "a run's spec never changes" in output

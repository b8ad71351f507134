"""The API server takes both definitions as they are, keeps every status field, and prints the columns."""

from __future__ import annotations

import json
import re
from typing import Any

import bad_benchmarks
import pytest
from apiserver.control_plane import ControlPlane
from kubernetes import client
from urllib3.exceptions import MaxRetryError

from shapebench.api import fields, record, run, status, usage
from shapebench.reconcile import bounded

WHEN = "2026-01-02T03:04:05Z"
SCALARS: dict[str, fields.Scalar] = {"integer": 2, "fraction": 0.5, "text": "tfrecord", "flag": True}
USAGE = usage.Usage(**dict.fromkeys(usage.Usage.model_fields, 7))

BENCHMARK_STATUS = status.BenchmarkStatus(
    phase=status.BenchmarkPhase.RUNNING, observed_generation=3, progress="9/18",
    conditions=tuple(status.Condition(
        type=kind, status="True", observed_generation=3, last_transition_time=WHEN, reason="Because", message="words")
        for kind in status.ConditionType),
    cells=status.CellCounts(total=6, measured=3, infeasible=1),
    runs=status.RunCounts(planned=18, created=9, active=1, succeeded=7, failed=1, skipped=2, excluded=2, flagged=1),
    best=status.Best(shape="2x2", parameters=SCALARS, metric="duration", objective=12.5, runs=3,
                     interval=status.Interval(low=12.0, high=13.25, method="bootstrap"),
                     summary="2x2 text=tfrecord: 12.5s"),
    cost_spent=1.25, cost_expected=2.5, time_left_s=340, started_at=WHEN, finished_at=WHEN,
    results="shapebench report read-speed",
    records_path="/api/v1/namespaces/s/services/shapebench:9090/proxy/records/n/b/uid")

RUN_STATUS = run.RunStatus(
    phase=record.Phase.FAILED, attempt=2, attempt_created_at=WHEN, gang_exists=True,
    reason=record.Reason.OUT_OF_MEMORY,
    message="executor 1 was killed", lost_attempts=("Evicted: node a",), lost_usage=USAGE, log_awaited_at=WHEN,
    times=record.Times(created_s=1.5, attempt_created_s=1.75, scheduled_s=2.5, running_s=3.5, started_s=4.5,
                       finished_s=5.5),
    queue_s=0.5, startup_s=2.75,
    duration_s=12.5, duration="12s", cost=0.125, cost_spent=0.25, objective=12.5,
    flags=(record.Flag(kind=record.Verdict.NEIGHBOUR, message="others used 40 %", value=0.4, bound=0.25),),
    measured_usage=USAGE, measured_usage_by_role={"driver": USAGE}, images={"driver": "sha256:1"},
    verdict=record.Verdict.FAILED, usage=USAGE,
    usage_by_role={"driver": USAGE, "executor": USAGE},
    measurements=(run.RunMeasurement(parameters=SCALARS, values={"images_per_second": 812.5}),),
    environment={"spark": "4.3.0"}, record="s3://results/read-speed-1-2.json.gz",
    record_copy="read-speed-1-2-record")

RUN: dict[str, Any] = {
    "apiVersion": "shapebench.dev/v1alpha1", "kind": "BenchmarkRun", "metadata": {"name": "read-speed-1-2"},
    "spec": {"benchmark": "read-speed", "shape": "2x2", "parameters": SCALARS, "block": 1, "repetition": 1,
             "position": 2}}


@pytest.mark.parametrize("name", ["benchmarks.shapebench.dev", "benchmarkruns.shapebench.dev"])
def test_definition_is_established_and_structural(api_server: ControlPlane, name: str) -> None:
    crd = json.loads(api_server.kubectl("get", "crd", name, "-o", "json").stdout)
    conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}  # NonStructuralSchema would be a third


def _create(api_client: client.ApiClient, namespace: str, plural: str, body: dict[str, Any]) -> None:
    api = client.CustomObjectsApi(api_client)
    api.create_namespaced_custom_object("shapebench.dev", "v1alpha1", namespace, plural, body,
                                        field_validation="Strict")


def _patch_status(api_client: client.ApiClient, namespace: str, plural: str, name: str,
                  value: dict[str, Any]) -> dict[str, Any]:
    api = client.CustomObjectsApi(api_client)
    api.patch_namespaced_custom_object_status("shapebench.dev", "v1alpha1", namespace, plural, name,
                                              {"status": value}, field_validation="Strict")
    stored: dict[str, Any] = api.get_namespaced_custom_object("shapebench.dev", "v1alpha1", namespace, plural, name)
    return stored


def _types(value: Any) -> Any:
    """The value with types instead of leaves: JSON's 2 and 2.0 are equal, and a parameter must stay what it was."""
    if isinstance(value, dict):
        return {key: _types(child) for key, child in value.items()}
    return [_types(child) for child in value] if isinstance(value, list) else type(value)


def test_benchmark_status_survives_whole(api_client: client.ApiClient, namespace: str) -> None:
    _create(api_client, namespace, "benchmarks", bad_benchmarks.SPARK)
    written = BENCHMARK_STATUS.model_dump(mode="json", by_alias=True, exclude_none=True)
    stored = _patch_status(api_client, namespace, "benchmarks", "read-speed", written)["status"]
    assert stored == written
    assert _types(stored["best"]["parameters"]) == _types(written["best"]["parameters"])
    assert status.BenchmarkStatus.model_validate(stored) == BENCHMARK_STATUS


def test_run_status_survives_whole(api_client: client.ApiClient, namespace: str) -> None:
    _create(api_client, namespace, "benchmarkruns", RUN)
    written = RUN_STATUS.model_dump(mode="json", by_alias=True, exclude_none=True)
    stored = _patch_status(api_client, namespace, "benchmarkruns", "read-speed-1-2", written)
    assert stored["status"] == written
    assert _types(stored["spec"]["parameters"]) == _types(SCALARS)
    assert run.RunStatus.model_validate(stored["status"]) == RUN_STATUS


TEXT = "\0\x1b\u2028\U0001f600" * 2000
HOSTILE: dict[str, Any] = {
    "phase": "Succeeded", "message": TEXT, "durationS": float("inf"), "usage": {"diskReads": 2**63, "cpuSeconds": 7},
    "environment": {f"{number}{TEXT}": TEXT for number in range(70)},
    "flags": [{"kind": "Throttled", "message": TEXT}] * 20,
    "measurements": [{"parameters": {"text": TEXT, "whole": 10**22, "no": 10**400} | {str(n): n for n in range(30)},
                      "values": {"whole": 2**300, "no": float("nan")} | {str(n): n for n in range(90)}}] * 60}


def test_what_a_program_makes_of_a_status_is_taken_once_it_is_bounded(api_client: client.ApiClient,
                                                                      namespace: str) -> None:
    """The server counts characters as Python does, and minds neither NUL nor large numbers, but the size of all."""
    _create(api_client, namespace, "benchmarkruns", RUN)
    for name, value in HOSTILE.items():
        if name != "phase":
            # The server hangs up on what is too large, and if that is still being sent then, its answer is lost.
            with pytest.raises((client.ApiException, MaxRetryError)) as refused:
                _patch_status(api_client, namespace, "benchmarkruns", "read-speed-1-2", {name: value})
            assert getattr(refused.value, "status", 413) in (400, 413, 422), name
    written = bounded.status(run.RunStatus, HOSTILE)
    stored = _patch_status(api_client, namespace, "benchmarkruns", "read-speed-1-2", written)["status"]
    assert {name: stored[name] for name in written} == written
    assert run.RunStatus.model_validate(stored)


def test_every_status_field_is_in_the_examples() -> None:
    """So that the two tests above say something of a field that comes later."""
    for example in (BENCHMARK_STATUS, RUN_STATUS):
        assert {name for name, value in example if value in (None, (), {}, "")} == set()


def _table(api_server: ControlPlane, namespace: str, *arguments: str) -> dict[str, str]:
    header, row = api_server.kubectl("get", "-n", namespace, *arguments).stdout.splitlines()
    columns = [(match.group().strip(), match.start()) for match in re.finditer(r"\S+(\s\S+)*\s*", header)]
    ends = [start for _, start in columns[1:]] + [len(row)]
    return {name: row[start:end].strip() for (name, start), end in zip(columns, ends, strict=True)}


def test_benchmark_columns(api_server: ControlPlane, api_client: client.ApiClient, namespace: str) -> None:
    _create(api_client, namespace, "benchmarks", bad_benchmarks.SPARK)
    _patch_status(api_client, namespace, "benchmarks", "read-speed",
                  BENCHMARK_STATUS.model_dump(mode="json", by_alias=True, exclude_none=True))
    narrow = _table(api_server, namespace, "bm")
    assert re.fullmatch(r"\d+s", narrow.pop("AGE"))
    assert narrow == {"NAME": "read-speed", "PHASE": "Running", "PROGRESS": "9/18", "BEST": "2x2 text=tfrecord: 12.5s"}
    wide = _table(api_server, namespace, "bm", "-o", "wide")
    assert (wide["FAILED"], wide["SPENT"]) == ("1", "1.25")


def test_run_columns(api_server: ControlPlane, api_client: client.ApiClient, namespace: str) -> None:
    _create(api_client, namespace, "benchmarkruns", RUN)
    _patch_status(api_client, namespace, "benchmarkruns", "read-speed-1-2",
                  RUN_STATUS.model_dump(mode="json", by_alias=True, exclude_none=True))
    row = _table(api_server, namespace, "bmr")
    assert re.fullmatch(r"\d+s", row.pop("AGE"))
    assert row == {"NAME": "read-speed-1-2", "PHASE": "Failed", "REASON": "OutOfMemory", "SHAPE": "2x2", "BLOCK": "1",
                   "DURATION": "12s", "VERDICT": "Failed"}


def test_kubectl_waits_for_a_condition(api_server: ControlPlane, api_client: client.ApiClient, namespace: str) -> None:
    _create(api_client, namespace, "benchmarks", bad_benchmarks.SPARK)
    _patch_status(api_client, namespace, "benchmarks", "read-speed",
                  BENCHMARK_STATUS.model_dump(mode="json", by_alias=True, exclude_none=True))
    waited = api_server.kubectl("wait", "-n", namespace, "--for=condition=Finished", "--timeout=60s",
                                "benchmark/read-speed")
    assert waited.returncode == 0, waited.stderr

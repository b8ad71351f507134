"""`python -m shapebench.main` against a real API server, with no more rights than the chart gives it.

There is no kubelet: the tests play it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from apiserver import operator_process
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import OperatorProcess, apply, listed, spark, tensorflow, until

from shapebench.api import keys, packing

Body = dict[str, Any]


def benchmark(plane: ControlPlane, namespace: str, name: str) -> Body | None:
    answer = plane.kubectl("get", "benchmark", name, "-n", namespace, "-o", "json", "--ignore-not-found")
    return json.loads(answer.stdout) if answer.stdout else None


@pytest.fixture(scope="module")
def operator(api_server: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with operator_process.faultless(api_server, tmp_path_factory.mktemp("operator")) as process:
        yield process


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_kubelet_asks_by_ipv6(operator: OperatorProcess, path: str) -> None:
    assert operator.get(path, "[::1]")[0] == operator.get(path)[0] == 200


def test_an_applied_benchmark_gets_its_run_its_service_and_its_pods(
        api_server: ControlPlane, operator: OperatorProcess, namespace: str) -> None:
    apply(api_server, namespace, tensorflow("train"))
    until(lambda: len(listed(api_server, namespace, "pods")) == 2, operator)
    kinds = [one["kind"] for one in listed(api_server, namespace, "benchmarkruns,services,pods")]
    assert sorted(kinds) == ["BenchmarkRun", "Pod", "Pod", "Service"]
    until(lambda: (benchmark(api_server, namespace, "train") or {}).get("status", {}).get("phase") == "Running",
          operator)
    described = api_server.kubectl("describe", "benchmark", "train", "-n", namespace).stdout
    assert "Normal  PodsCreated" in described


def test_a_spark_benchmark_without_its_drivers_account_is_told_so(
        api_server: ControlPlane, operator: OperatorProcess, namespace: str) -> None:
    apply(api_server, namespace, spark("read"))
    until(lambda: "shapebench-driver" in json.dumps((benchmark(api_server, namespace, "read") or {}).get("status", {})),
          operator)
    waited = api_server.kubectl("wait", "-n", namespace, "--for=condition=Finished", "--timeout=60s", "benchmark/read")
    assert waited.returncode == 0, waited.stderr
    assert listed(api_server, namespace, "pods") == []


def test_a_run_that_ends_is_counted_its_pods_go_and_the_next_one_starts(
        api_server: ControlPlane, operator: OperatorProcess, namespace: str) -> None:
    apply(api_server, namespace, tensorflow("twice", repetitions={"count": 2, "warmups": 0}))
    until(lambda: len(listed(api_server, namespace, "pods")) == 2, operator)
    first = {pod["metadata"]["uid"] for pod in listed(api_server, namespace, "pods")}
    operator_process.end_pods(api_server, namespace, "twice", exit_code=3)
    until(lambda: {pod["metadata"]["uid"] for pod in listed(api_server, namespace, "pods")}.isdisjoint(first)
          and len(listed(api_server, namespace, "pods")) == 2, operator)
    found = benchmark(api_server, namespace, "twice")
    assert found
    assert found["status"]["runs"]["failed"] == 1
    series = f'shapebench_benchmark_runs{{benchmark="twice",namespace="{namespace}",state="failed"}} 1.0'
    until(lambda: series in operator.get("/metrics")[1], operator)


def _totals(pod: Body) -> str:
    """Of an agent whose pod's node took its log away: there is none on this cluster."""
    labels = pod["metadata"]["labels"]
    return json.dumps({
        "pod": pod["metadata"]["name"], "role": labels[keys.LABEL_ROLE], "index": int(labels[keys.LABEL_INDEX]),
        "counters": "cgroup-v2", "agent_started_s": 1.0, "program_started_s": 1.0, "program_finished_s": 3.0,
        "exit_code": 143, "usage": {"cpu_seconds": 1.5 * int(labels[keys.LABEL_ATTEMPT])}})


def test_what_pods_of_an_evicted_attempt_told_is_in_the_runs_record(
        api_server: ControlPlane, operator: OperatorProcess, namespace: str) -> None:
    status = partial(operator_process.run_status, api_server, namespace, "retried-1-1")
    apply(api_server, namespace, tensorflow("retried"))
    until(lambda: len(listed(api_server, namespace, "pods")) == 2, operator)
    operator_process.end_pods(api_server, namespace, "retried", 143, "Evicted", _totals)
    until(lambda: status().get("attempt") == 2 and len(listed(api_server, namespace, "pods")) == 2, operator)
    assert [one["metadata"]["name"] for one in listed(api_server, namespace, "configmaps")] == [
        "retried-1-1-a1-record"]
    operator_process.end_pods(api_server, namespace, "retried", 0, totals=_totals)
    until(lambda: status().get("phase") == "Succeeded" and not listed(api_server, namespace, "pods"), operator)
    (kept,) = listed(api_server, namespace, "configmaps")
    record = packing.unpacked(base64.b64decode(kept["binaryData"][keys.RECORD_KEY]))
    assert (record.attempt, record.usage.cpu_seconds, len(record.pods)) == (2, 6.0, 2)
    (lost,) = record.lost_attempts
    assert (lost.attempt, lost.reason, lost.usage.cpu_seconds, lost.lost_pods) == (1, "Evicted", 3.0, ())
    assert {flag.kind for flag in record.flags} == {"Retried", "LostPods"}, "their logs were gone"
    assert status()["lostUsage"] == {"cpuSeconds": 3.0}
    told = f'namespace="{namespace}",run="retried-1-1"'
    until(lambda: any(line.startswith("shapebench_run_lost_usage_cpu_seconds") and told in line
                      for line in operator.get("/metrics")[1].splitlines()), operator)


def test_a_finished_benchmark_is_deleted_after_its_time_and_its_series_end(
        api_server: ControlPlane, operator: OperatorProcess, namespace: str) -> None:
    apply(api_server, namespace, tensorflow("short", ttlSecondsAfterFinished=0))
    until(lambda: len(listed(api_server, namespace, "pods")) == 2, operator)
    operator_process.end_pods(api_server, namespace, "short", exit_code=3)
    until(lambda: benchmark(api_server, namespace, "short") is None, operator)
    until(lambda: 'benchmark="short"' not in operator.get("/metrics")[1].split("shapebench_run_")[0], operator)


def test_a_deleted_namespace_is_no_trouble(
        api_server: ControlPlane, operator: OperatorProcess, new_namespace: Callable[[], str]) -> None:
    namespace = new_namespace()
    api_server.kubectl("delete", "namespace", namespace, "--wait=false")
    other = new_namespace()
    apply(api_server, other, tensorflow("after"))
    until(lambda: len(listed(api_server, other, "pods")) == 2, operator)


@pytest.mark.parametrize(("variable", "value"), [
    pytest.param("SHAPEBENCH_METRICS_PORT", "tcp://10.0.0.1:9090", id="a-service-link"),
    pytest.param("SHAPEBENCH_SAMPLE_INTERVAL_S", "often", id="not-a-number"),
])
def test_a_wrong_environment_is_named(variable: str, value: str) -> None:
    done = subprocess.run([sys.executable, "-m", "shapebench.main", "--log-format=plain"], capture_output=True,
                          text=True, timeout=60, check=False,
                          env={**os.environ, "PYTHONPATH": str(operator_process.ROOT / "operator"), variable: value})
    assert done.returncode == 2
    assert variable in done.stderr


def test_a_budget_that_is_reached_ends_a_benchmark_and_a_larger_one_goes_on(
        api_server: ControlPlane, operator: OperatorProcess, namespace: str) -> None:
    """Nothing is known of what a run takes, and the limits give it a minute at 60 an hour: 1.0."""
    shape = {"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi", "pricePerHour": "30"}
    body = tensorflow("frugal", shapes=[shape], repetitions={"count": 3, "warmups": 0},
                      limits={"budget": "0.9", "startTimeout": "30s", "runTimeout": "30s"})

    def status() -> Body:
        return (benchmark(api_server, namespace, "frugal") or {}).get("status", {})

    def reason(kind: str) -> str:
        return next((one["reason"] for one in status().get("conditions", ()) if one["type"] == kind), "")

    apply(api_server, namespace, body)
    until(lambda: reason("Failed") == "BudgetReached", operator)
    assert listed(api_server, namespace, "benchmarkruns") == []
    assert status()["runs"]["skipped"] == 3
    body["spec"]["limits"]["budget"] = "1.0"
    apply(api_server, namespace, body)
    until(lambda: status().get("phase") == "Running" and "finishedAt" not in status(), operator)
    assert len(listed(api_server, namespace, "benchmarkruns")) == 1

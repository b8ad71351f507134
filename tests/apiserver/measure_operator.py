"""Measure the operator against a real API server on this machine (no kubelet: the gang's pods are ended by hand).

    make measure-operator        or   PYTHONPATH=tests:operator:jobs python -m apiserver.measure_operator

Prints JSON: from apply to the first pod, from a run's end to the next run's pods (seconds), memory resident (MiB) and
CPU (percent of a core) when idle. On a cluster with nodes the same numbers come on top of scheduling and image pulls.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from apiserver import control_plane, operator_process
from kubernetes import client

ROUNDS = 15
IDLE_S = 60.0


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with control_plane.running(folder) as plane:
            plane.kubectl("apply", "-f", str(operator_process.ROOT / "manifests" / "crd"))
            plane.kubectl("wait", "--for=condition=Established", "crd", "--all")
            kubeconfig = operator_process.install_account(plane, folder)
            with operator_process.running(kubeconfig, folder) as operator, plane.client() as api:
                time.sleep(3)
                report: dict[str, Any] = {"resident_at_start_mib": _mib(operator)}
                report |= _latencies(plane, api)
                report["resident_after_mib"] = _mib(operator)
                before = operator.cpu_seconds()
                time.sleep(IDLE_S)
                report["idle_cpu_percent"] = round(100 * (operator.cpu_seconds() - before) / IDLE_S, 3)
                print(json.dumps(report, indent=1))


def _mib(operator: operator_process.OperatorProcess) -> float:
    return round(operator.resident_bytes() / 2**20, 1)


def _latencies(plane: control_plane.ControlPlane, api: client.ApiClient) -> dict[str, Any]:
    first_pod, next_run = zip(*(_round(plane, api, f"round-{number}") for number in range(ROUNDS)), strict=True)
    return {"apply_to_first_pod_s": _spread(first_pod), "run_end_to_next_pods_s": _spread(next_run)}


def _round(plane: control_plane.ControlPlane, api: client.ApiClient, name: str) -> tuple[float, float]:
    core, custom = client.CoreV1Api(api), client.CustomObjectsApi(api)
    where = ("shapebench.dev", "v1alpha1", "default", "benchmarks")

    def pods() -> set[str]:
        found = core.list_namespaced_pod("default", label_selector=f"shapebench.dev/benchmark={name}").items
        return {pod.metadata.uid for pod in found}

    custom.create_namespaced_custom_object(*where, operator_process.tensorflow(
        name, repetitions={"count": 2, "warmups": 0}))
    first_pod = _seconds_until(lambda: len(pods()) >= 1)
    operator_process.until(lambda: len(pods()) == 2, 20)
    old = pods()
    operator_process.end_pods(plane, "default", name, exit_code=3)
    next_run = _seconds_until(lambda: len(pods() - old) == 2)
    custom.delete_namespaced_custom_object(*where, name)
    core.delete_collection_namespaced_pod("default", grace_period_seconds=0)
    return first_pod, next_run


def _seconds_until(condition: Callable[[], bool]) -> float:
    started = time.perf_counter()
    while not condition():
        time.sleep(0.005)
    return time.perf_counter() - started


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 3), "worst": round(max(values), 3)}


if __name__ == "__main__":
    main()

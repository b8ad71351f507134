"""What goes wrong on a cluster, and what a user sees of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.conftest import Cluster, python_benchmark, until
from e2e.reporting import records

ONE_FAILURE = {"failuresPerCell": 1, "retries": 0}
SHORT_START, SHORT_RUN = {"startTimeout": "20s"}, {"runTimeout": "15s"}
"""For what never starts, or never ends: all else may take its time on a slow machine."""
FAULTS = [
    pytest.param({"program": "raise SystemExit(3)"}, {}, "ProgramFailed", "exit code 3", id="exits-3"),
    pytest.param({"program": "import time; time.sleep(3600)"}, SHORT_RUN, "RunTimeout", "limits.runTimeout (15s)",
                 id="never-ends"),
    pytest.param({"program": "x = bytearray(600 << 20); x[::4096] = b'1' * len(x[::4096])"}, {}, "OutOfMemory",
                 "memory", id="out-of-memory"),
    pytest.param({"program": "pass", "cpu": "64"}, SHORT_START, "Unschedulable", "Insufficient cpu",
                 id="larger-than-any-node"),
]


@pytest.mark.parametrize(("given", "limits", "reason", "message"), FAULTS)
def test_fault(cluster: Cluster, given: dict[str, str], limits: dict[str, str], reason: str, message: str) -> None:
    cluster.apply(python_benchmark("fault", **given, limits=ONE_FAILURE | limits))
    cluster.wait("Failed", "bm/fault")
    found = cluster.run_status("fault-1-1")
    assert (found["phase"], found["reason"]) == ("Failed", reason)
    assert message in found["message"]
    assert reason in cluster.kubectl("describe", "bm", "fault"), "events tell it"
    until(lambda: not cluster.items("pods"))


def test_an_image_that_does_not_exist(cluster: Cluster) -> None:
    body = python_benchmark("fault", "pass", limits=ONE_FAILURE | SHORT_START)
    body["spec"]["workload"]["tensorflow"] |= {"image": "localhost/no-such-image:1", "imagePullPolicy": "Always"}
    cluster.apply(body)
    cluster.wait("Failed", "bm/fault")
    found = cluster.run_status("fault-1-1")
    assert found["reason"] == "ImagePull"
    assert "localhost/no-such-image:1" in found["message"]


def test_the_same_file_applied_twice_changes_nothing(cluster: Cluster) -> None:
    body = python_benchmark("twice", "pass")
    assert "created" in cluster.apply(body)
    assert "unchanged" in cluster.apply(body)
    cluster.wait("Succeeded", "bm/twice")
    assert "unchanged" in cluster.apply(body)
    assert len(cluster.items("bmr")) == 1


def test_deleting_mid_run_leaves_no_object(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("gone", "import time; time.sleep(600)", workers=2))
    until(lambda: cluster.run_status("gone-1-1").get("phase") == "Running" if cluster.items("bmr") else False)
    cluster.kubectl("delete", "bm", "gone", "--timeout=120s")

    def left() -> list[str]:
        kinds = "bm,bmr,pods,services,configmaps"
        return [one["metadata"]["name"] for one in cluster.items(kinds)
                if one["metadata"]["name"] != "kube-root-ca.crt"]

    until(lambda: not left())


def test_a_deleted_namespace_disturbs_nobody(cluster: Cluster, system: Cluster) -> None:
    def operators() -> list[tuple[str, int]]:
        return [(pod["metadata"]["uid"], status["restartCount"])
                for pod in system.items("pods", "-l", "app.kubernetes.io/name=shapebench")
                for status in pod["status"]["containerStatuses"]]

    before = operators()
    assert len(before) == 1
    cluster.apply(python_benchmark("doomed", "import time; time.sleep(600)"))
    until(lambda: cluster.items("pods"))
    cluster.kubectl("delete", "namespace", cluster.namespace, "--timeout=300s")
    assert operators() == before, "the same operator, not started again"


@pytest.mark.alone
def test_an_operator_killed_mid_run_loses_nothing_and_repeats_nothing(cluster: Cluster, system: Cluster) -> None:
    seen: set[tuple[str, str]] = set()

    def look() -> set[str]:
        pods = [pod["metadata"] for pod in cluster.items("pods")]
        seen.update((pod["name"], pod["uid"]) for pod in pods)
        return {pod["labels"]["shapebench.dev/run"] for pod in pods}

    cluster.apply(python_benchmark("survivor", "import time; time.sleep(4)", repetitions={"count": 4, "warmups": 0}))
    for run in ("survivor-1-1", "survivor-3-1"):
        until(lambda run=run: run in look())
        system.kubectl("delete", "pod", "-l", "app.kubernetes.io/name=shapebench", "--grace-period=0", "--force")
    until(lambda: not look() and _phase(cluster, "survivor") in ("Succeeded", "Failed"), 240)
    assert len(seen) == len({name for name, _ in seen}) == 4, "one pod a run, and none of them twice"
    runs = cluster.items("bmr")
    assert {run["status"]["phase"] for run in runs} == {"Succeeded"}
    assert [run["status"]["attempt"] for run in runs] == [1, 1, 1, 1], "nothing was repeated"
    assert len(cluster.items("configmaps", "-l", "shapebench.dev/record=true")) == 4, "nothing was lost"


def test_a_deleted_worker_costs_an_attempt_and_not_the_run(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("evicted", "import time; time.sleep(15)", limits={"retries": 1}, validity={}))
    until(lambda: cluster.items("bmr") and cluster.run_status("evicted-1-1").get("phase") == "Running")
    (pod,) = cluster.items("pods")
    cluster.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    until(lambda: cluster.run_status("evicted-1-1")["phase"] in ("Succeeded", "Failed"))
    found = cluster.run_status("evicted-1-1")
    assert (found["phase"], found["attempt"], found["verdict"]) == ("Succeeded", 2, "Retried"), found
    (lost,) = found["lostAttempts"]
    assert "Evicted" in lost


BURNT_S = 2.0
BURNS_AND_STAYS = f"""
import time
end = time.process_time() + {BURNT_S}
while time.process_time() < end:
    sum(range(1000))
open("/scratch/full", "wb").write(bytes(64 << 20))
time.sleep(600)
"""
SCRATCH = {"name": "scratch", "mountPath": "/scratch", "emptyDir": {}}


def _evict(cluster: Cluster, pod: str) -> None:
    """As `kubectl drain` does."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": cluster.namespace}}
    cluster.kubectl("create", "--raw", f"/api/v1/namespaces/{cluster.namespace}/pods/{pod}/eviction", "-f", "-",
                    stdin=json.dumps(body))


def _checkpointed(cluster: Cluster, name: str) -> dict[str, Any]:
    """The run's one pod, once its program has burnt what it burns."""
    cluster.wait("Progressing", f"bm/{name}")
    until(lambda: cluster.items("bmr") and cluster.run_status(f"{name}-1-1").get("phase") == "Running")
    (pod,) = cluster.items("pods")
    until(lambda: "True" in cluster.kubectl("exec", pod["metadata"]["name"], "--", "python3", "-c",
                                            "import os; print(os.path.exists('/scratch/full'))"))
    return pod


def test_an_evicted_pod_leaves_its_usage_and_the_run_fails_without_retries(cluster: Cluster) -> None:
    cluster.apply(python_benchmark("drained", BURNS_AND_STAYS, volumes=[SCRATCH],
                                   limits={"retries": 0, "failuresPerCell": 1}))
    pod = _checkpointed(cluster, "drained")["metadata"]["name"]
    _evict(cluster, pod)
    cluster.wait("Failed", "bm/drained")
    found = cluster.run_status("drained-1-1")
    assert (found["phase"], found["reason"], found["verdict"]) == ("Failed", "Evicted", "Failed")
    assert f"pod {pod}: EvictionByEvictionAPI: Eviction API: evicting" in found["message"]
    (record,) = records(cluster, "drained")
    (left,) = record["pods"]
    # Its agent got SIGTERM first, as any pod's does, and had the time to write its record.
    assert (left["pod"], left["complete"], left["exit_code"]) == (pod, True, 143)
    assert left["usage"]["cpu_seconds"] >= BURNT_S
    assert record["lost_pods"] == []


def test_an_evicted_pod_costs_an_attempt_and_not_the_run(cluster: Cluster) -> None:
    program = "import os, time; time.sleep(0 if os.environ['SHAPEBENCH_POD'].endswith('-a2-worker-0') else 600)"
    cluster.apply(python_benchmark("moved", program, limits={"retries": 1}, validity={}))
    until(lambda: cluster.items("bmr") and cluster.run_status("moved-1-1").get("phase") == "Running")
    (pod,) = cluster.items("pods")
    _evict(cluster, pod["metadata"]["name"])
    until(lambda: cluster.run_status("moved-1-1")["phase"] in ("Succeeded", "Failed"))
    found = cluster.run_status("moved-1-1")
    assert (found["phase"], found["attempt"], found["verdict"]) == ("Succeeded", 2, "Retried"), found
    (lost,) = found["lostAttempts"]
    assert lost.startswith(f"attempt 1: Evicted: pod {pod['metadata']['name']}: EvictionByEvictionAPI")
    (record,) = records(cluster, "moved")
    (attempt,) = record["lost_attempts"]
    assert [left["pod"] for left in attempt["pod_records"]] == [pod["metadata"]["name"]]
    assert (attempt["attempt"], attempt["lost_pods"]) == (1, [])
    assert found["lostUsage"]["cpuSeconds"] == attempt["usage"]["cpu_seconds"] > 0


def test_a_pod_that_its_kubelet_evicts_is_recorded_or_said_to_be_lost(cluster: Cluster) -> None:
    """It fills its disk, which the kubelet notices within two minutes. The pod has a second to end, and the kubelet
    may forget its container before it has told of it ("ContainerStatusUnknown"): then nothing is left of its usage."""
    scratch = SCRATCH | {"emptyDir": {"sizeLimit": "8Mi"}}
    cluster.apply(python_benchmark("full", BURNS_AND_STAYS, volumes=[scratch],
                                   limits={"retries": 0, "failuresPerCell": 1}))
    cluster.wait("Failed", "bm/full")
    found = cluster.run_status("full-1-1")
    assert (found["phase"], found["reason"], found["verdict"]) == ("Failed", "Evicted", "Failed")
    pod = "full-1-1-a1-worker-0"
    assert f'pod {pod}: Evicted: Usage of EmptyDir volume "scratch" exceeds the limit "8Mi"' in found["message"]
    (record,) = records(cluster, "full")
    for left in record["pods"]:
        assert left["pod"] == pod
        assert left["usage"]["cpu_seconds"] >= BURNT_S
    lost = not record["pods"] or not record["pods"][0]["complete"]
    flags = [flag["message"] for flag in found.get("flags", []) if flag["kind"] == "LostPods"]
    assert record["lost_pods"] == ([pod] if lost else [])
    cut = lost or bool(record["pods"][0]["left_out"])  # its log may be gone sooner than what it says itself
    assert [pod in flag for flag in flags] == ([True] if cut else [])
    assert (f"no usage of {pod}" in found["message"]) == (not record["pods"])


def test_suspend_lets_the_run_end_and_resume_goes_on(cluster: Cluster) -> None:
    program = "import os, time; time.sleep(15 if '-1-1-' in os.environ['SHAPEBENCH_POD'] else 0)"
    cluster.apply(python_benchmark("paused", program, repetitions={"count": 2, "warmups": 0}))
    until(lambda: cluster.items("bmr") and cluster.run_status("paused-1-1").get("phase") == "Running")
    cluster.kubectl("patch", "bm", "paused", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    until(lambda: _phase(cluster, "paused") == "Suspended")
    (run,) = cluster.items("bmr")
    assert run["status"]["phase"] == "Succeeded", "the current run ended by itself"
    cluster.kubectl("patch", "bm", "paused", "--type=merge", "-p", '{"spec": {"suspend": false}}')
    cluster.wait("Succeeded", "bm/paused")
    assert [run["status"]["verdict"] for run in cluster.items("bmr")] == ["Valid", "Valid"]


def _phase(cluster: Cluster, benchmark: str) -> str:
    return str(cluster.get("bm", benchmark).get("status", {}).get("phase", ""))


def test_a_wrong_template_is_told_in_the_condition(cluster: Cluster) -> None:
    body = python_benchmark("wrong", "pass")
    body["spec"]["workload"]["tensorflow"]["arguments"] = ["--batch={batchSize}"]
    cluster.apply(body)
    cluster.wait("Accepted=False", "bm/wrong")
    conditions = {one["type"]: one for one in cluster.get("bm", "wrong")["status"]["conditions"]}
    assert "unknown parameter 'batchSize'" in json.dumps(conditions["Accepted"])

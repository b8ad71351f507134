"""Pods whose agents could not tell all: killed with their program, or gone without a word."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live, record
from rich.console import Console

from shapebench.agent import record as agent_record
from shapebench.api import keys
from shapebench.api.record import RunRecord
from shapebench.report import table
from shapebench.report.subject import Subject

WORKERS = {f"{NAME}-1-1-a1-worker-{index}" for index in (0, 1)}


def lived(script: fake.Script, servers: int = 0, **spec: Any) -> RunRecord:
    cluster = live(fake.FakeCluster(script), {
        "apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"workload": {"tensorflow": {"job": "train", "parameterServers": servers}},
                 "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi"}],
                 "repetitions": {"count": 1, "warmups": 0}} | spec})
    return record(cluster)


def checkpoint(pod: dict[str, Any], read_s: float) -> str:
    """What the agent left in the termination log before the kernel killed its whole group."""
    ending = agent_record.unfinished(read_s - 1)
    labels = pod["metadata"]["labels"]
    return json.dumps({
        "pod": pod["metadata"]["name"], "role": labels[keys.LABEL_ROLE], "index": int(labels[keys.LABEL_INDEX]),
        "counters": "cgroup-v2", "agent_started_s": read_s - 2, "program_started_s": ending.program_started_s,
        "complete": ending.complete, "last_reading_s": read_s, "exit_code": ending.exit_code, "signal": ending.signal,
        "message": ending.message, "usage": {"cpu_seconds": 1.5}})


def killed_by_memory(pod: dict[str, Any], age: int) -> dict[str, Any]:
    """Worker 1, with its agent; since Kubernetes 1.28 that is the rule on cgroup v2."""
    if not pod["metadata"]["name"].endswith("-1") or age <= 4:
        return fake.lives(pod, age)
    born_s = pod["fake-born"]
    return fake.ended(born_s + 2, born_s + 5, 137, "OOMKilled", checkpoint(pod, born_s + 3)) | {"log": "words\n"}


def test_an_agent_that_was_killed_too_has_told_what_it_knew() -> None:
    found = lived(killed_by_memory)
    assert found.reason == "OutOfMemory"
    assert {pod.pod: pod.complete for pod in found.pods} == {
        name: not name.endswith("-1") for name in WORKERS}
    [cut] = [pod for pod in found.pods if not pod.complete]
    assert cut.message.endswith("those of its last checkpoint, 2 s before")
    assert cut.message in found.message
    assert found.lost_pods == (cut.pod,)
    assert found.usage.cpu_seconds == pytest.approx(1.5 + 2.0 * 0.8), "what it knew is counted"
    assert found.measured_usage is None


def silent(pod: dict[str, Any], age: int) -> dict[str, Any]:
    if not pod["metadata"]["name"].endswith("-1") or age <= 4:
        return fake.lives(pod, age)
    born_s = pod["fake-born"]
    return fake.ended(born_s + 2, born_s + 5, 137, "Error") | {"log": "words\n"}


def test_a_pod_that_left_nothing_is_named() -> None:
    found = lived(silent)
    assert [pod.complete for pod in found.pods] == [True]
    assert len(found.lost_pods) == 1
    assert f"no usage of {found.lost_pods[0]}" in found.message


def test_a_pod_that_never_ran_owes_no_record() -> None:
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        return fake.unschedulable() if pod["metadata"]["name"].endswith("-1") else fake.running(fake.START_S)

    found = lived(script, limits={"startTimeout": "20s"})
    assert found.reason == "Unschedulable"
    assert found.lost_pods == (f"{NAME}-1-1-a1-worker-0",), "it ran, and was not waited for"
    assert found.message.endswith(f"no usage of {NAME}-1-1-a1-worker-0"), "the same answer in words"


def dies(told: dict[str, Any], log: str) -> fake.Script:
    """Worker 1 ends so; the other one goes on."""
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if not pod["metadata"]["name"].endswith("-1") or age <= 4:
            return fake.running(fake.START_S)
        born_s = pod["fake-born"]
        return fake.ended(born_s + 2, born_s + 5, **told) | {"log": log}
    return script


def no_room(pod: dict[str, Any], age: int) -> dict[str, Any]:
    return fake.unschedulable() if pod["metadata"]["name"].endswith("-1") else fake.running(fake.START_S)


@pytest.mark.parametrize(("script", "why"), [
    pytest.param(no_room, "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.", id="no-room"),
    pytest.param(dies({"exit_code": 128, "reason": "StartError", "message": 'exec: "python3": not found'}, ""),
                 "set agentPython: Bundled in the workload", id="no-agent"),
    pytest.param(killed_by_memory, "OutOfMemory: pod compare-1-1-a1-worker-1: ", id="agent-killed-too"),
])
def test_a_report_tells_why_a_run_failed_and_not_what_is_missing_of_it(script: fake.Script, why: str) -> None:
    found = lived(script, limits={"startTimeout": "20s"})
    assert found.lost_pods
    with (console := Console(width=1000)).capture() as shown:
        console.print(table.terminal(Subject(NAME), [found]))
    (line,) = [line for line in shown.get().splitlines() if " failed: " in line]
    assert why in line
    assert "no usage" not in line


@pytest.mark.parametrize(("ends_after", "lost"), [
    pytest.param(2, (), id="its agent ends it soon after the workers"),
    pytest.param(1000, (f"{NAME}-1-1-a1-ps-0",), id="it goes on: it is not waited for without end, and it is said"),
])
def test_a_parameter_servers_record_is_waited_for(ends_after: int, lost: tuple[str, ...]) -> None:
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if "-ps-" in pod["metadata"]["name"] and 4 < age <= 4 + ends_after:
            return fake.running(pod["fake-born"] + 2)
        return fake.lives(pod, age)

    found = lived(script, servers=1)
    assert found.reason is None
    assert found.lost_pods == lost
    assert ("ps" in found.usage_by_role) == (not lost)

"""A pod that is evicted has seconds to end by itself, and is gone a second after: between the two is its record."""

from __future__ import annotations

from typing import Any

import pytest

from shapebench.api import keys, moments
from shapebench.api.benchmark import Limits
from shapebench.api.record import Reason
from shapebench.reconcile.attempts import LEAVING_S, Gang, Judgement, Stage, judge
from shapebench.reconcile.facts import pod_fact

START_S, EVICTED_S, GRACE_S = 1000.0, 1030.0, 10
LIMITS = Limits.model_validate({"runTimeout": "1h"})
RUNNING = {"running": {"startedAt": moments.timestamp(START_S)}}


def ended(finished_s: float, code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "startedAt": moments.timestamp(START_S),
                           "finishedAt": moments.timestamp(finished_s), "message": "{}"}}


def pod(index: int, state: dict[str, Any], evicted: bool = False, role: str = "worker") -> dict[str, Any]:
    code = state.get("terminated", {}).get("exitCode")
    status: dict[str, Any] = {
        "phase": "Running" if code is None else "Succeeded" if code == 0 else "Failed",
        "containerStatuses": [{"name": keys.PROGRAM_CONTAINER, "state": state}]}
    metadata: dict[str, Any] = {"name": f"{role}-{index}", "labels": {keys.LABEL_ROLE: role}}
    if evicted:
        metadata["deletionTimestamp"] = moments.timestamp(EVICTED_S + GRACE_S)
        status["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                                 "message": "Eviction API: evicting",
                                 "lastTransitionTime": moments.timestamp(EVICTED_S)}]
    return {"metadata": metadata, "status": status}


def judged(pods: list[dict[str, Any]], now_s: float, expected: tuple[str, ...], executors: int = 0) -> Judgement:
    facts = [pod_fact(one) for one in pods]
    return judge(Gang(expected, executors, facts, created_s=START_S, running_s=START_S), LIMITS, now_s)


@pytest.mark.parametrize(("first", "second", "later_s", "stage", "message"), [
    pytest.param(RUNNING, RUNNING, 1, Stage.SETTLING, "was deleted before it ended", id="it may still end by itself"),
    pytest.param(RUNNING, RUNNING, GRACE_S + LEAVING_S - 1, Stage.SETTLING, "was deleted before it ended",
                 id="its kubelet is slow"),
    pytest.param(RUNNING, RUNNING, GRACE_S + LEAVING_S + 1, Stage.ENDED, "was deleted before it ended",
                 id="nobody tells of its end"),
    pytest.param(RUNNING, RUNNING, -3600, Stage.ENDED, "was deleted before it ended",
                 id="nobody waits for a clock that was set back"),
    pytest.param(ended(EVICTED_S + 3, 143), RUNNING, 3, Stage.ENDED, "Eviction API: evicting",
                 id="its end is told, and it is about to go"),
    pytest.param(ended(EVICTED_S + 3, 0), RUNNING, 3, Stage.ENDED, "Eviction API: evicting",
                 id="SIGTERM is an order to end well"),
])
def test_an_evicted_worker(first: dict[str, Any], second: dict[str, Any], later_s: float, stage: Stage,
                           message: str) -> None:
    found = judged([pod(0, first, evicted=True), pod(1, second)], EVICTED_S + later_s, ("worker-0", "worker-1"))
    assert (found.stage, found.failure and found.failure.reason) == (stage, Reason.EVICTED)
    assert found.failure is not None
    assert "worker-0" in found.failure.message
    assert message in found.failure.message
    if stage is Stage.SETTLING:
        assert found.wake_after_s == pytest.approx(GRACE_S + LEAVING_S - later_s)


def test_who_had_ended_well_before_is_not_a_failure() -> None:
    found = judged([pod(0, ended(EVICTED_S - 1, 0), evicted=True)], EVICTED_S + 1, ("worker-0",))
    assert found == Judgement(Stage.ENDED, None)


def test_executors_that_a_drain_takes_after_the_end_do_not_cut_short_the_others() -> None:
    """Spark replaces them, and what the driver's end leaves going has its time, as ever."""
    pods = [pod(0, ended(EVICTED_S, 0), role="driver"), pod(1, ended(EVICTED_S, 143), evicted=True, role="executor"),
            pod(2, RUNNING, role="executor")]
    assert judged(pods, EVICTED_S + 1, ("driver-0",), executors=2).stage is Stage.SETTLING

"""The budget and the money spent, over whole lives of Benchmarks against a cluster in memory."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live, look, undisturbed

from shapebench.api import keys
from shapebench.reconcile import facts

PER_S = 0.001
HELD_S = 3.0
"""Of every pod that lives as fakes.cluster.lives says."""


def benchmark(budget: str | None = None, workload: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Four runs of one worker each; a second of it costs a thousandth."""
    limits = {"startTimeout": "20s", "runTimeout": "30s"} | ({"budget": budget} if budget else {})
    limits |= spec.pop("limits", {})
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"workload": workload or {"tensorflow": {"job": "train"}},
                     "shapes": [{"name": "1x1", "workers": 1, "cpu": "1", "memory": "1Gi", "pricePerHour": "3.6"}],
                     "repetitions": {"count": 3, "warmups": 1}, "limits": limits} | spec}


def status(cluster: fake.FakeCluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("Benchmark", NAME).get("status", {})
    return found


def condition(cluster: fake.FakeCluster, kind: str) -> dict[str, Any]:
    return next(one for one in status(cluster)["conditions"] if one["type"] == kind)


def test_a_budget_that_is_reached_ends_the_benchmark_with_what_it_has() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark("0.055"))
    assert status(cluster)["phase"] == "Succeeded"
    assert status(cluster)["runs"] == {"planned": 4, "created": 4, "active": 0, "succeeded": 4, "failed": 0,
                                       "skipped": 0, "excluded": 0, "flagged": 0}, "12 s in all, 50 s for the first one"
    cluster = live(fake.FakeCluster(fake.lives), benchmark(
        "0.055", limits={"runTimeout": "25s"}, repetitions={"count": 100, "warmups": 1}))
    found = status(cluster)
    assert (found["phase"], condition(cluster, "Succeeded")["reason"]) == ("Succeeded", "BudgetReached")
    assert found["costSpent"] == pytest.approx(18 * HELD_S * PER_S)
    assert found["runs"] | {"planned": 0} == {"planned": 0, "created": 18, "active": 0, "succeeded": 18, "failed": 0,
                                              "skipped": 83, "excluded": 0, "flagged": 0}
    assert found["progress"] == "18/101"
    message = condition(cluster, "Succeeded")["message"]
    assert "18 of 101 runs ended; 0.054 of 0.055 spent" in message
    assert "the next run (1x1) is expected to cost 0.003 by runs of this cell: 83 runs were not made" in message
    assert any(event.startswith("Succeeded: best: 1x1") for event in cluster.events)


def test_a_larger_budget_goes_on_and_a_smaller_one_stops_sooner() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark("0.052", repetitions={"count": 20, "warmups": 0}))
    assert status(cluster)["runs"]["created"] == 17
    finished_at = status(cluster)["finishedAt"]
    look(cluster)
    assert status(cluster)["finishedAt"] == finished_at
    cluster.objects["Benchmark", NAME]["spec"]["limits"]["budget"] = "0.056"
    look(cluster)
    assert (status(cluster)["phase"], status(cluster).get("finishedAt")) == ("Running", None)
    assert {condition(cluster, kind)["status"] for kind in ("Succeeded", "Finished")} == {"False"}
    live(cluster)
    assert (status(cluster)["phase"], status(cluster)["runs"]["created"]) == ("Succeeded", 18)
    assert condition(cluster, "Finished")["status"] == "True"
    cluster.objects["Benchmark", NAME]["spec"]["limits"]["budget"] = None
    live(cluster)
    look(cluster)
    live(cluster)
    assert (status(cluster)["runs"]["created"], condition(cluster, "Succeeded")["reason"]) == (20, "AllRunsSucceeded")


def test_a_budget_that_lets_no_run_start_fails_and_says_what_to_do() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark("0.049"))
    assert (status(cluster)["phase"], condition(cluster, "Failed")["reason"]) == ("Failed", "BudgetReached")
    assert cluster.kind("BenchmarkRun") == []
    assert status(cluster)["progress"] == "0/4"
    assert condition(cluster, "Finished") == condition(cluster, "Failed") | {"type": "Finished"}
    assert "what limits.startTimeout and limits.runTimeout allow, 0.05: 4 runs were not made; raise limits.budget" in (
        condition(cluster, "Failed")["message"])


def test_runs_that_go_on_are_reserved_for_and_never_cut_short() -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark("0.149", limits={"concurrency": 4}))
    look(cluster)
    assert len(cluster.kind("BenchmarkRun")) == 2, "two at what the limits allow, 0.05 each; not a third"
    live(cluster)
    assert {one["status"]["phase"] for one in cluster.kind("BenchmarkRun")} == {"Succeeded"}
    assert len(cluster.kind("BenchmarkRun")) == 4, "they took less, and the others fit in then"


def slow_once(pod: dict[str, Any], age: int) -> dict[str, Any]:
    """The first run after the warm-up takes nearly all the time that it may."""
    if f"{NAME}-1-1-" not in pod["metadata"]["name"] or age <= 1 or age > 58:
        return fake.lives(pod, age)
    return fake.running(pod["fake-born"] + 2)


def test_a_run_that_takes_longer_than_any_before_is_reserved_for_by_what_it_has_cost_so_far() -> None:
    cluster = fake.FakeCluster(slow_once)
    limits = {"startTimeout": "5s", "runTimeout": "60s", "concurrency": 2}
    cluster.add(benchmark("0.066", limits=limits, repetitions={"count": 30, "warmups": 1}))
    beside = 0
    for _ in range(60):
        before, cost = len(cluster.kind("BenchmarkRun")), spent_until_now(cluster)
        look(cluster)
        made = len(cluster.kind("BenchmarkRun")) - before
        beside += made
        if before and made:
            assert cost + made * HELD_S * PER_S <= 0.066 + 1e-9, f"{cost} were spent, and {made} started"
        cluster.tick()
    assert beside > 5, "the others went on beside it"


def spent_until_now(cluster: fake.FakeCluster) -> float:
    """At the price of all pods that ever held their nodes."""
    ended = sum(run.get("status", {}).get("costSpent", 0.0) for run in cluster.kind("BenchmarkRun"))
    pods = [facts.pod_fact(pod) for pod in cluster.kind("Pod")]
    return float(ended + PER_S * sum((pod.finished_s or cluster.now_s) - pod.scheduled_s for pod in pods
                                     if pod.scheduled_s is not None))


def test_a_suspended_benchmark_is_not_ended_by_its_budget() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark("0.01", suspend=True), ticks=20)
    assert status(cluster)["phase"] == "Suspended"


def test_the_rest_is_expected_to_cost_what_the_runs_so_far_did() -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark())
    look(cluster)
    assert "costExpected" not in status(cluster)
    for _ in range(7):
        cluster.tick()
        look(cluster)
    assert status(cluster)["runs"]["succeeded"] == 1
    assert status(cluster)["costExpected"] == pytest.approx(3 * HELD_S * PER_S)
    live(cluster)
    assert "costExpected" not in status(cluster)


@pytest.mark.parametrize("price", ["3.6", "0", None], ids=["priced", "free", "without-a-price"])
def test_the_time_left_is_that_of_the_runs_left_however_long_nothing_ran(price: str | None) -> None:
    cluster = fake.FakeCluster(fake.lives)
    body = benchmark(repetitions={"count": 12, "warmups": 0}, limits={"concurrency": 2})
    body["spec"]["shapes"][0]["pricePerHour"] = price
    cluster.add(body)
    look(cluster)
    assert "timeLeftS" not in status(cluster), "nothing is known yet"
    while not status(cluster)["runs"]["succeeded"]:
        cluster.tick()
        look(cluster)
    spec = cluster.objects["Benchmark", NAME]["spec"]
    spec["suspend"] = True
    live(cluster, ticks=20)
    assert (status(cluster)["phase"], status(cluster).get("timeLeftS")) == ("Suspended", None)
    cluster.now_s += 3 * 86400
    spec["suspend"] = False
    look(cluster)
    assert status(cluster)["timeLeftS"] == 10, "two runs at once, of which each takes six seconds"
    live(cluster)
    assert "timeLeftS" not in status(cluster)


def test_an_operator_killed_after_any_effect_spends_no_more() -> None:
    body = benchmark("0.055", limits={"runTimeout": "25s"}, repetitions={"count": 3, "warmups": 0})
    undisturbed(lambda die_after: live(fake.FakeCluster(fake.lives, die_after=die_after), body))


def once_evicted(pod: dict[str, Any], age: int) -> dict[str, Any]:
    """The first attempt loses its node's memory, two seconds after its pod got the node."""
    if "-a1-" in pod["metadata"]["name"] and age > 2:
        since_s = pod["fake-born"] + 2
        return {"phase": "Failed", "reason": "Evicted", "message": "low on memory", "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": fake.rfc3339(since_s)}]} if age > 3 else (
            fake.running(since_s))
    return fake.lives(pod, age)


def always_evicted(pod: dict[str, Any], age: int) -> dict[str, Any]:
    """Each attempt loses its node's memory after it has held it for 19 s."""
    since_s = pod["fake-born"] + 2
    if age <= 20:
        return fake.running(since_s) if age > 1 else fake.waiting()
    return {"phase": "Failed", "reason": "Evicted", "message": "low on memory", "conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": fake.rfc3339(since_s)}]}


@pytest.mark.parametrize(("budget", "concurrency", "attempts", "words"), [
    pytest.param("0.049", 1, [], "", id="no-run-at-all"),
    pytest.param("0.068", 1, [1], "0.019 of 0.068 spent, and another attempt is expected to cost 0.05", id="no-retry"),
    pytest.param("0.069", 1, [2], "0.038 of 0.069 spent, and another", id="one-retry"),
    pytest.param("0.120", 2, [1, 3], "of 0.12 spent, and another attempt", id="of-two-that-end-together-one"),
])
def test_another_attempt_starts_only_if_the_budget_covers_it(budget: str, concurrency: int, attempts: list[int],
                                                             words: str) -> None:
    cluster = live(fake.FakeCluster(always_evicted), benchmark(
        budget, limits={"retries": 5, "concurrency": concurrency, "failuresPerCell": 5}))
    ended = [one["status"] for one in cluster.kind("BenchmarkRun")]
    assert sorted(one["attempt"] for one in ended) == attempts
    assert {one["reason"] for one in ended} <= {"Evicted"}
    assert all(words in one["message"] for one in ended), ended
    assert (status(cluster).get("costSpent") or 0.0) <= float(budget)


def vanishes(pod: dict[str, Any], age: int) -> dict[str, Any]:
    """Somebody deletes the first attempt's pod while it runs."""
    return {"deleted": True} if "-a1-" in pod["metadata"]["name"] and age > 3 else fake.lives(pod, age)


ONE = {"repetitions": {"count": 1, "warmups": 0}}
SPARK = {"spark": {"job": "read-speed", "driver": {"pricePerHour": "1.8"}}}
SERVED = {"tensorflow": {"job": "train", "parameterServers": 2}}

SPENT = [
    pytest.param(benchmark(**ONE), fake.lives, 2.0, 3.0, id="start-up-is-paid-for"),
    pytest.param(benchmark(workload=SERVED, **ONE), fake.lives, 3 * 2.0, 3 * 3.0, id="parameter-servers-cost-too"),
    pytest.param(benchmark(workload=SPARK, **ONE), fake.lives, 1.5 * 2.0, 1.5 * 3.0, id="a-driver-with-a-price"),
    pytest.param(benchmark(workload={"spark": {"job": "read-speed"}}, **ONE), fake.lives, 2.0, 3.0,
                 id="a-driver-without-a-price"),
    pytest.param(benchmark(**ONE), lambda pod, age: fake.lives(pod, age, exit_code=3), 2.0, 3.0, id="failed"),
    pytest.param(benchmark(**ONE), lambda pod, age: fake.unschedulable(), None, 0.0, id="never-had-a-node"),
    pytest.param(benchmark(**ONE), lambda pod, age: fake.running(fake.START_S), None, 30.0, id="timed-out"),
    pytest.param(benchmark(**ONE), once_evicted, 2.0, 2.0 + 3.0, id="a-lost-attempt-is-paid-for-too"),
    pytest.param(benchmark(**ONE), vanishes, 2.0, 2.0 + 3.0, id="a-pod-that-vanished-held-its-node-until-then"),
]


@pytest.mark.parametrize(("body", "script", "cost_s", "spent_s"), SPENT)
def test_what_a_run_cost_and_what_was_spent_on_it(
        body: dict[str, Any], script: fake.Script, cost_s: float | None, spent_s: float) -> None:
    cluster = live(fake.FakeCluster(script), body)
    (found,) = (one["status"] for one in cluster.kind("BenchmarkRun"))
    assert found.get("cost") == (None if cost_s is None else pytest.approx(cost_s * PER_S))
    assert found["costSpent"] == pytest.approx(spent_s * PER_S)
    assert found["queueS"] == 0.0
    assert ("startupS" in found) == (cost_s is not None)
    assert status(cluster)["costSpent"] == pytest.approx(spent_s * PER_S)

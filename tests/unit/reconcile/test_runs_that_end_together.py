"""Many runs that end in the same moment: each is put together once, and no look is longer than it may be."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE

from shapebench.agent import framing
from shapebench.api import keys
from shapebench.api.settings import Settings
from shapebench.reconcile import loop

RUNS, PODS = 20, 2
STORE = Settings(results_url="s3://store")


@dataclass
class Cluster(fake.FakeCluster):
    """Counts how often each pod's log is fetched."""

    fetched: Counter[str] = field(default_factory=Counter)

    def log(self, namespace: str, pod: str, container: str) -> str:
        self.fetched[pod] += 1
        return super().log(namespace, pod, container)


def evicted_once(pod: dict[str, Any], age: int) -> dict[str, Any]:
    if "-a1-" in pod["metadata"]["name"] and age > 2:
        return {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"}
    return fake.lives(pod, age)


def together(script: fake.Script = fake.lives, **how: Any) -> Cluster:
    """A cluster on which all runs have just ended, and nobody has looked since they began."""
    cluster = Cluster(script, **how)
    cluster.add({
        "apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"workload": {"tensorflow": {"job": "train"}},
                 "shapes": [{"name": "2x1", "workers": PODS, "cpu": "1", "memory": "1Gi"}],
                 "repetitions": {"count": RUNS, "warmups": 0}, "limits": {"concurrency": RUNS, "retries": 1}}})
    loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock)
    for _ in range(6):
        cluster.tick()
    return cluster


def parsed(work: Callable[[], object]) -> int:
    """How many pods' logs the work parses, each for a record of its run."""
    found = 0

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal found
        found += event == "call" and frame.f_code is framing.decode.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


def over(cluster: Cluster) -> int:
    return sum(run["status"]["phase"] in ("Succeeded", "Failed") for run in cluster.kind("BenchmarkRun"))


@pytest.mark.parametrize("settings", [
    pytest.param(Settings(), id="config-map"),
    pytest.param(STORE, id="results-store"),
])
def test_each_record_is_put_together_once(settings: Settings) -> None:
    cluster = together()
    pods = parsed(lambda: loop.reconcile(cluster, settings, NAMESPACE, NAME, cluster.clock))
    assert over(cluster) == RUNS
    assert pods == RUNS * PODS
    assert set(cluster.fetched.values()) == {1}, "and each log was fetched once"


def test_a_look_ends_after_so_many_logs_and_the_next_one_goes_on() -> None:
    cluster = together()
    done = []
    for _ in range(RUNS):
        again_s = loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock, logs_per_look=3 * PODS)
        done.append(over(cluster))
        if again_s != 0.0:
            break
    assert done == [3, 6, 9, 12, 15, 18, 20]
    assert set(cluster.fetched.values()) == {1}


def test_of_attempts_that_were_lost_each_log_is_fetched_once_too() -> None:
    cluster = together(evicted_once)
    loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock)
    assert {run["status"]["attempt"] for run in cluster.kind("BenchmarkRun")} == {2}
    assert (len(cluster.fetched), set(cluster.fetched.values())) == (RUNS * PODS, {1})


def test_a_record_that_is_refused_holds_up_no_other_run() -> None:
    refused = keys.record_name(f"{NAME}-1-1")
    cluster = together(refuse=lambda body: "exceeded quota" if body["metadata"]["name"] == refused else None)
    pods = parsed(lambda: loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock))
    assert over(cluster) == RUNS - 1
    assert pods == RUNS * PODS


def test_an_operator_killed_after_any_effect_ends_in_the_same_place() -> None:
    def lived(die_after: int | None) -> Cluster:
        cluster = together()
        cluster.die_after = die_after and cluster.effects + die_after
        while True:
            try:
                if loop.reconcile(cluster, STORE, NAMESPACE, NAME, cluster.clock, logs_per_look=5 * PODS) != 0.0:
                    return cluster
            except fake.Killed:
                continue

    began, undisturbed = together().effects, lived(None)
    for effect in range(1, undisturbed.effects - began + 1, 19):
        killed = lived(effect)
        assert killed.objects == undisturbed.objects, f"killed after effect {effect}"
        assert killed.store == undisturbed.store, f"killed after effect {effect}"

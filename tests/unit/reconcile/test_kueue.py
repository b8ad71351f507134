"""Whole lives of Benchmarks whose gangs of our own wait in a queue, in a cluster in memory where Kueue is played.

What is played is what the real Kueue was seen to do (tests/apiserver/test_kueue.py runs it): it admits by conditions,
and an evicted Workload stays admitted and counted until whoever made it lets it go.
"""

from __future__ import annotations

from typing import Any

import pytest
from fakes import cluster as fake
from fakes import operator
from fakes.operator import NAME, NAMESPACE, look, look_once, undisturbed

from shapebench.api import keys
from shapebench.plan import actions
from shapebench.plan.actions import Offer
from shapebench.reconcile import attempts

FIRST = f"{NAME}-1-1"
Body = dict[str, Any]
_WORKLOADS = {"tensorflow": {"tensorflow": {"job": "train"}}, "spark": {"spark": {"job": "read-speed"}}}
BOTH = pytest.mark.parametrize("kind", list(_WORKLOADS))


class Queue:
    """A Kueue whose queue has room for one gang at a time."""

    def __init__(self, cluster: fake.FakeCluster, after_ticks: int = 3) -> None:
        self._cluster, self._after_ticks = cluster, after_ticks
        self.most_admitted = 0

    def work(self) -> None:
        places = [body for (kind, _), body in sorted(self._cluster.objects.items()) if kind == "Workload"]
        for body in places:
            counted = [one for one in places if "QuotaReserved" in self._true(one)]
            self.most_admitted = max(self.most_admitted, len(counted))
            if not self._true(body) and not counted and self._cluster.now_s >= body["fake-born"] + self._after_ticks:
                say(body, QuotaReserved="reserved", Admitted="admitted")
            elif not self._true(body):
                waits = {"type": "QuotaReserved", "status": "False", "message": "1 cpu short"}
                body["status"] = {"conditions": [waits]}

    @staticmethod
    def _true(body: Body) -> set[str]:
        return {one["type"] for one in body.get("status", {}).get("conditions", []) if one["status"] == "True"}


def say(workload: Body, **conditions: str) -> None:
    told = [one for one in workload.get("status", {}).get("conditions", []) if one["type"] not in conditions]
    workload["status"] = {"conditions": told + [{"type": name, "status": "True", "message": message}
                                                for name, message in conditions.items()]}


def made(kind: str, die_after: int | None = None, **spec: Any) -> fake.FakeCluster:
    cluster = fake.FakeCluster(fake.lives, die_after=die_after)
    cluster.add({
        "apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"workload": _WORKLOADS[kind], "repetitions": {"count": 1, "warmups": 0}, "queueName": "research",
                 "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi"},
                            {"name": "1x2", "workers": 1, "cpu": "2", "memory": "2Gi"}]} | spec})
    return cluster


def live(cluster: fake.FakeCluster, queue: Queue | None = None) -> Queue:
    queue = queue or Queue(cluster)

    def others(cluster: fake.FakeCluster) -> None:
        queue.work()
        fake.executors_of(cluster)

    operator.live(cluster, others=others)
    return queue


def run(cluster: fake.FakeCluster, name: str = FIRST) -> Body:
    found: Body = cluster.get("BenchmarkRun", name).get("status", {})
    return found


def until_running(cluster: fake.FakeCluster, queue: Queue) -> Body:
    """Live until the first run's pods run; its Workload, to be played with."""
    for _ in range(30):
        look(cluster)
        if run(cluster).get("phase") == "Running":
            return cluster.objects["Workload", f"{FIRST}-a1"]
        cluster.tick()
        queue.work()
        fake.executors_of(cluster)
    raise AssertionError(run(cluster))


@BOTH
def test_every_run_waits_for_its_place_and_gives_it_back(kind: str) -> None:
    cluster = made(kind, limits={"concurrency": 2})
    queue = live(cluster)
    assert cluster.get("Benchmark", NAME)["status"]["runs"]["succeeded"] == 2
    assert queue.most_admitted == 1, "the second waited, though both may run"
    assert not [key for key in cluster.objects if key[0] in ("Pod", "Service", "Workload")]
    assert [name for name in cluster.created if name.startswith("Workload")] == [
        f"Workload/{NAME}-1-1-a1", f"Workload/{NAME}-1-2-a1"]


@BOTH
def test_no_pod_is_made_before_the_place_is_there_and_none_is_left_when_it_is_given_back(kind: str) -> None:
    cluster = made(kind)
    queue = Queue(cluster)
    for _ in range(80):
        look(cluster)
        admitted = [one["metadata"]["name"] for one in cluster.kind("Workload") if "Admitted" in Queue._true(one)]
        for pod in cluster.kind("Pod"):
            labels = pod["metadata"]["labels"]
            assert f"{labels[keys.LABEL_RUN]}-a{labels[keys.LABEL_ATTEMPT]}" in admitted
        cluster.tick()
        queue.work()
        fake.executors_of(cluster)
    assert cluster.get("Benchmark", NAME)["status"]["phase"] == "Succeeded"


@BOTH
def test_waiting_costs_no_time_to_start_and_is_told_apart(kind: str) -> None:
    cluster = made(kind, limits={"startTimeout": "20s"})
    never = Queue(cluster, after_ticks=10_000)
    wakes = set()
    for _ in range(60):
        wakes.add(look(cluster))
        cluster.tick()
        never.work()
    waiting = run(cluster)
    assert (waiting["phase"], waiting["message"]) == ("Pending", "waiting in queue research: 1 cpu short")
    assert cluster.kind("Pod") == cluster.kind("Service") == []
    assert wakes == {attempts.QUEUE_LOOK_S}, "nothing watches the queue"
    live(cluster)
    times = run(cluster)["times"]
    assert times["admittedS"] - times["createdS"] >= 60
    assert run(cluster)["verdict"] == "Valid"
    assert f"Admitted: Workload {FIRST}-a1 was admitted" in cluster.events


@BOTH
def test_an_evicted_gang_is_a_lost_attempt_and_queues_anew(kind: str) -> None:
    cluster = made(kind)
    queue = Queue(cluster)
    say(until_running(cluster, queue), Evicted="Preempted to accommodate a workload")
    live(cluster, queue)
    retried = run(cluster)
    assert (retried["phase"], retried["attempt"], retried["verdict"]) == ("Succeeded", 2, "Retried")
    (lost,) = retried["lostAttempts"]
    assert lost.startswith(
        f"attempt 1: Evicted: Workload {FIRST}-a1 was evicted (Preempted to accommodate a workload): "
        f"its queue took its place back; no usage of {FIRST}-a1-"), "its pods ran still"
    assert queue.most_admitted == 1


@BOTH
def test_a_running_gang_is_looked_at_as_often_as_its_place_may_be_lost(kind: str) -> None:
    cluster = made(kind)
    until_running(cluster, Queue(cluster))
    assert look(cluster) == attempts.QUEUE_LOOK_S


@BOTH
def test_the_place_is_kept_while_pods_linger(kind: str) -> None:
    """Else another gang would be admitted to nodes that are still full."""
    cluster = made(kind, limits={"concurrency": 1})
    queue = Queue(cluster)
    say(until_running(cluster, queue), Evicted="Preempted")
    at_once = cluster.delete
    cluster.delete = lambda kind, *rest: None if kind == "Pod" else at_once(kind, *rest)  # type: ignore[method-assign]
    for _ in range(5):
        look(cluster)
    assert ("Workload", f"{FIRST}-a1") in cluster.objects
    cluster.delete = at_once  # type: ignore[method-assign]
    live(cluster, queue)
    assert run(cluster)["attempt"] == 2


@BOTH
@pytest.mark.parametrize("running", [False, True], ids=["while-it-waits", "while-it-runs"])
def test_a_place_that_somebody_deleted(kind: str, running: bool) -> None:
    cluster = made(kind)
    queue = Queue(cluster)
    if running:
        until_running(cluster, queue)
    else:
        look(cluster)
    cluster.delete("Workload", f"{FIRST}-a1")
    live(cluster, queue)
    ended = run(cluster)
    assert (ended["phase"], ended["attempt"]) == ("Succeeded", 2 if running else 1)
    if running:
        assert f"Workload {FIRST}-a1 was deleted before its pods ended" in ended["lostAttempts"][0]


@BOTH
def test_an_operator_killed_after_any_effect_ends_in_the_same_place(kind: str) -> None:
    def lived(die_after: int | None) -> fake.FakeCluster:
        cluster = made(kind, die_after)
        live(cluster)
        return cluster

    undisturbed(lived)


@BOTH
def test_a_place_lost_between_admission_and_the_whole_gang_is_asked_for_anew(kind: str) -> None:
    """The operator dies while it makes the pods, and the queue changes its mind before the next one starts."""
    seen = 0
    for effect in range(1, 12):
        cluster = made(kind, effect)
        queue = Queue(cluster, after_ticks=1)
        try:
            for _ in range(4):
                look_once(cluster)
                cluster.tick()
                queue.work()
        except fake.Killed:
            pass
        place = cluster.objects.get(("Workload", f"{FIRST}-a1"))
        if place and run(cluster).get("attempt") and not run(cluster).get("gangExists"):
            seen += bool(cluster.kind("Pod"))
            say(place, QuotaReserved="reserved", Admitted="admitted", Evicted="Preempted")
            look(cluster)
            cluster.tick()
            look(cluster)
            assert cluster.kind("Pod") == [], f"killed after effect {effect}"
        live(cluster, queue)
        assert run(cluster)["phase"] == "Succeeded"
    assert seen, "some pods were there already"


@BOTH
def test_pods_that_are_refused_after_a_long_wait_still_have_their_time_to_start(kind: str) -> None:
    cluster = made(kind, limits={"startTimeout": "20s", "failuresPerCell": 1})
    queue = Queue(cluster, after_ticks=40)
    cluster.refuse = lambda body: "exceeded quota" if body["kind"] == "Pod" else None
    for _ in range(50):
        look(cluster)
        cluster.tick()
        queue.work()
    assert run(cluster)["message"] == "exceeded quota"
    cluster.refuse = lambda body: None
    live(cluster, queue)
    assert run(cluster)["phase"] == "Succeeded"


@BOTH
def test_a_place_that_is_refused_is_told_and_given_up_after_the_start_timeout(kind: str) -> None:
    cluster = made(kind, limits={"startTimeout": "20s", "failuresPerCell": 1})
    cluster.refuse = lambda body: "workloads is forbidden" if body["kind"] == "Workload" else None
    for _ in range(10):
        look(cluster)
        cluster.tick()
    assert run(cluster)["message"] == "workloads is forbidden"
    for _ in range(20):
        look(cluster)
        cluster.tick()
    assert (run(cluster)["phase"], run(cluster)["reason"]) == ("Failed", "StartTimeout")
    assert "workloads is forbidden" in run(cluster)["message"]


def test_pods_go_to_the_nodes_of_the_flavors_that_their_roles_were_assigned() -> None:
    cluster = made("tensorflow", workload={"tensorflow": {"job": "train", "parameterServers": 1}})
    cluster.add({"kind": "ResourceFlavor", "metadata": {"name": "spot"}, "spec": {
        "nodeLabels": {"pool": "spot"}, "tolerations": [{"key": "spot", "operator": "Exists"}]}})
    cluster.add({"kind": "ResourceFlavor", "metadata": {"name": "any"}})
    look(cluster)
    place = cluster.objects["Workload", f"{FIRST}-a1"]
    say(place, QuotaReserved="reserved", Admitted="admitted")
    place["status"]["admission"] = {"podSetAssignments": [
        {"name": "worker", "flavors": {"cpu": "spot", "memory": "spot"}}, {"name": "ps", "flavors": {"cpu": "any"}}]}
    look(cluster)
    specs = {one["metadata"]["labels"][keys.LABEL_ROLE]: one["spec"] for one in cluster.kind("Pod")}
    assert specs["worker"]["nodeSelector"] == {"pool": "spot"}
    assert specs["worker"]["tolerations"] == [{"key": "spot", "operator": "Exists"}]
    assert not {"nodeSelector", "tolerations"} & specs["ps"].keys()


@pytest.mark.parametrize(("offer", "reason"), [
    pytest.param(Offer.NOT_INSTALLED, "KueueNotInstalled", id="no-kueue"),
    pytest.param(Offer.FORBIDDEN, "KueueNotAllowed", id="not-allowed"),
    pytest.param(Offer.ABSENT, "QueueMissing", id="no-queue"),
])
def test_without_the_queue_nothing_is_made(offer: actions.Offer, reason: str) -> None:
    cluster = made("tensorflow")
    cluster.queue = offer
    look(cluster)
    conditions = cluster.get("Benchmark", NAME)["status"]["conditions"]
    assert [one["reason"] for one in conditions if one["type"] == "Accepted"] == [reason]
    assert cluster.created == []

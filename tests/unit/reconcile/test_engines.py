"""Whole lives of Benchmarks whose pods another operator makes, in a cluster in memory where that operator is played."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import cluster as fake
from fakes import engines, operator
from fakes.operator import NAME, NAMESPACE, look, undisturbed

from shapebench.api import keys
from shapebench.plan.actions import Offer

TF, SPARK = "TFJob", "SparkApplication"
_WORKLOADS = {TF: {"tensorflow": {"engine": TF, "job": "train", "parameterServers": 1}},
              SPARK: {"spark": {"engine": SPARK, "job": "read-speed"}}}
INTEGRATIONS = {TF: "kubeflow.org/tfjob", SPARK: "sparkoperator.k8s.io/sparkapplication"}
BOTH = pytest.mark.parametrize("kind", [TF, SPARK])


def benchmark(kind: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"workload": _WORKLOADS[kind], "repetitions": {"count": 1, "warmups": 0},
                 "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi"},
                            {"name": "1x2", "workers": 1, "cpu": "2", "memory": "2Gi"}]} | spec}


def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
    """As in any gang; parameter servers are ended by their agents a moment after the workers' end."""
    if "-ps-" in pod["metadata"]["name"] and age == 5:
        return fake.running(pod["fake-born"] + 2)
    return fake.lives(pod, age)


def live(cluster: fake.FakeCluster) -> fake.FakeCluster:
    """Until the Benchmark has ended, with the other operators at work."""
    def others(cluster: fake.FakeCluster) -> None:
        assert len(cluster.kind(TF) + cluster.kind(SPARK)) <= 1, "an attempt begins when nothing is left of the last"
        engines.admit(cluster)
        engines.work(cluster)

    return operator.live(cluster, others=others)


def status(cluster: fake.FakeCluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("Benchmark", NAME).get("status", {})
    return found


def run(cluster: fake.FakeCluster, name: str = f"{NAME}-1-1") -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("BenchmarkRun", name)["status"]
    return found


def made(kind: str, die_after: int | None = None, **spec: Any) -> fake.FakeCluster:
    cluster = fake.FakeCluster(script, die_after=die_after)
    cluster.add(benchmark(kind, **spec))
    return cluster


@BOTH
def test_every_run_ends_with_the_records_of_its_pods_and_nothing_is_left(kind: str) -> None:
    cluster = made(kind)
    live(cluster)
    assert status(cluster)["runs"]["succeeded"] == 2
    roles = {TF: {"worker", "ps"}, SPARK: {"driver", "executor"}}[kind]
    assert set(run(cluster)["usageByRole"]) == roles
    assert not [key for key in cluster.objects if key[0] in ("Pod", "Service", TF, SPARK)]
    assert [name for name in cluster.created if "record" not in name and "BenchmarkRun" not in name] == [
        f"{kind}/{NAME}-1-1-a1", f"{kind}/{NAME}-1-2-a1"], "the pods are the other operator's to make"


@BOTH
@pytest.mark.parametrize("queue", [{}, {"queueName": "research"}], ids=["free", "queued"])
def test_an_operator_killed_after_any_effect_ends_in_the_same_place(kind: str, queue: dict[str, str]) -> None:
    undisturbed(lambda die_after: live(made(kind, die_after, **queue)))


@BOTH
def test_an_operator_killed_after_any_effect_of_a_retry_ends_in_the_same_place(kind: str) -> None:
    def once_evicted(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if pod["metadata"]["name"] in (f"{NAME}-1-1-a1-worker-0", f"{NAME}-1-1-a1-driver") and age > 2:
            return {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"}
        return script(pod, age)

    def lived(die_after: int | None) -> fake.FakeCluster:
        cluster = fake.FakeCluster(once_evicted, die_after=die_after)
        cluster.add(benchmark(kind, shapes=[{"name": "1x2", "workers": 1, "cpu": "2", "memory": "2Gi"}]))
        return live(cluster)

    retried = run(undisturbed(lived))
    assert (retried["attempt"], retried["verdict"]) == (2, "Retried")


@BOTH
def test_an_object_of_a_lost_attempt_goes_though_it_never_had_a_pod(kind: str) -> None:
    cluster = made(kind)
    look(cluster)
    killed_then = cluster.objects["BenchmarkRun", f"{NAME}-1-1"]["status"]
    killed_then |= {"attempt": 2, "gangExists": False}
    look(cluster)
    assert [body["metadata"]["name"] for body in cluster.kind(kind)] == [f"{NAME}-1-1-a2"]


def test_workers_that_end_before_the_last_one_is_made_are_no_success() -> None:
    cluster = made(TF)
    late = f"{NAME}-1-1-a1-worker-1"
    for tick in range(12):
        look(cluster)
        cluster.tick()
        engines.work(cluster)
        if tick < 9:
            cluster.objects.pop(("Pod", late), None)
    assert run(cluster)["phase"] == "Starting"
    live(cluster)
    assert run(cluster)["phase"] == "Succeeded"
    assert run(cluster)["usageByRole"]["worker"]["networkReceiveBytes"] == 2000, "both workers' usage"


@BOTH
def test_a_queue_holds_a_run_back_without_costing_it_its_time_to_start(kind: str) -> None:
    cluster = made(kind, queueName="research", limits={"startTimeout": "20s"})
    for _ in range(60):
        look(cluster)
        cluster.tick()
        engines.take_in(cluster)
        engines.work(cluster)
    waiting = run(cluster)
    assert (waiting["phase"], waiting["message"]) == ("Pending", "waiting in queue research")
    assert cluster.kind("Pod") == []
    assert cluster.kind(kind)[0]["metadata"]["labels"][keys.LABEL_QUEUE] == "research"
    live(cluster)
    assert status(cluster)["runs"]["succeeded"] == 2
    times = run(cluster)["times"]
    assert times["admittedS"] - times["createdS"] >= 60
    assert run(cluster)["verdict"] == "Valid"


@BOTH
def test_an_object_that_kueue_does_not_take_in_fails_the_run_at_the_end_of_its_time_to_start(kind: str) -> None:
    cluster = made(kind, queueName="research", limits={"startTimeout": "20s", "failuresPerCell": 1})
    cluster.add({"kind": "Workload", "metadata": {"name": "another's", "ownerReferences": [{"uid": "other"}]}})
    began_s, wake_s = cluster.now_s, look(cluster)
    while run(cluster)["phase"] == "Pending":
        assert wake_s
        cluster.tick(wake_s)
        wake_s = look(cluster)
    assert cluster.now_s == began_s + 20
    failed = run(cluster)
    assert (failed["reason"], failed["attempt"], failed.get("lostAttempts")) == ("StartTimeout", 1, None)
    assert failed["message"] == (
        f"Kueue has made no Workload for {kind} {NAME}-1-1-a1 within limits.startTimeout (20s): enable the integration "
        f"{INTEGRATIONS[kind]} in Kueue's configuration (integrations.frameworks), and see that Kueue runs "
        "(docs/how-to/engines.md)")
    assert (kind, f"{NAME}-1-1-a1") not in cluster.objects


@BOTH
def test_who_may_not_see_what_kueue_took_in_waits_on(kind: str) -> None:
    cluster = made(kind, queueName="research", limits={"startTimeout": "20s"})
    cluster.sees_workloads = False
    for _ in range(60):
        look(cluster)
        cluster.tick()
    assert run(cluster)["phase"] == "Pending"


@BOTH
def test_a_run_that_its_queue_suspends_again_is_a_lost_attempt_and_queues_anew(kind: str) -> None:
    cluster = made(kind, queueName="research")
    name = f"{NAME}-1-1-a1"
    for _ in range(30):
        look(cluster)
        cluster.tick()
        engines.admit(cluster)
        if cluster.kind("Pod") and (kind, name) in cluster.objects:
            engines.suspend(cluster, kind, name, True)
            cluster.objects[kind, name]["metadata"]["labels"].pop(keys.LABEL_QUEUE)  # this Kueue has none to give it
        engines.work(cluster)
    live(cluster)
    retried = run(cluster)
    assert (retried["phase"], retried["attempt"], retried["verdict"]) == ("Succeeded", 2, "Retried")
    assert retried["lostAttempts"] == [
        f"attempt 1: Evicted: {kind} {name} was suspended: its queue took its place back"]


@BOTH
@pytest.mark.parametrize("after_ticks", [0, 4], ids=["before-any-pod", "while-it-runs"])
def test_a_deleted_object_is_a_lost_attempt(kind: str, after_ticks: int) -> None:
    cluster = made(kind)
    for _ in range(after_ticks):
        look(cluster)
        cluster.tick()
        engines.work(cluster)
    look(cluster)
    cluster.delete(kind, f"{NAME}-1-1-a1")
    live(cluster)
    retried = run(cluster)
    assert (retried["phase"], retried["attempt"]) == ("Succeeded", 2)
    assert f"{kind} {NAME}-1-1-a1 was deleted before its pods ended" in retried["lostAttempts"][0]


@BOTH
def test_an_object_that_its_operator_gives_up_fails_the_run_with_that_operators_words(kind: str) -> None:
    cluster = made(kind, limits={"failuresPerCell": 1})
    look(cluster)
    engines.say(cluster, kind, "spark-submit: forbidden")
    before_s = cluster.now_s
    look(cluster)
    failed = run(cluster)
    assert (failed["reason"], failed["attempt"]) == ("EngineFailed", 1)
    assert failed["message"] == f"{kind} {NAME}-1-1-a1: spark-submit: forbidden"
    assert cluster.now_s == before_s, "no timeout was waited for"
    assert (kind, f"{NAME}-1-1-a1") not in cluster.objects


@BOTH
def test_a_program_that_fails_says_more_than_the_operator_above_it(kind: str) -> None:
    cluster = fake.FakeCluster(lambda pod, age: fake.lives(pod, age, exit_code=3))
    cluster.add(benchmark(kind, limits={"failuresPerCell": 1}))
    for _ in range(12):
        look(cluster)
        cluster.tick()
        engines.work(cluster)
        if any(pod.get("status", {}).get("phase") == "Failed" for pod in cluster.kind("Pod")):
            engines.say(cluster, kind, "a replica failed")
    failed = run(cluster)
    assert (failed["reason"], "exit code 3" in failed["message"]) == ("ProgramFailed", True)
    assert "Traceback: the program's own words" in failed["message"]


SILENT = "the operator of {kind} compare-1-1-a1 has said nothing of it: does it run, and for this namespace?"


@BOTH
def test_an_operator_that_does_nothing_is_told_of_after_the_start_timeout(kind: str) -> None:
    cluster = made(kind, limits={"startTimeout": "20s", "failuresPerCell": 1})
    for _ in range(25):
        look(cluster)
        cluster.tick()
    failed = run(cluster)
    assert failed["reason"] == "StartTimeout"
    assert SILENT.format(kind=kind) in failed["message"]


@BOTH
def test_a_pod_that_goes_while_the_gang_runs_is_a_lost_attempt(kind: str) -> None:
    lost = {TF: f"{NAME}-1-1-a1-worker-0", SPARK: f"{NAME}-1-1-a1-driver"}[kind]

    def one_goes(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if age == 8 and pod["metadata"]["name"] == lost:
            return {"deleted": True}
        return fake.running(pod["fake-born"] + 2) if age > 1 else fake.waiting()

    cluster = fake.FakeCluster(one_goes)
    cluster.add(benchmark(kind))
    for _ in range(12):
        look(cluster)
        cluster.tick()
        look(cluster)  # before the other operator has made the pod again
        engines.work(cluster)
    assert run(cluster)["attempt"] == 2
    assert f"pod {lost} was deleted before it ended" in run(cluster)["lostAttempts"][0]


@BOTH
def test_pods_that_an_earlier_operator_left_go_though_their_object_is_gone(kind: str) -> None:
    cluster = made(kind)
    live(cluster)
    labels = {keys.LABEL_BENCHMARK: NAME, keys.LABEL_RUN: f"{NAME}-1-1", keys.LABEL_ATTEMPT: "1",
              keys.LABEL_ROLE: "worker", keys.LABEL_RUN_UID: f"uid-BenchmarkRun-{NAME}-1-1"}
    for name, uid in (("ours", labels[keys.LABEL_RUN_UID]), ("an-older-benchmarks", "another")):
        cluster.add({"kind": "Pod", "metadata": {"name": name, "labels": labels | {keys.LABEL_RUN_UID: uid},
                                                 "ownerReferences": [{"uid": "gone"}]}})
    look(cluster)
    assert [pod["metadata"]["name"] for pod in cluster.kind("Pod")] == ["an-older-benchmarks"]


REFUSED = [
    pytest.param({"engine": Offer.NOT_INSTALLED}, "EngineNotInstalled", TF,
                 "spec.workload.tensorflow.engine: TFJob needs the CustomResourceDefinition tfjobs.kubeflow.org, which "
                 "this cluster does not have: install the Kubeflow training operator and set the chart's value "
                 "engines.tfJob.enabled=true (see docs/how-to/engines.md), or set engine: Native", id="no-tf-job"),
    pytest.param({"engine": Offer.NOT_INSTALLED}, "EngineNotInstalled", SPARK,
                 "the CustomResourceDefinition sparkapplications.sparkoperator.k8s.io", id="no-spark-application"),
    pytest.param({"engine": Offer.FORBIDDEN}, "EngineNotAllowed", SPARK,
                 "set the chart's value engines.sparkApplication.enabled=true", id="not-allowed"),
    pytest.param({"queue": Offer.NOT_INSTALLED}, "KueueNotInstalled", TF,
                 "spec.queueName: research needs Kueue's CustomResourceDefinition", id="no-kueue"),
    pytest.param({"queue": Offer.FORBIDDEN}, "KueueNotAllowed", TF, "set the chart's value kueue.enabled=true",
                 id="kueue-not-allowed"),
    pytest.param({"queue": Offer.ABSENT}, "QueueMissing", TF,
                 "there is no LocalQueue research in namespace default: create it, or name another", id="no-queue"),
]


@pytest.mark.parametrize(("lacking", "reason", "kind", "message"), REFUSED)
def test_what_the_cluster_lacks_is_told_before_anything_is_made(
        lacking: dict[str, Offer], reason: str, kind: str, message: str) -> None:
    cluster = made(kind, queueName="research")
    for name, offer in lacking.items():
        setattr(cluster, name, offer)
    assert look(cluster) == 15.0, "it may come at any moment"
    accepted = next(one for one in status(cluster)["conditions"] if one["type"] == "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", reason)
    assert message in accepted["message"]
    assert cluster.created == []
    cluster.engine = cluster.queue = Offer.READY
    live(cluster)
    assert status(cluster)["phase"] == "Succeeded"

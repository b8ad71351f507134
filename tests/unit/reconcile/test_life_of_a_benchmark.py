"""Whole lives of Benchmarks against a cluster in memory: what comes out, and that no death of the operator shows."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live, look, undisturbed

from shapebench.api import keys, wire


def benchmark(kind: str = "tensorflow", **spec: Any) -> dict[str, Any]:
    workload = {
        "tensorflow": {"tensorflow": {"job": "train", "arguments": ["--batch-size={batchSize}"]}},
        "spark": {"spark": {"job": "read-speed", "arguments": ["--batch-size={batchSize}"]}},
    }[kind]
    return {
        "apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "workload": workload,
            "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi", "pricePerHour": "0.10"},
                       {"name": "1x2", "workers": 1, "cpu": "2", "memory": "2Gi", "pricePerHour": "0.20"}],
            "parameters": [{"name": "batchSize", "values": [64]}],
            "repetitions": {"count": 2, "warmups": 1},
        } | spec,
    }


def status(cluster: fake.FakeCluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("Benchmark", NAME).get("status", {})
    return found


def run_statuses(cluster: fake.FakeCluster) -> dict[str, dict[str, Any]]:
    return {body["metadata"]["name"]: body["status"] for body in cluster.kind("BenchmarkRun")}


def condition(cluster: fake.FakeCluster, kind: str) -> dict[str, Any]:
    return next(one for one in status(cluster)["conditions"] if one["type"] == kind)


def faster_on_one_worker(pod: dict[str, Any], age: int) -> dict[str, Any]:
    alone = "-worker-" in pod["metadata"]["name"] and "1x2" in str(pod["spec"]["containers"][0]["env"])
    return fake.lives(pod, age, duration_s=1.0 if alone else 3.0)


@pytest.mark.parametrize(("policy", "remarked"), [(None, True), ("Flag", False)])
def test_shapes_that_may_get_different_types_of_node_are_told_before_any_run(
        policy: str | None, remarked: bool) -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark(validity={"policy": policy} if policy else {}))
    look(cluster)
    assert ("workers of different sizes share all nodes" in condition(cluster, "Accepted")["message"]) is remarked


@pytest.mark.parametrize("kind", ["tensorflow", "spark"])
def test_every_planned_run_ends_with_a_record_and_no_pod_is_left(kind: str) -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark(kind))
    assert condition(cluster, "Succeeded")["status"] == "True"
    assert status(cluster)["progress"] == "6/6"
    assert status(cluster)["runs"] == {"planned": 6, "created": 6, "active": 0, "succeeded": 6, "failed": 0,
                                       "skipped": 0, "excluded": 0, "flagged": 0}
    assert {name: one["verdict"] for name, one in run_statuses(cluster).items()} == {
        f"{NAME}-{block}-{position}": "Warmup" if block == 0 else "Valid"
        for block in range(3) for position in (1, 2)}
    assert cluster.kind("Pod") == []
    assert cluster.kind("Service") == []
    records = cluster.kind("ConfigMap")
    assert [body["metadata"]["name"] for body in records] == [
        f"{NAME}-{block}-{position}-record" for block in range(3) for position in (1, 2)]


def test_executors_usage_is_in_the_run() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark("spark"))
    by_shape = {body["spec"]["shape"]: body["status"] for body in cluster.kind("BenchmarkRun")}
    assert set(by_shape["2x1"]["usageByRole"]) == {"driver", "executor"}
    assert by_shape["2x1"]["usageByRole"]["executor"]["networkReceiveBytes"] == 2000
    assert by_shape["1x2"]["usageByRole"]["executor"]["networkReceiveBytes"] == 1000


def test_the_best_cell_is_the_faster_one_and_costs_are_counted() -> None:
    cluster = live(fake.FakeCluster(faster_on_one_worker), benchmark())
    best = status(cluster)["best"]
    assert (best["shape"], best["objective"], best["runs"]) == ("1x2", 1.0, 2)
    assert best["summary"] == "1x2 batchSize=64 (1s, n=2)"
    costs = {body["spec"]["shape"]: body["status"]["cost"] for body in cluster.kind("BenchmarkRun")}
    assert costs == {"2x1": 0.000166667, "1x2": 5.55556e-05}  # 2 and 1 pods at 0.10 and 0.20 an hour, for 3 and 1 s
    held_s = 3.0
    assert status(cluster)["costSpent"] == pytest.approx(6 * 0.20 * held_s / 3600, abs=1e-6)


@pytest.mark.parametrize("kind", ["tensorflow", "spark"])
def test_an_operator_killed_after_any_effect_ends_in_the_same_place(kind: str) -> None:
    """The state machine is stopped after every single effect in turn, and started again."""
    undisturbed(lambda die_after: live(fake.FakeCluster(fake.lives, die_after=die_after), benchmark(kind)))


def test_an_operator_killed_after_any_effect_of_a_retry_ends_in_the_same_place() -> None:
    def once_evicted(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if pod["metadata"]["name"] == f"{NAME}-1-1-a1-worker-0" and age > 2:
            return {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"}
        return fake.lives(pod, age)

    cluster = undisturbed(lambda die_after: live(fake.FakeCluster(once_evicted, die_after=die_after), benchmark()))
    retried = run_statuses(cluster)[f"{NAME}-1-1"]
    assert (retried["phase"], retried["attempt"], retried["verdict"]) == ("Succeeded", 2, "Retried")
    assert "Evicted" in retried["lostAttempts"][0]


FAILURES = [
    pytest.param(lambda pod, age: fake.lives(pod, age, exit_code=3), "ProgramFailed", "exit code 3", 1, id="exit-3"),
    pytest.param(lambda pod, age: fake.lives(pod, age, exit_code=65, wrong_answer="99 of 100 images"), "WrongAnswer",
                 "99 of 100 images", 1, id="wrong-answer"),
    pytest.param(lambda pod, age: fake.running(fake.START_S), "RunTimeout", "limits.runTimeout (30s)", 1,
                 id="never-ends"),
    pytest.param(lambda pod, age: fake.unschedulable(), "Unschedulable", "3 Insufficient cpu", 1, id="too-large"),
    pytest.param(lambda pod, age: fake.waiting("ErrImagePull", "no such host"), "ImagePull", "no such host", 1,
                 id="no-such-image"),
    pytest.param(lambda pod, age: fake.waiting("InvalidImageName", "uppercase"), "ImagePull", "uppercase", 1,
                 id="not-an-image"),
    pytest.param(lambda pod, age: fake.waiting(), "StartTimeout", "limits.startTimeout (20s)", 1, id="never-starts"),
    pytest.param(lambda pod, age: fake.waiting(), "StartTimeout", "events --field-selector involvedObject.name=", 1,
                 id="never-starts-where-the-kubelet-tells-why"),
    pytest.param(lambda pod, age: fake.waiting("CreateContainerConfigError", 'secret "x" not found'), "StartTimeout",
                 'secret "x" not found', 1, id="no-such-secret"),
    pytest.param(lambda pod, age: fake.waiting("CreateContainerConfigError", "container has runAsNonRoot and image "
                                               "will run as root"), "StartTimeout",
                 "podTemplate.securityContext.runAsUser, such as 10001): container has runAsNonRoot and image will run",
                 1, id="image-runs-as-root"),
    pytest.param(lambda pod, age: fake.lives(pod, age, exit_code=75), "ProgramFailed", "exit code 75", 1,
                 id="own-exit-75"),
    pytest.param(lambda pod, age: fake.on_dead_node(), "NodeLost", "its node is gone", 3, id="node-dead-always"),
    pytest.param(lambda pod, age: fake.ended(fake.START_S, fake.START_S, 143) | {"terminating": True}, "Evicted",
                 "deleted before it ended", 3, id="kubectl-delete-pod-always"),
    pytest.param(lambda pod, age: fake.ended(fake.START_S, fake.START_S, 137, "OOMKilled"), "OutOfMemory",
                 "memory limit", 1, id="oom"),
    pytest.param(lambda pod, age: {"phase": "Failed", "reason": "Evicted", "message": "low on disk"}, "Evicted",
                 "low on disk", 3, id="evicted-always"),
    pytest.param(lambda pod, age: {"phase": "Failed", "reason": "NodeLost"}, "NodeLost", "its node is gone", 3,
                 id="node-lost-always"),
    pytest.param(lambda pod, age: {"deleted": True}, "Evicted", "deleted before it ended", 3, id="deleted-always"),
    pytest.param(lambda pod, age: fake.ended(fake.START_S, fake.START_S, 128, "StartError", "python3: not found"),
                 "ProgramFailed", "set agentPython: Bundled", 1, id="no-python"),
    pytest.param(lambda pod, age: fake.waiting("CreateContainerError", "container create failed: executable file "
                                               "`python3` not found in $PATH: No such file or directory"),
                 "ProgramFailed", "set agentPython: Bundled", 1, id="no-python-cri-o-crun"),
    pytest.param(lambda pod, age: fake.waiting("CreateContainerError", "container create failed: runc create failed: "
                                               'exec: "python3": executable file not found in $PATH'),
                 "ProgramFailed", "set agentPython: Bundled", 1, id="no-python-cri-o-runc"),
    pytest.param(lambda pod, age: fake.waiting("CreateContainerError", "context deadline exceeded"), "StartTimeout",
                 "context deadline exceeded", 1, id="slow-to-create"),
]


@pytest.mark.parametrize(("script", "reason", "message", "attempts"), FAILURES)
def test_a_failed_run_tells_why_and_is_retried_only_for_the_clusters_failures(
        script: fake.Script, reason: str, message: str, attempts: int) -> None:
    cluster = fake.FakeCluster(script)
    cluster.add(benchmark(limits={"startTimeout": "20s", "runTimeout": "30s", "failuresPerCell": 1}))
    live(cluster)
    found = run_statuses(cluster)[f"{NAME}-0-1"]
    assert (found["phase"], found["reason"], found["attempt"]) == ("Failed", reason, attempts)
    assert message in found["message"]
    assert found["verdict"] == "Failed"
    assert cluster.kind("Pod") == []
    assert status(cluster)["phase"] == "Failed"
    assert status(cluster)["runs"]["skipped"] == 4, "after one failure of each cell the others are skipped, and counted"


def test_a_container_that_cannot_be_created_for_want_of_python_is_not_waited_for() -> None:
    """Five minutes would pass for each run."""
    cluster = fake.FakeCluster(lambda pod, age: fake.waiting(
        "CreateContainerError", 'runc create failed: exec: "python3": executable file not found in $PATH'))
    cluster.add(benchmark(limits={"startTimeout": "300s", "failuresPerCell": 1}))
    live(cluster, ticks=60)
    assert run_statuses(cluster)[f"{NAME}-0-1"]["reason"] == "ProgramFailed"


def test_a_failed_programs_last_words_are_in_the_message() -> None:
    cluster = live(fake.FakeCluster(lambda pod, age: fake.lives(pod, age, exit_code=1)), benchmark())
    message = run_statuses(cluster)[f"{NAME}-0-1"]["message"]
    assert "Traceback: the program's own words" in message
    assert wire.RECORD_LINE_PREFIX not in message


def test_some_failures_leave_the_benchmark_succeeded_and_say_so() -> None:
    def one_shape_fails(pod: dict[str, Any], age: int) -> dict[str, Any]:
        bad = "1x2" in str(pod["spec"]["containers"][0]["env"])
        return fake.lives(pod, age, exit_code=3 if bad else 0)

    cluster = live(fake.FakeCluster(one_shape_fails), benchmark())
    assert condition(cluster, "Succeeded")["reason"] == "SomeRunsFailed"
    assert status(cluster)["cells"] == {"total": 2, "measured": 1, "infeasible": 1}
    assert status(cluster)["best"]["shape"] == "2x1"


def test_a_suspended_benchmark_starts_nothing_and_ends_what_runs() -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark())
    look(cluster)
    cluster.objects["Benchmark", NAME]["spec"]["suspend"] = True
    live(cluster, ticks=20)
    assert status(cluster)["phase"] == "Suspended"
    assert [one["phase"] for one in run_statuses(cluster).values()] == ["Succeeded"]
    cluster.objects["Benchmark", NAME]["spec"]["suspend"] = False
    live(cluster)
    assert status(cluster)["phase"] == "Succeeded"
    assert status(cluster)["progress"] == "6/6"


def test_deleting_the_benchmark_deletes_all_it_made() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark("spark"), ticks=3)
    assert cluster.kind("Pod")
    cluster.delete("Benchmark", NAME)
    assert look(cluster) is None
    assert cluster.objects == {}


def test_ttl_deletes_the_finished_benchmark_when_its_time_has_come() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark(ttlSecondsAfterFinished=60))
    left_s = look(cluster)
    assert left_s == pytest.approx(60, abs=1)
    cluster.tick(61)
    look(cluster)
    assert cluster.objects == {}


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_never_more_runs_at_once_than_allowed(concurrency: int) -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark(limits={"concurrency": concurrency}))
    most = 0
    for _ in range(60):
        look(cluster)
        busy = {pod["metadata"]["labels"][keys.LABEL_RUN] for pod in cluster.kind("Pod")
                if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")}
        most = max(most, len(busy))
        cluster.tick()
    assert most == concurrency
    assert status(cluster)["phase"] == "Succeeded"


def test_a_refused_pod_is_tried_again_until_the_start_timeout() -> None:
    def quota(body: dict[str, Any]) -> str | None:
        return "exceeded quota: pods" if body["kind"] == "Pod" else None

    cluster = fake.FakeCluster(fake.lives, refuse=quota)
    cluster.add(benchmark(limits={"startTimeout": "20s", "failuresPerCell": 1, "retries": 0}))
    look(cluster)
    first = run_statuses(cluster)[f"{NAME}-0-1"]
    assert (first["phase"], first["message"]) == ("Pending", "exceeded quota: pods")
    live(cluster)
    found = run_statuses(cluster)[f"{NAME}-0-1"]
    assert (found["phase"], found["reason"]) == ("Failed", "StartTimeout")
    assert "exceeded quota" in found["message"]
    assert cluster.kind("Service") == []


def test_a_quota_that_frees_up_lets_the_run_go_on() -> None:
    cluster = fake.FakeCluster(fake.lives)

    def quota(body: dict[str, Any]) -> str | None:
        return "exceeded quota" if body["kind"] == "Pod" and cluster.now_s < fake.START_S + 10 else None

    cluster.refuse = quota
    cluster.add(benchmark())
    live(cluster)
    assert status(cluster)["runs"]["succeeded"] == 6


REJECTED = [
    pytest.param({"workload": {"tensorflow": {"job": "train", "arguments": ["--x={batch}"]}}}, "Invalid",
                 "spec.workload.tensorflow.arguments[0]: '--x={batch}': unknown parameter 'batch'; known are batchSize",
                 id="unknown-parameter"),
    pytest.param({"workload": {"tensorflow": {"job": "train", "arguments": ["--bach-size={batchSize}"]}}}, "Invalid",
                 "train has no argument --bach-size; did you mean --batch-size?", id="argument-that-the-job-has-not"),
    pytest.param({"objective": {"metric": "measurement.images_per_sec"}}, "Invalid",
                 "train writes no images_per_sec; did you mean images_per_second?", id="metric-that-no-run-has"),
    pytest.param({"workload": {"spark": {"job": "read-speed"}}, "shapes": [
        {"name": "a", "workers": 1, "cpu": "1", "memory": "512Mi"}]}, "Invalid",
        "spec.shapes[0].memory: 512Mi is too little for a Spark executor", id="memory-too-small-for-spark"),
    pytest.param({"workload": {"spark": {"job": "read-speed", "driver": {"memory": "512Mi"}}}}, "Invalid",
                 "spec.workload.spark.driver.memory: 512Mi is too little for a Spark driver", id="small-spark-driver"),
    pytest.param({"parameters": [{"name": "batchSize", "values": list(range(50))},
                                 {"name": "b", "values": list(range(50))}], "repetitions": {"count": 9}}, "Invalid",
                 "at most 10000 are possible", id="too-many-runs"),
]


@pytest.mark.parametrize(("spec", "reason", "message"), REJECTED)
def test_what_cel_cannot_say_becomes_the_condition_accepted_false(
        spec: dict[str, Any], reason: str, message: str) -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark(**spec))
    look(cluster)
    accepted = condition(cluster, "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", reason)
    assert message in accepted["message"]
    assert condition(cluster, "Finished") == accepted | {"type": "Finished", "status": "True"}
    assert status(cluster)["phase"] == "Rejected"
    assert cluster.created == []


def test_what_an_older_operator_accepted_and_began_comes_to_its_end() -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark())
    look(cluster)
    assert status(cluster)["runs"]["created"] == 1
    cluster.objects["Benchmark", NAME]["spec"]["workload"]["tensorflow"]["arguments"] = ["--bach-size={batchSize}"]
    live(cluster)
    assert status(cluster)["phase"] == "Succeeded"


def test_a_corrected_benchmark_is_accepted_then() -> None:
    cluster = fake.FakeCluster(fake.lives, driver_account=False)
    cluster.add(benchmark("spark"))
    wake_s = look(cluster)
    assert wake_s is not None
    assert "add default to the chart's workloadNamespaces" in condition(cluster, "Accepted")["message"]
    cluster.driver_account = True
    look(cluster)
    assert condition(cluster, "Finished")["status"] == "False"
    live(cluster)
    assert status(cluster)["phase"] == "Succeeded"


def test_reconciling_again_without_news_changes_nothing() -> None:
    cluster = fake.FakeCluster(fake.lives)
    cluster.add(benchmark())
    look(cluster)
    before, effects = copy.deepcopy(cluster.objects), cluster.effects
    look(cluster)
    assert (cluster.objects, cluster.effects) == (before, effects)


def test_a_run_that_somebody_deletes_is_run_again() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark())
    cluster.delete("BenchmarkRun", f"{NAME}-1-1")
    for _ in range(10):
        look(cluster)
        cluster.tick()
    assert run_statuses(cluster)[f"{NAME}-1-1"]["phase"] == "Succeeded"


def test_a_dead_node_costs_one_attempt_and_its_pods_go_by_force() -> None:
    def first_attempt_on_a_dead_node(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if pod["metadata"]["name"].startswith(f"{NAME}-0-1-a1-worker-0") and age > 2:
            return fake.on_dead_node()
        return fake.lives(pod, age)

    cluster = live(fake.FakeCluster(first_attempt_on_a_dead_node), benchmark())
    found = run_statuses(cluster)[f"{NAME}-0-1"]
    assert (found["phase"], found["attempt"]) == ("Succeeded", 2)
    assert "NodeLost" in found["lostAttempts"][0]
    assert cluster.kind("Pod") == []


def test_a_refused_record_waits_and_says_so() -> None:
    cluster = fake.FakeCluster(fake.lives)

    def quota(body: dict[str, Any]) -> str | None:
        is_record = body["kind"] == "ConfigMap" and "record" in body["metadata"]["name"]
        return "exceeded quota: configmaps" if is_record and cluster.now_s < fake.START_S + 60 else None

    cluster.refuse = quota
    cluster.add(benchmark())
    live(cluster, ticks=30)
    effects = cluster.effects
    wake_s = look(cluster)
    assert wake_s == 5.0
    assert cluster.effects - effects < 10, "no hot loop"
    assert run_statuses(cluster)[f"{NAME}-0-1"]["message"] == "exceeded quota: configmaps"
    live(cluster)
    assert status(cluster)["runs"]["succeeded"] == 6


def test_results_stay_when_the_drivers_account_goes() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark("spark"))
    before = status(cluster)
    cluster.driver_account = False
    look(cluster)
    assert status(cluster) == before


def test_a_benchmark_applied_again_does_not_inherit_the_old_ones_runs() -> None:
    cluster = live(fake.FakeCluster(fake.lives), benchmark())
    cluster.collector_is_slow = True
    cluster.delete("Benchmark", NAME)
    again = benchmark()
    again["metadata"]["uid"] = "another"
    cluster.add(again)
    with pytest.raises(fake.EarlierOneError):
        look(cluster)
    assert status(cluster) == {}
    for run in run_statuses(cluster):  # the collector gets there
        cluster.objects.pop(("BenchmarkRun", run))
        cluster.objects.pop(("ConfigMap", f"{run}-record"))
    cluster.collector_is_slow = False
    live(cluster)
    assert status(cluster)["runs"]["succeeded"] == 6
    assert {fake.owner_uids(run).pop() for run in cluster.kind("BenchmarkRun")} == {"another"}


def test_a_spark_script_that_escapes_its_executors_fails() -> None:
    def no_executors(pod: dict[str, Any], age: int) -> dict[str, Any]:
        return fake.lives(pod, age) if pod["metadata"]["name"].endswith("-driver") else fake.waiting()

    cluster = live(fake.FakeCluster(no_executors), benchmark("spark", limits={"failuresPerCell": 1}))
    found = run_statuses(cluster)[f"{NAME}-0-1"]
    assert (found["phase"], found["reason"]) == ("Failed", "ProgramFailed")
    assert "only 0 of" in found["message"]

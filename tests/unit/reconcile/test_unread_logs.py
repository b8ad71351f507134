"""Logs that a pod's node does not give: waited for within bounds, and what is lost then is said and never averaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live, look, record, undisturbed

from shapebench.agent import framing
from shapebench.api import keys
from shapebench.api.benchmark import Objective
from shapebench.api.record import PodRecord
from shapebench.api.settings import Settings
from shapebench.plan.actions import LogUnavailableError
from shapebench.reconcile import ending, loop, pod_logs, records
from shapebench.reconcile.facts import PodFact, PodState

RUN, ROWS = f"{NAME}-1-1", 100
METRIC = "measurement.images_per_second"
AWAY = "HTTP 502: the kubelet is away"
NEVER = float("inf")


def benchmark(runs: int = 1, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"workload": {"tensorflow": {"job": "train"}}, "objective": {"metric": METRIC},
                     "shapes": [{"name": "s", "workers": 2, "cpu": "1", "memory": "1Gi"}],
                     "repetitions": {"count": runs, "warmups": 0}} | spec}


def told(pod: dict[str, Any], rows: int) -> dict[str, Any]:
    log = fake.pod_log(pod, measurements=[{"parameters": {}, "values": {"images_per_second": 100.0 + 10 * row}}
                                          for row in range(rows)],
                       series={"time_s": [fake.START_S, fake.START_S + 1], "columns": {"cpu_seconds": [0, 1]}},
                       message="", environment={}, complete=True)
    found = framing.decode(log)
    assert found is not None
    return found


def lives(rows: int = ROWS) -> fake.Script:
    """Worker 0 writes the rows; of many the termination message has the first ones alone."""
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if age <= 4:
            return fake.lives(pod, age)
        record = told(pod, rows if pod["metadata"]["name"].endswith("-0") else 0)
        born_s = pod["fake-born"]
        return fake.ended(born_s + 2, born_s + 5, message=fake.totals(record)) | {
            "log": "words\n" + "\n".join(framing.encode(framing.dumps(record)))}

    return script


def away(cluster: fake.FakeCluster, until_s: float, which: str = f"{RUN}-a1-worker-0") -> Callable[[str], str]:
    return lambda pod: AWAY if pod == which and cluster.now_s < fake.START_S + until_s else ""


def cluster_of(script: fake.Script, body: dict[str, Any], until_s: float, **how: Any) -> fake.FakeCluster:
    cluster = fake.FakeCluster(script, **how)
    cluster.log_fails = away(cluster, until_s)
    cluster.add(body)
    return cluster


def status(cluster: fake.FakeCluster, run: str = RUN) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("BenchmarkRun", run)["status"]
    return found


def test_a_log_that_comes_late_is_waited_for_and_nothing_is_lost() -> None:
    cluster = live(cluster_of(lives(), benchmark(), until_s=40), ticks=30)
    waiting = status(cluster)
    assert (waiting["phase"], len(cluster.kind("Pod"))) == ("Running", 2)
    assert waiting["message"] == f"waiting for the log of pod {RUN}-a1-worker-0, at most 60 s: {AWAY}"
    assert sum(event.startswith("LogUnavailable") for event in cluster.events) == 1
    live(cluster)
    found = record(cluster)
    assert (found.verdict, found.flags, found.message, len(found.measurements)) == ("Valid", (), "", ROWS)
    assert status(cluster)["objective"] == 595.0
    assert found.objective == Objective(metric=METRIC, goal="Minimize")
    assert "logAwaitedAt" not in status(cluster)


def test_a_look_that_waits_is_soon_and_then_ever_rarer() -> None:
    cluster = cluster_of(lives(), benchmark(), until_s=NEVER)
    live(cluster, ticks=5)
    asked = []
    while status(cluster)["phase"] != "Succeeded":
        wake_s = look(cluster)
        assert wake_s is None or 0 < wake_s <= ending.LOG_PATIENCE_S / 2
        asked.append(cluster.now_s)
        cluster.tick(wake_s or 1)
    assert asked[-1] - asked[0] == ending.LOG_PATIENCE_S
    assert 5 < len(asked) < 15


@pytest.mark.parametrize("back_s", [pytest.param(20.0, id="a-little"), pytest.param(3600.0, id="an-hour")])
def test_a_clock_that_is_set_back_does_not_make_the_wait_longer_by_as_much(back_s: float) -> None:
    cluster = live(cluster_of(lives(), benchmark(), until_s=NEVER), ticks=12)
    assert "logAwaitedAt" in status(cluster)
    begun_s = cluster.now_s
    while status(cluster)["phase"] == "Running" and cluster.now_s < begun_s + 4000:
        loop.reconcile(cluster, Settings(), NAMESPACE, NAME, lambda: cluster.now_s - back_s)
        cluster.tick()
    assert status(cluster)["phase"] == "Succeeded"
    assert cluster.now_s - begun_s <= ending.LOG_PATIENCE_S + min(back_s, ending.LOG_PATIENCE_S)


@pytest.mark.parametrize(("rows", "objective", "missing"), [
    pytest.param(3, 110.0, "", id="all-rows-are-in-the-termination-message"),
    pytest.param(ROWS, None, " and {left} of 100 measurements", id="some-are-not-so-none-is-averaged"),
])
@pytest.mark.parametrize("gone", [pytest.param(False, id="unreadable"), pytest.param(True, id="gone")])
def test_what_is_lost_then_is_said(gone: bool, rows: int, objective: float | None, missing: str) -> None:
    cluster = cluster_of(lives(rows), benchmark(validity={"policy": "Flag"}), until_s=-1 if gone else NEVER)

    def without_logs(pod: dict[str, Any], age: int) -> dict[str, Any]:
        kept = lives(rows)(pod, age)
        return kept | {"log": ""} if gone and pod["metadata"]["name"].endswith("-0") else kept

    cluster.script = without_logs
    live(cluster)
    found = record(cluster)
    cut = found.pods[0]
    assert cut.measurements_left_out == found.measurements_left_out == rows - len(found.measurements)
    why = "its log has no whole record" if gone else f"its log could not be read: {AWAY}"
    lost = "the samples over time" + missing.format(left=cut.measurements_left_out)
    assert cut.left_out == f"{lost}: {why}"
    assert [(flag.kind, flag.message) for flag in found.flags] == [
        ("LostPods", f"not all of the record of {RUN}-a1-worker-0: without {cut.left_out}")]
    assert f"not all of the record of {RUN}-a1-worker-0: without {cut.left_out}" in found.message
    assert (f"{cut.measurements_left_out} measurements are missing" in found.message) == bool(missing)
    assert status(cluster).get("objective") == objective
    assert (found.lost_pods, found.usage.cpu_seconds) == ((), pytest.approx(3.2)), "usage and times are whole"
    assert found.duration_s == 2.0


def test_by_default_such_a_run_does_not_count() -> None:
    cluster = live(cluster_of(lives(), benchmark(), until_s=NEVER))
    assert status(cluster)["verdict"] == "LostPods"


def test_while_one_waits_others_conclude() -> None:
    cluster = live(cluster_of(lives(), benchmark(runs=3, limits={"concurrency": 2}), until_s=50), ticks=40)
    assert {run: status(cluster, run)["phase"] for run in (RUN, f"{NAME}-2-1", f"{NAME}-3-1")} == {
        RUN: "Running", f"{NAME}-2-1": "Succeeded", f"{NAME}-3-1": "Succeeded"}
    live(cluster)
    assert {status(cluster, f"{NAME}-{number}-1")["verdict"] for number in (1, 2, 3)} == {"Valid"}


@pytest.mark.parametrize("until_s", [pytest.param(20.0, id="it-comes"), pytest.param(NEVER, id="it-never-comes")])
def test_an_operator_killed_after_any_effect_ends_in_the_same_place(until_s: float) -> None:
    undisturbed(lambda die_after: live(cluster_of(lives(), benchmark(), until_s, die_after=die_after)))


def test_a_lost_attempt_is_waited_for_too_but_not_on_a_node_that_is_gone() -> None:
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        name = pod["metadata"]["name"]
        if "-a1-" in name and age > 4 and name.endswith("-1"):
            return fake.on_dead_node()
        return lives()(pod, age)

    cluster = fake.FakeCluster(script)
    cluster.log_fails = lambda pod: AWAY if "-a1-" in pod else ""
    cluster.add(benchmark())
    live(cluster, ticks=30)
    assert status(cluster)["attempt"] == 1, "worker 0's may come"
    assert "logAwaitedAt" in status(cluster)
    live(cluster)
    (lost,) = record(cluster).lost_attempts
    assert [(pod.pod, bool(pod.left_out)) for pod in lost.pod_records] == [(f"{RUN}-a1-worker-0", True)]
    assert lost.lost_pods == (f"{RUN}-a1-worker-1",)
    cluster = fake.FakeCluster(script)
    cluster.log_fails = lambda pod: AWAY if pod.endswith("a1-worker-1") else ""
    cluster.add(benchmark())
    live(cluster, ticks=8)
    assert status(cluster)["attempt"] == 2, "nobody waits for a node that is gone"


def test_every_attempt_has_the_whole_patience() -> None:
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        evicted = {"phase": "Failed", "reason": "Evicted"} if "-a1-" in pod["metadata"]["name"] and age > 4 else {}
        return lives()(pod, age) | evicted

    cluster = fake.FakeCluster(script)
    cluster.log_fails = lambda pod: AWAY if pod.endswith("-0") else ""
    cluster.add(benchmark())
    waits: Counter[tuple[int, str | None]] = Counter()
    for _ in range(200):
        found = status(live(cluster, ticks=1))
        waits[found["attempt"], found.get("reason")] += "logAwaitedAt" in found
    assert found["phase"] == "Succeeded"
    assert waits == {(1, None): 0, (1, "Evicted"): ending.LOG_PATIENCE_S, (2, None): ending.LOG_PATIENCE_S}


def test_a_lost_node_that_is_listed_first_keeps_nobody_from_reading_the_others() -> None:
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        first = "-a1-" in pod["metadata"]["name"] and pod["metadata"]["name"].endswith("-0")
        return fake.on_dead_node() if first and age > 4 else lives()(pod, age)

    cluster = fake.FakeCluster(script)
    cluster.log_fails = lambda pod: AWAY if pod.endswith("a1-worker-0") else ""
    cluster.add(benchmark())
    live(cluster, ticks=8)
    assert status(cluster)["attempt"] == 2, "it was not waited for"
    (lost,) = record(live(cluster)).lost_attempts
    assert [(pod.pod, pod.left_out) for pod in lost.pod_records] == [(f"{RUN}-a1-worker-1", "")]


def test_while_it_waits_few_logs_are_asked_for() -> None:
    cluster = cluster_of(lives(), benchmark(runs=2, limits={"concurrency": 2}), until_s=NEVER)
    asked: Counter[str] = Counter()

    def fails(pod: str) -> str:
        asked[pod] += 1
        return AWAY if pod == f"{RUN}-a1-worker-0" else ""

    cluster.log_fails = fails
    live(cluster, ticks=5)
    look(cluster)
    assert status(cluster, f"{NAME}-2-1")["phase"] == "Succeeded"
    assert asked == {f"{RUN}-a1-worker-0": 1, f"{NAME}-2-1-a1-worker-0": 1, f"{NAME}-2-1-a1-worker-1": 1}


def test_nobody_waits_with_a_pod_that_is_about_to_go() -> None:
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if "-a1-" not in pod["metadata"]["name"] or age <= 4:
            return lives(3)(pod, age)
        return {"deleted": True} if age > 5 else lives(3)(pod, age) | {"terminating": True, "phase": "Failed",
                                                                       "reason": "Evicted"}

    cluster = fake.FakeCluster(script)
    cluster.log_fails = lambda pod: AWAY if "-a1-" in pod else ""
    cluster.add(benchmark())
    live(cluster, ticks=7)
    assert status(cluster)["attempt"] == 2
    live(cluster)
    (lost,) = record(cluster).lost_attempts
    assert [len(pod.measurements) for pod in lost.pod_records] == [3, 0], "from their termination messages"


def vanishing(exit_code: int, until: int, everyone: bool = False) -> fake.Script:
    """Worker 0, which ends so, is gone without a word at that age; or so is every worker of the first attempt."""
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        name = pod["metadata"]["name"]
        if "-a1-" not in name or age <= 4:
            return lives()(pod, age)
        if age > until and (everyone or name.endswith("-0")):
            return {"deleted": True}
        return fake.lives(pod, age, exit_code=exit_code if name.endswith("-0") else 0)

    return script


@pytest.mark.parametrize(("exit_code", "everyone", "ended"), [
    pytest.param(0, False, ("Succeeded", None, 1), id="a-success-stays-one"),
    pytest.param(3, False, ("Failed", "ProgramFailed", 1), id="a-failure-stays-one"),
    pytest.param(0, True, ("Succeeded", None, 2), id="nobody-is-left-to-tell-of-it"),
])
def test_how_it_ended_does_not_change_with_a_pod_that_goes_while_a_log_is_waited_for(
        exit_code: int, everyone: bool, ended: tuple[str, str | None, int]) -> None:
    cluster = cluster_of(vanishing(exit_code, 20, everyone), benchmark(), until_s=NEVER)
    live(cluster, ticks=15)
    assert status(cluster)["phase"] == "Running"
    assert status(cluster).get("reason") == ended[1]
    live(cluster)
    found = status(cluster)
    assert (found["phase"], found.get("reason"), found["attempt"]) == ended
    if not everyone:
        assert record(cluster).lost_pods == (f"{RUN}-a1-worker-0",), "its totals went with it"


def test_of_many_that_cannot_be_read_some_are_asked_for() -> None:
    asked: Counter[str] = Counter()

    def log(pod: str) -> str:
        asked[pod] += 1
        raise LogUnavailableError(AWAY)

    names = [f"p-{number}" for number in range(100)]
    found = pod_logs.read(names, log, {})
    assert {one.unread for one in found.values()} == {AWAY}
    assert list(found) == names
    assert asked == Counter(names[:pod_logs.MAY_FAIL])


def test_rows_that_the_agent_counted_are_said_to_be_missing() -> None:
    """There may be memory here, but nobody has their values."""
    found = record(live(fake.FakeCluster(partial(fake.lives, measurements_left_out=7)), benchmark()))
    assert (found.measurements_left_out, found.medians) == (14, {})
    assert found.message == "14 measurements are missing: no median is formed of the others"
    assert found.verdict == "Valid"


def test_rows_that_no_memory_was_for_are_known_to_be_missing() -> None:
    """Of a large gang, of which `pod_logs` holds so much text and no more."""
    pod = {"metadata": {"name": "p-0", "labels": {keys.LABEL_ROLE: "worker", keys.LABEL_INDEX: "0"}}}
    log = "\n".join(framing.encode(framing.dumps(told(pod, 1000))))
    small = pod_logs.IN_MEMORY._replace(text_bytes=100)
    fact = PodFact("p-0", RUN, 1, "worker", PodState.SUCCEEDED)

    def read(room: pod_logs.Room) -> tuple[PodRecord, dict[str, float]]:
        logs = pod_logs.read(["p-0"], lambda _: log, {}, room)
        (found,) = records.pod_records([fact], logs)
        assert 0 < len(found.measurements) == 1000 - found.measurements_left_out
        assert found.left_out == "", "its samples are all there"
        return found, records.medians([found], logs)

    found, medians = read(small)
    assert medians == {"images_per_second": 5095.0}, "of all of them all the same: their values take little room"
    _, medians = read(small._replace(values=found.measurements_left_out))
    assert medians == {}

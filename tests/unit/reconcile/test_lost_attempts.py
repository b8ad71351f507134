"""Attempts that the cluster broke off: what their pods told stays, told apart from the run's own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live, record, undisturbed

from shapebench.api import keys, packing
from shapebench.api.record import LostAttempt, PodRecord
from shapebench.api.settings import Settings
from shapebench.api.usage import Series, Usage
from shapebench.reconcile import keeping, loop, lost_attempts

RUN = f"{NAME}-1-1"
SERIES = {"time_s": [fake.START_S + index for index in range(50)], "columns": {"cpu_seconds": list(range(50))}}


def benchmark(workers: int = 2, **limits: Any) -> dict[str, Any]:
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "8f1c-uid"},
            "spec": {"workload": {"tensorflow": {"job": "train"}}, "limits": limits,
                     "shapes": [{"name": "s", "workers": workers, "cpu": "1", "memory": "1Gi", "pricePerHour": "3.6"}],
                     "repetitions": {"count": 1, "warmups": 0}}}


def broken_off(pod: dict[str, Any], age: int) -> dict[str, Any]:
    """Of two attempts: worker 0 is evicted after its program's end, with a record; worker 1 without a word."""
    name = pod["metadata"]["name"]
    if "-a3-" in name or age <= 4:
        return fake.lives(pod, age, series=SERIES)
    status = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
    if name.endswith("-1"):
        return status
    return fake.lives(pod, age, series=SERIES, exit_code=143) | status


@pytest.mark.parametrize("settings", [
    pytest.param(Settings(), id="config-map"),
    pytest.param(Settings(results_url="s3://store"), id="results-store"),
])
def test_what_the_pods_of_lost_attempts_told_is_in_the_runs_record(settings: Settings) -> None:
    cluster = live(fake.FakeCluster(broken_off), benchmark(), settings)
    found = record(cluster)
    assert (found.attempt, found.usage.cpu_seconds, len(found.pods)) == (3, pytest.approx(2 * 1.6), 2)
    assert [one.attempt for one in found.lost_attempts] == [1, 2]
    for one in found.lost_attempts:
        assert (one.reason, one.lost_pods) == ("Evicted", (f"{RUN}-a{one.attempt}-worker-1",))
        assert f"no usage of {one.lost_pods[0]}" in one.message
        assert [pod.pod for pod in one.pod_records] == [f"{RUN}-a{one.attempt}-worker-0"]
        assert one.usage.cpu_seconds == pytest.approx(1.6)
        assert one.pod_records[0].series.time_s == tuple(SERIES["time_s"])
        assert one.cost_spent is not None
    spent = sum(one.cost_spent or 0.0 for one in found.lost_attempts)
    assert found.cost_spent == pytest.approx(spent + 2 * 3.0 * 0.001), "the last attempt's pods held nodes for 3 s"
    status = cluster.get("BenchmarkRun", RUN)["status"]
    assert status["lostUsage"]["cpuSeconds"] == pytest.approx(2 * 1.6)
    assert status["usage"]["cpuSeconds"] == pytest.approx(2 * 1.6)
    assert [one.split("; ")[-1] for one in status["lostAttempts"]] == [
        f"no usage of {RUN}-a{number}-worker-1" for number in (1, 2)]
    kept = [body["metadata"]["name"] for body in cluster.kind("ConfigMap")]
    assert kept == ([] if settings.results_url else [keys.record_name(RUN)]), "what was kept meanwhile is gone"


@pytest.mark.parametrize("settings", [
    pytest.param(Settings(), id="config-map"),
    pytest.param(Settings(results_url="s3://store"), id="results-store"),
])
def test_an_operator_killed_after_any_effect_keeps_the_same(settings: Settings) -> None:
    undisturbed(lambda die_after: live(fake.FakeCluster(broken_off, die_after=die_after), benchmark(), settings))


def test_while_the_next_attempt_goes_on_the_lost_ones_record_is_the_runs() -> None:
    cluster = fake.FakeCluster(broken_off)
    cluster.add(benchmark())
    for _ in range(7):
        loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock)
        cluster.tick()
    kept = cluster.get("ConfigMap", f"{RUN}-a1-record")
    assert fake.owner_uids(kept) == {cluster.get("BenchmarkRun", RUN)["metadata"]["uid"]}
    cluster.delete("BenchmarkRun", RUN)
    assert ("ConfigMap", f"{RUN}-a1-record") not in cluster.objects


def test_pods_that_vanished_are_named() -> None:
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        first = "-a1-" in pod["metadata"]["name"]
        return {"deleted": True} if first and age > 3 else fake.lives(pod, age)

    found = record(live(fake.FakeCluster(script), benchmark()))
    (one,) = found.lost_attempts
    assert one.lost_pods == (f"{RUN}-a1-worker-0", f"{RUN}-a1-worker-1")
    assert (one.pod_records, one.usage) == ((), Usage())
    assert found.lost_pods == ()


def test_a_record_that_somebody_deleted_is_told() -> None:
    cluster = fake.FakeCluster(broken_off)
    cluster.add(benchmark())
    for _ in range(60):
        loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock)
        cluster.objects.pop(("ConfigMap", f"{RUN}-a1-record"), None)
        cluster.tick()
    first, second = record(cluster).lost_attempts
    assert (first.attempt, first.left_out) == (1, "nothing is kept of what its pods told")
    assert first.message.startswith("attempt 1: Evicted: ")
    assert second.pod_records


@pytest.mark.parametrize(("settings", "refused"), [
    pytest.param(Settings(), "-a1-record", id="the-first-attempts-alone"),
    pytest.param(Settings(results_url="s3://store"), "", id="all-config-maps-beside-a-results-store"),
])
def test_a_lost_attempts_record_that_the_api_server_refuses_holds_up_no_retry(settings: Settings,
                                                                              refused: str) -> None:
    cluster = fake.FakeCluster(broken_off)
    quota = "exceeded quota: configmaps"
    cluster.refuse = lambda body: (quota if body["kind"] == "ConfigMap" and refused in body["metadata"]["name"]
                                   else None)
    first, second = record(live(cluster, benchmark(), settings)).lost_attempts
    assert first.left_out == "nothing is kept of what its pods told"
    assert first.message.endswith(f"; what its pods told is not kept: {quota}")
    assert any(event.startswith("Evicted: attempt 1") and quota in event for event in cluster.events)
    assert bool(second.pod_records) == bool(refused)


def test_a_record_of_the_run_that_the_api_server_refuses_keeps_the_pods_until_it_is_taken() -> None:
    cluster = fake.FakeCluster(fake.lives)
    until_s = fake.START_S + 30
    cluster.refuse = lambda body: ("exceeded quota: configmaps" if body["metadata"]["name"] == keys.record_name(RUN)
                                   and cluster.now_s < until_s else None)
    cluster.add(benchmark())
    for _ in range(20):
        loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock)
        cluster.tick()
    status = cluster.get("BenchmarkRun", RUN)["status"]
    assert (status["attempt"], status["message"]) == (1, "exceeded quota: configmaps")
    assert len(cluster.kind("Pod")) == 2
    for _ in range(60):
        loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock)
        cluster.tick()
    assert len(record(cluster).pods) == 2


def test_large_attempts_share_what_room_there_is() -> None:
    workers, samples = 60, 600
    series = {"time_s": list(range(samples)),
              "columns": {name: [number * 7919 % 10007 for number in range(samples)]
                          for name in ("cpu_seconds", "disk_reads")}}

    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        status = fake.lives(pod, age, series=series)
        gone = {"phase": "Failed", "reason": "Evicted"}
        return status | gone if "-a4-" not in pod["metadata"]["name"] and age > 4 else status

    cluster = live(fake.FakeCluster(script), benchmark(workers, retries=3))
    found = record(cluster)
    assert len(found.pods) == workers
    assert [len(one.pod_records) for one in found.lost_attempts] == [workers] * 3
    for one in found.lost_attempts:
        assert one.usage.cpu_seconds == pytest.approx(workers * 1.6)
        assert one.left_out.startswith("samples: each pod's series has at most ")
        assert "there is little room for attempts that were lost" in one.left_out
        assert len(json.dumps(one.model_dump(mode="json"))) < lost_attempts.LIMITS.text_bytes / 3


def lost(number: int) -> LostAttempt:
    pods = tuple(PodRecord(
        pod=f"r-a{number}-worker-{index}", role="worker", index=index, counters="cgroup-v2", agent_started_s=1e9,
        exit_code=143, usage=Usage(cpu_seconds=1.0), environment={"node": f"n{index}"},
        series=Series(time_s=tuple(range(200)), columns={"cpu_seconds": tuple(
            (index * 31 + sample * 7919) % 10007 / 7 for sample in range(200))})) for index in range(10))
    return LostAttempt(attempt=number, usage=Usage(cpu_seconds=10.0), pod_records=pods)


@pytest.mark.parametrize(("limit", "series", "pods", "words"), [
    pytest.param(900_000, True, True, "", id="all"),
    pytest.param(1_000, False, True, "the time series of lost attempts (", id="their-series-go-first"),
    pytest.param(650, False, False, "the records of the 0 pods", id="then-their-pods-after-all-else"),
])
def test_where_a_config_map_is_full_lost_attempts_give_way(limit: int, series: bool, pods: bool,
                                                           words: str) -> None:
    whole = record(live(fake.FakeCluster(fake.lives), benchmark())).model_copy(
        update={"pods": (), "lost_attempts": (lost(1), lost(2))})
    kept = packing.unpacked(keeping.fitted(whole, keeping.WHOLE._replace(limit_bytes=limit)))
    records = [pod for one in kept.lost_attempts for pod in one.pod_records]
    assert bool(records) == pods
    assert any(pod.series.time_s for pod in records) == series
    assert [one.usage for one in kept.lost_attempts] == [Usage(cpu_seconds=10.0)] * 2
    assert words in kept.environment.get(keeping.LEFT_OUT, "")


def test_what_somebody_else_put_there_is_no_record() -> None:
    assert lost_attempts.unpacked(b"") is None
    assert lost_attempts.unpacked(b"nonsense") is None

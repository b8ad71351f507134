"""Where a run's record goes: into the store whole, into a config map as much as fits."""

from __future__ import annotations

import base64
import math
import random
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live, undisturbed

from shapebench.analysis import objective
from shapebench.api import keys, packing
from shapebench.api.record import Cell, Measurement, Phase, PodRecord, RunRecord, Times, Verdict
from shapebench.api.settings import Settings
from shapebench.api.usage import Series, Usage
from shapebench.reconcile import keeping, loop, pod_logs

WITH_STORE = Settings(results_url="s3://store")
SERIES = {"time_s": [fake.START_S + index for index in range(50)], "columns": {"cpu_seconds": list(range(50))}}


def benchmark(workers: int = 2) -> dict[str, Any]:
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "8f1c-uid"},
            "spec": {"workload": {"tensorflow": {"job": "train"}},
                     "shapes": [{"name": "2x1", "workers": workers, "cpu": "1", "memory": "1Gi"}],
                     "repetitions": {"count": 2, "warmups": 0}}}


def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
    return fake.lives(pod, age, series=SERIES)


def places(cluster: fake.FakeCluster) -> list[str]:
    return [run["status"]["record"] for run in cluster.kind("BenchmarkRun")]


def test_with_a_store_no_config_map_is_made_and_the_status_names_the_place() -> None:
    cluster = live(fake.FakeCluster(script), benchmark(), WITH_STORE)
    folder = f"{NAMESPACE}/{NAME}/8f1c-uid"
    assert sorted(cluster.store) == [f"{folder}/{NAME}-1-1.json.gz", f"{folder}/{NAME}-2-1.json.gz"]
    assert places(cluster) == [f"s3://store/{path}" for path in sorted(cluster.store)]
    assert cluster.kind("ConfigMap") == []
    record = packing.unpacked(cluster.store[f"{folder}/{NAME}-1-1.json.gz"])
    assert (record.run, record.verdict, len(record.pods)) == (f"{NAME}-1-1", Verdict.VALID, 2)
    assert record.pods[0].series.time_s == tuple(SERIES["time_s"])


def test_a_store_gets_all_samples_of_more_pods_than_memory_holds() -> None:
    workers, samples = 300, 250
    series = {"time_s": list(range(samples)), "columns": {"cpu_seconds": list(range(samples))}}
    assert workers * samples > pod_logs.IN_MEMORY.samples
    problems = iter(["full"])
    cluster = live(fake.FakeCluster(lambda pod, age: fake.lives(pod, age, series=series),
                                    store_fails=lambda: next(problems, "")), benchmark(workers), WITH_STORE)
    (stored,) = map(packing.unpacked, cluster.store.values())
    assert {(len(pod.series.time_s), pod.series.thinned_from) for pod in stored.pods} == {(samples, None)}
    (config_map,) = cluster.kind("ConfigMap")
    bounded = packing.unpacked(base64.b64decode(config_map["binaryData"][keys.RECORD_KEY]))
    assert {(len(pod.series.time_s), pod.series.thinned_from) for pod in bounded.pods} == {
        (pod_logs.IN_MEMORY.samples // workers, samples)}
    assert stored.model_copy(update={"pods": ()}).usage == bounded.usage
    assert keeping.LEFT_OUT in bounded.environment
    assert keeping.LEFT_OUT not in stored.environment


def test_a_store_that_fails_loses_nothing_and_the_reason_is_told() -> None:
    problems = iter(["cannot write: No space left on device"])
    cluster = live(fake.FakeCluster(script, store_fails=lambda: next(problems, "")), benchmark(), WITH_STORE)
    assert places(cluster) == [f"{NAME}-1-1-record", f"s3://store/{NAMESPACE}/{NAME}/8f1c-uid/{NAME}-2-1.json.gz"]
    assert [body["metadata"]["name"] for body in cluster.kind("ConfigMap")] == [f"{NAME}-1-1-record"]
    told = [event for event in cluster.events if event.startswith("ResultsStore")]
    assert told == [f"ResultsStore: cannot write: No space left on device; the record of {NAME}-1-1 is in "
                    f"ConfigMap {NAME}-1-1-record instead"]


def test_an_operator_killed_after_any_effect_keeps_the_same_records() -> None:
    undisturbed(lambda die_after: live(fake.FakeCluster(script, die_after=die_after), benchmark(), WITH_STORE))


def test_the_same_name_applied_again_overwrites_nothing() -> None:
    first = live(fake.FakeCluster(script), benchmark(), WITH_STORE)
    second = fake.FakeCluster(script, store=first.store)
    second.add(benchmark() | {"metadata": benchmark()["metadata"] | {"uid": "another"}})
    for _ in range(30):
        loop.reconcile(second, WITH_STORE, NAMESPACE, NAME, second.clock)
        second.tick()
    assert {path.split("/")[2] for path in second.store} == {"8f1c-uid", "another"}
    assert len(second.store) == 4


COLUMNS = (*(name for name in Usage.model_fields if name != "memory_peak_bytes"), "memory_bytes")


def pod(number: int, samples: int, chance: random.Random) -> PodRecord:
    """A pod whose counters grow as real ones do: unevenly."""
    columns: dict[str, tuple[float, ...]] = {}
    for name in COLUMNS:
        total, column = 0.0, []
        for _ in range(samples):
            total += chance.random() * (1.0 if "seconds" in name else 5e6)
            column.append(round(total, 6) if "seconds" in name else math.floor(total))
        columns[name] = tuple(column)
    return PodRecord(
        pod=f"r-a1-worker-{number}", role="worker", index=number, counters="cgroup-v2", agent_started_s=1e9,
        program_started_s=1e9 + chance.random(), program_finished_s=1e9 + samples, exit_code=0,
        usage=Usage(cpu_seconds=columns["cpu_seconds"][-1] if samples else 1.0), environment={"node": f"n{number}"},
        series=Series(time_s=tuple(1e9 + second + round(chance.random(), 3) for second in range(samples)),
                      columns=columns))


def run(pods: tuple[PodRecord, ...], **fields: Any) -> RunRecord:
    return RunRecord.model_validate({
        "benchmark": "b", "namespace": "n", "run": "b-1-1", "backend": "kubernetes", "cell": Cell(shape="s"),
        "workers": len(pods), "cpu": 1, "memory_bytes": 1, "block": 1, "repetition": 1, "position": 1, "attempt": 1,
        "phase": Phase.SUCCEEDED, "verdict": Verdict.VALID, "times": Times(), "pods": pods,
        "usage": Usage(cpu_seconds=sum(one.usage.cpu_seconds or 0.0 for one in pods))} | fields)


def test_a_record_that_fits_is_kept_as_it_is() -> None:
    record = run(tuple(pod(number, 20, random.Random(number)) for number in range(3)))
    assert packing.unpacked(keeping.fitted(record, keeping.WHOLE)) == record


@pytest.mark.parametrize("limit", [250_000, 100_000, 40_000])
def test_series_are_thinned_as_little_as_the_limit_asks_for(limit: int) -> None:
    record = run(tuple(pod(number, 200, random.Random(number)) for number in range(30)))
    assert len(packing.packed(record)) > 300_000
    data = keeping.fitted(record, keeping.WHOLE._replace(limit_bytes=limit))
    assert limit * 0.6 < len(data) <= limit
    kept = packing.unpacked(data)
    assert kept.usage == record.usage
    for before, after in zip(record.pods, kept.pods, strict=True):
        assert after.series.thinned_from == 200
        assert after.series.time_s[0] == before.series.time_s[0]
        assert after.series.time_s[-1] == before.series.time_s[-1]
        assert after.series.columns["cpu_seconds"][-1] == before.usage.cpu_seconds
        assert after.model_copy(update={"series": before.series}) == before
    samples = len(kept.pods[0].series.time_s)
    assert kept.environment[keeping.LEFT_OUT].startswith(
        f"samples: each pod's series has at most {samples}, evenly spread, of up to 200")


ROWS = tuple(Measurement(parameters={"pass": number}, values={"seconds": random.Random(number).random()})
             for number in range(20_000))


@pytest.mark.parametrize(("record", "limit", "words", "check"), [
    pytest.param(run(tuple(pod(number, 50, random.Random(number)) for number in range(40))), 6_000, "the time series",
                 lambda kept: len(kept.pods) == 40 and kept.pods[0].environment == {"node": "n0"}, id="no-series"),
    pytest.param(run((pod(0, 2, random.Random(0)).model_copy(update={"measurements": ROWS}),), measurements=ROWS),
                 300_000, "each pod's own environment and measurements", lambda kept: kept.measurements == ROWS,
                 id="no-repeated-rows"),
    pytest.param(run(tuple(pod(number, 2, random.Random(number)) for number in range(200))), 2_000,
                 "the records of the 200 pods", lambda kept: kept.pods == () and kept.usage.cpu_seconds > 0,
                 id="no-pods"),
    pytest.param(run((), measurements=ROWS), 20_000, "measurements after the first ",
                 lambda kept: kept.measurements == ROWS[:len(kept.measurements)] and len(kept.measurements) > 300,
                 id="fewer-rows"),
])
def test_whatever_a_record_holds_it_fits_and_says_what_is_missing(record: RunRecord, limit: int, words: str,
                                                                  check: Any) -> None:
    data = keeping.fitted(record, keeping.WHOLE._replace(limit_bytes=limit))
    assert len(data) <= limit
    kept = packing.unpacked(data)
    assert words in kept.environment[keeping.LEFT_OUT]
    assert check(kept)
    assert kept.usage == record.usage


def test_what_a_config_map_holds_the_operator_reads_back() -> None:
    row = Measurement(values={f"v{number}": 1.0 for number in range(50)})  # so alike that gzip makes nothing of them
    data = keeping.fitted(run((), measurements=(row,) * 50_000), keeping.WHOLE)
    kept = packing.unpacked(data, packing.IN_CONFIG_MAP)
    assert 0 < len(kept.measurements) < 50_000
    assert f"measurements after the first {len(kept.measurements)}" in kept.environment[keeping.LEFT_OUT]


def test_a_record_with_fewer_rows_has_the_medians_of_all() -> None:
    whole = run((), measurements=ROWS)
    kept = packing.unpacked(keeping.fitted(whole, keeping.WHOLE._replace(limit_bytes=20_000)))
    assert kept.measurements_left_out == len(ROWS) - len(kept.measurements) > 10_000
    metric = "measurement.seconds"
    assert objective.of_record(kept, metric) == objective.of_record(whole, metric)
    assert objective.of_record(kept.model_copy(update={"medians": {}}), metric) is None

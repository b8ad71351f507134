"""What is kept of pods' logs: little of each, whatever their programs wrote, and no more than one whole at a time."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE

from shapebench.agent import framing
from shapebench.api import keys, last_words, packing, wire
from shapebench.api.record import PodRecord
from shapebench.api.settings import Settings
from shapebench.reconcile import loop, pod_logs
from shapebench.reconcile.pod_logs import PodLog, Room

MIB = 2**20


def record(pod: str = "p-0", samples: int = 0, rows: int = 0, **fields: Any) -> dict[str, Any]:
    times = [fake.START_S + index for index in range(samples)]
    return {"pod": pod, "role": "worker", "index": 0, "counters": "cgroup-v2", "agent_started_s": fake.START_S,
            "exit_code": 0, "usage": {"cpu_seconds": 1.5},
            "series": {"time_s": times, "columns": {"cpu_seconds": times}},
            "measurements": [{"values": {"seconds": float(row)}} for row in range(rows)]} | fields


def text(given: dict[str, Any], words: str = "") -> str:
    return "\n".join([words, *framing.encode(framing.dumps(given)), "the last word"])


def one(given: dict[str, Any]) -> PodLog:
    return pod_logs.read(["p-0"], lambda _: text(given), {})["p-0"]


def test_a_record_comes_out_whole_and_a_short_series_is_not_held_twice() -> None:
    kept = one(record(samples=600, rows=10_000))
    assert kept.record == PodRecord.model_validate(record(samples=600, rows=10_000))
    assert kept.whole_series() == kept.record.series
    assert kept.packed_series == b""
    assert kept.tail == "the last word"


@pytest.mark.parametrize("log", [
    pytest.param("", id="empty"),
    pytest.param("words\n" * 100, id="no-record"),
    pytest.param(text(record()).replace("1/1 ", "1/2 "), id="damaged"),
    pytest.param(text({"a": 1}), id="another-thing"),
    pytest.param(text(record(environment={"a": "x"}, pod="n" * 5 * MIB)), id="what-cannot-be-left-out"),
])
def test_a_log_without_a_record_leaves_its_last_words(log: str) -> None:
    kept = pod_logs.read(["p-0"], lambda _: log, {}, Room(60, MIB, 4 * MIB))["p-0"]
    assert (kept.record, kept.packed_series) == (None, b"")
    assert kept.tail == last_words.of_log(log)


def test_of_a_thousand_pods_some_samples_are_held_and_the_others_are_packed() -> None:
    found = pod_logs.read((f"p-{number}" for number in range(1000)), lambda pod: text(record(pod, samples=200)), {})
    held = [kept.record.series for kept in found.values() if kept.record]
    assert sum(len(series.time_s) for series in held) == pod_logs.IN_MEMORY.samples
    assert {series.thinned_from for series in held} == {200}
    assert {len(kept.whole_series().time_s) for kept in found.values()} == {200}
    assert found["p-7"].whole_series() == PodRecord.model_validate(record(samples=200)).series


def test_when_the_room_is_used_up_later_pods_have_less_and_say_so() -> None:
    room, node = Room(samples=60, packed_bytes=1_500, text_bytes=60_000), {"node": "n"}
    logs = {f"p-{number}": text(record(f"p-{number}", samples=400, rows=500, environment=node)) for number in range(6)}
    read = pod_logs.read(logs, logs.__getitem__, {}, room)
    found = {name: kept.record for name, kept in read.items() if kept.record}
    assert list(found) == list(logs)
    assert len(found["p-0"].measurements) == 500
    assert found["p-0"].environment == node
    assert 0 < len(found["p-5"].measurements) < 100
    left_out = 500 - len(found["p-5"].measurements)
    assert found["p-5"].environment == node | {"truncated": f"{left_out} of 500 measurements"}
    assert found["p-5"].usage == found["p-0"].usage
    assert sum(kept.text_bytes for kept in read.values()) <= 60_000 + 6 * wire.TERMINATION_LOG_LIMIT_BYTES
    assert sum(len(kept.packed_series) for kept in read.values()) <= 1_500
    assert [len(read[name].whole_series().time_s) for name in ("p-0", "p-5")] == [400, 10]
    # Another pod that ends later finds what these left.
    later = pod_logs.read(["p-6"], lambda _: text(record("p-6", rows=500)), read, room)["p-6"]
    assert later.text_bytes <= wire.TERMINATION_LOG_LIMIT_BYTES


@dataclass
class Wordy(fake.FakeCluster):
    """Pods whose programs write much, and whose logs are made when they are asked for."""

    words: str = ""

    def log(self, namespace: str, pod: str, container: str) -> str:
        return text(record(pod, samples=20), self.words + pod)


def test_logs_of_200_pods_are_not_in_memory_together() -> None:
    workers = 200
    cluster = Wordy(fake.lives, words=("x" * 10_000 + "\n") * 420)
    assert len(cluster.words) > 4 * MIB
    cluster.add({
        "apiVersion": keys.API_VERSION, "kind": "Benchmark",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "8f1c-uid"},
        "spec": {"workload": {"tensorflow": {"job": "train"}}, "repetitions": {"count": 1, "warmups": 0},
                 "shapes": [{"name": "s", "workers": workers, "cpu": "1", "memory": "1Gi"}]}})
    loop.reconcile(cluster, Settings(results_url="s3://store"), NAMESPACE, NAME, cluster.clock)
    for _ in range(5):
        cluster.tick()
    tracemalloc.start()
    try:
        loop.reconcile(cluster, Settings(results_url="s3://store"), NAMESPACE, NAME, cluster.clock)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    print(f"{workers} pods with logs of {len(cluster.words) / MIB:.1f} MiB: {peak / MIB:.0f} MiB at most")
    (stored,) = map(packing.unpacked, cluster.store.values())
    assert len(stored.pods) == workers
    assert {len(pod.series.time_s) for pod in stored.pods} == {20}
    assert peak < 40 * MIB, "800 if all were held"

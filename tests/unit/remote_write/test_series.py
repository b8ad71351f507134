"""Series as remote write wants them."""

from __future__ import annotations

import math
import struct

import pytest
from unit.remote_write.made import pod, run

from shapebench.remote_write import series
from shapebench.remote_write.run import Choice, FinishedRun, time_series

LABELS = (("__name__", "x"),)


def points(samples: list[tuple[float, float | None]]) -> list[tuple[int, float]]:
    return [point for one in series.ended(LABELS, samples) for point in one.points]


def test_the_marker_is_the_one_nan_that_prometheus_knows() -> None:
    assert struct.pack("<d", series.STALE) == struct.pack("<Q", 0x7FF0000000000002)
    assert math.isnan(series.STALE)


@pytest.mark.parametrize(("samples", "expected", "end"), [
    pytest.param([(1.0, 5.0), (2.0, 6.0), (3.0, 7.0)], [(1000, 5.0), (2000, 6.0), (3000, 7.0)], 4000, id="each-second"),
    pytest.param([(1.0, 5.0), (1.1, 6.0), (1.2, 7.0)], [(1000, 5.0), (1100, 6.0), (1200, 7.0)], 1300, id="each-tenth"),
    pytest.param([(1.0, None), (2.0, 6.0), (3.0, None), (4.0, 8.0)], [(2000, 6.0), (4000, 8.0)], 6000, id="gaps"),
    pytest.param([(1.0, 5.0)], [(1000, 5.0)], 2000, id="one-sample"),
    pytest.param([(1.0, 5.0), (1.0001, 6.0)], [(1000, 6.0)], 2000, id="two-in-a-millisecond"),
    pytest.param([(2.0, 5.0), (1.0, 6.0), (3.0, 7.0)], [(2000, 5.0), (3000, 7.0)], 4000, id="a-clock-that-went-back"),
])
def test_samples_in_order_and_an_end(samples, expected, end) -> None:
    *found, (moment, value) = points(samples)
    assert found == expected
    assert moment == end
    assert math.isnan(value)


def test_no_sample_no_series() -> None:
    assert points([(1.0, None)]) == []


def test_labels_are_sorted_and_never_empty() -> None:
    assert series.labels_of("up", {"b": "1", "a": "2", "none": ""}) == (("__name__", "up"), ("a", "2"), ("b", "1"))


def test_the_series_of_a_run() -> None:
    finished = FinishedRun(run(), (pod(0), pod(1, "ps")), "Throttled", 5000.0)
    found = {(dict(one.labels)["__name__"], dict(one.labels).get("role")): one
             for one in time_series(finished, Choice(labels={"cluster": "a"}))}
    columns = {"cpu_seconds_total", "network_receive_bytes_total", "memory_working_set_bytes"}
    assert set(found) == {(f"shapebench_pod_{name}", role) for name in columns for role in ("worker", "ps")} | {
        (f"shapebench_aligned_{name}", None) for name in columns | {"cpus"}}
    cell = {"cluster": "a", "namespace": "lab", "benchmark": "read", "run": "read-1-2", "shape": "2x1",
            "parameter_batchSize": "4", "parameter_cached": "true"}
    aligned = found["shapebench_aligned_cpu_seconds_total", None]
    assert dict(aligned.labels) == cell | {"__name__": "shapebench_aligned_cpu_seconds_total", "block": "1",
                                           "verdict": "Throttled"}
    assert [moment for moment, _ in aligned.points] == [5000_000, 5001_000, 5002_000, 5003_000, 5004_000, 5005_000]
    worker = found["shapebench_pod_cpu_seconds_total", "worker"]
    assert dict(worker.labels) == cell | {"__name__": "shapebench_pod_cpu_seconds_total", "role": "worker",
                                          "index": "0", "source": "record"}
    assert worker.points[:2] == ((100_000, 0.0), (101_000, 0.5))


def test_pods_can_be_left_out() -> None:
    names = {dict(one.labels)["__name__"] for one in
             time_series(FinishedRun(run(), (pod(),), "Valid", 0.0), Choice(per_pod=False))}
    assert names
    assert all(name.startswith("shapebench_aligned_") for name in names)

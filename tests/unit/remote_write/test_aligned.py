"""The run's curves: from 0, at its own beginning, up to what was used."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.remote_write.made import USAGE, pod, run

from shapebench.api.record import RunRecord
from shapebench.api.usage import Usage
from shapebench.remote_write import aligned


def columns(record: RunRecord) -> dict[str, dict[float, float]]:
    curves = aligned.Curves(record, record.pods)
    for one in record.pods:
        curves.add(one)
    return {name: dict(samples) for name, samples in curves.columns()}


def test_a_curve_is_the_pods_growth_since_the_beginning_of_the_measured_part() -> None:
    found = columns(run(pod()))
    assert found["cpu_seconds"] == {0.0: 0.0, 1.0: 0.5, 2.0: 1.0, 3.0: 1.5, 4.0: 2.0}
    assert found["memory_bytes"] == dict.fromkeys((0.0, 1.0, 2.0, 3.0, 4.0), 100)
    assert found["cpus"] == dict.fromkeys((0.0, 1.0, 2.0, 3.0, 4.0), 2.0)


def test_pods_are_summed_each_by_its_own_clock() -> None:
    found = columns(run(pod(0), pod(1, start_s=4000.0)))
    assert found["cpu_seconds"] == {0.0: 0.0, 1.0: 1.0, 2.0: 2.0, 3.0: 3.0, 4.0: 4.0}
    assert found["memory_bytes"][2.0] == 200


@pytest.mark.parametrize("skew_s", [0.0, 3.0, -3.0, 30.0, -30.0])
def test_an_executor_counts_when_it_worked_whatever_its_clock_says(skew_s: float) -> None:
    """Busy in the first of four seconds. Its agent wrote the driver's marks as its own clock has them."""
    start_s = 100.0 + skew_s
    executor = pod(1, "executor", start_s, measured_usage=Usage(cpu_seconds=1), series={
        "time_s": [start_s + second / 2 for second in range(17)],
        "columns": {"cpu_seconds": [min(1.0, max(0.0, second / 2 - 2.5)) for second in range(17)]}})
    found = columns(run(pod(0, "driver", series={}), executor))["cpu_seconds"]
    assert found == pytest.approx({0.0: 0.0, 0.5: 0.5, 1.0: 1.0, 1.5: 1.0, 2.0: 1.0, 2.5: 1.0, 3.0: 1.0, 3.5: 1.0,
                                   4.0: 1.0})


def test_what_the_agent_read_at_both_ends_is_what_the_curve_ends_at() -> None:
    found = columns(run(pod(measured_usage=USAGE)))
    assert found["cpu_seconds"] == pytest.approx({0.0: 0.0, 1.0: 0.525, 2.0: 1.05, 3.0: 1.575, 4.0: 2.1})
    assert found["network_receive_bytes"][4.0] == pytest.approx(5)


def test_what_grew_between_two_samples_grew_evenly() -> None:
    """A run shorter than the distance of samples: only the two readings at its ends tell anything."""
    short = pod(measured_started_s=100.25, measured_finished_s=100.75, measured_usage=USAGE,
                series={"time_s": (100.0, 101.0), "columns": {"cpu_seconds": (0.0, 0.0)}})
    assert columns(run(short))["cpu_seconds"] == pytest.approx({0.0: 0.0, 0.5: 2.1})


def test_a_shorter_pod_keeps_what_it_had() -> None:
    found = columns(run(pod(0), pod(1, measured_finished_s=103.5, measured_usage=USAGE)))
    assert found["cpu_seconds"] == pytest.approx({0.0: 0.0, 1.0: 0.5 + 2.1, 2.0: 1.0 + 2.1, 3.0: 1.5 + 2.1,
                                                  4.0: 2.0 + 2.1})


@pytest.mark.parametrize(("fields", "role", "last"), [
    pytest.param({"measured_started_s": None, "measured_finished_s": None}, "worker", (7.5, 3.75),
                 id="a-program-that-marks-nothing"),
    pytest.param({"measured_started_s": None, "measured_finished_s": None}, "executor", (4.0, 2.0),
                 id="an-executor-that-was-told-nothing"),
    pytest.param({"measured_finished_s": None}, "worker", (5.5, 2.75), id="a-program-that-failed-on-the-way"),
    pytest.param({"measured_finished_s": None, "program_finished_s": None}, "worker", (5.5, 2.75),
                 id="a-pod-that-was-killed"),
])
def test_pods_without_a_measured_part_of_their_own(fields, role, last) -> None:
    found = columns(run(pod(role=role, **fields)))["cpu_seconds"]
    assert max(found.items()) == pytest.approx(last)


def test_a_worker_that_marked_nothing_counts_within_what_its_gang_marked() -> None:
    silent = pod(1, measured_started_s=None, measured_finished_s=None)
    found = columns(run(pod(0), silent))["cpu_seconds"]
    assert found == {0.0: 0.0, 1.0: 1.0, 2.0: 2.0, 3.0: 3.0, 4.0: 4.0}


@pytest.mark.parametrize(("fields", "middle", "last"), [
    pytest.param({"measured_usage": Usage(cpu_seconds=10)}, 5.0, 10.0, id="from-what-was-measured"),
    pytest.param({"measured_usage": Usage(cpu_seconds=10), "usage": Usage(cpu_seconds=30)}, 5.0, 10.0,
                 id="and-not-from-its-life"),
    pytest.param({"usage": Usage(cpu_seconds=15)}, 4.0, 8.0, id="from-its-life-as-if-even"),
    pytest.param({"usage": Usage(cpu_seconds=15), "measured_finished_s": None, "program_finished_s": None,
                  "complete": False, "last_reading_s": 108.0}, 4.0, 11.0, id="from-a-checkpoint"),
    pytest.param({"measured_usage": Usage(cpu_seconds=10), "measured_finished_s": 102.5}, 10.0, 10.0, id="at-once"),
    pytest.param({}, 0.0, 0.0, id="nothing-known"),
])
def test_a_pod_without_samples_counts_evenly(fields, middle, last) -> None:
    found = columns(run(pod(0, measured_usage=Usage(cpu_seconds=10)), pod(1, series={}, **fields)))["cpu_seconds"]
    assert found[2.0] == pytest.approx(5 + middle)
    assert max(found.items())[1] == pytest.approx(10 + last)


def test_a_run_of_which_all_samples_were_left_out_ends_at_what_it_used() -> None:
    bare = [pod(index, series={}, measured_usage=USAGE) for index in range(2)]
    found = columns(run(*bare))
    assert found["cpu_seconds"] == pytest.approx({0.0: 0.0, 1.0: 1.05, 2.0: 2.1, 3.0: 3.15, 4.0: 4.2})
    assert found["network_receive_bytes"][4.0] == pytest.approx(10)
    assert set(found) == {"cpu_seconds", "network_receive_bytes", "cpus"}


@pytest.mark.parametrize("fields", [
    pytest.param({"series": {}}, id="no-samples"),
    pytest.param({"program_started_s": None, "measured_started_s": None}, id="never-started"),
    pytest.param({"measured_finished_s": 102.5}, id="no-length"),
])
def test_no_measured_part_no_curve(fields) -> None:
    assert columns(run(pod(**fields))) == {}


def test_what_no_pod_knows_has_no_curve() -> None:
    assert "disk_reads" not in columns(run(pod()))


@given(st.floats(0.001, 1e6), st.lists(st.floats(0, 100), max_size=5))
def test_the_grid(length_s: float, steps_s: list[float]) -> None:
    moments = aligned.grid(length_s, steps_s)
    assert moments[0] == 0
    assert moments[-1] == length_s
    assert moments == sorted(set(moments))
    assert 2 <= len(moments) <= aligned.MOST_POINTS + 1
    if len(moments) < aligned.MOST_POINTS:
        assert all(after - before <= 1.001 for before, after in pairwise(moments))

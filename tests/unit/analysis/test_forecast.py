"""What a Benchmark will take, by the runs that are known."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shapebench.analysis import expectation, forecast
from shapebench.analysis.forecast import Amount
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Cell, Phase, RunRecord, Times, Verdict


def benchmark(**limits: Any) -> Benchmark:
    """Two shapes × two values × (2 + 1 warm-up): 12 runs; both shapes have two cores and cost 1.0 an hour."""
    return Benchmark.model_validate({"metadata": {"name": "one"}, "spec": {
        "workload": {"tensorflow": {"job": "train"}},
        "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi", "pricePerHour": "0.5"},
                   {"name": "1x2", "workers": 1, "cpu": "2", "memory": "2Gi", "pricePerHour": "1"}],
        "parameters": [{"name": "x", "values": [1, 2]}], "repetitions": {"count": 2, "warmups": 1},
        "limits": {"startTimeout": "10s", "runTimeout": "26s"} | limits}})


def record(shape: str, x: int, held_s: float, **fields: Any) -> RunRecord:
    """A run at another price than the file's, half of whose time was measured."""
    size = {"2x1": (2, 1.0, 2**30), "1x2": (1, 2.0, 2 * 2**30)}[shape]
    return RunRecord.model_validate({
        "benchmark": "one", "namespace": "lab", "run": f"one-{shape}-{x}", "backend": "kubernetes",
        "cell": Cell(shape=shape, parameters={"x": x}), "workers": size[0], "cpu": size[1], "memory_bytes": size[2],
        "block": 1, "repetition": 1, "position": 1, "attempt": 1, "phase": Phase.SUCCEEDED, "verdict": Verdict.VALID,
        "times": Times(), "duration_s": held_s / 2, "cost": 3.0, "cost_spent": 6.0} | fields)


def test_without_any_run_only_the_limits_are_known() -> None:
    found = forecast.of(benchmark(), [])
    assert (found.cells, len(found.plan), found.all, found.wall_s, found.affordable) == (4, 12, None, None, None)
    assert found.all_at_most == Amount(12 * 36.0, pytest.approx(12 * 36 / 3600))
    assert found.wall_at_most_s == 12 * 36.0
    assert [(one.runs, one.per_hour, one.one, one.all) for one in found.shapes] == [(6, 1.0, None, None)] * 2


def test_every_cell_by_its_own_runs() -> None:
    records = [record("2x1", 1, 4.0), record("2x1", 2, 6.0), record("1x2", 1, 8.0), record("1x2", 2, 10.0)]
    found = forecast.of(benchmark(), records)
    assert found.cells_known == 4
    assert found.all == Amount(3 * 28.0, pytest.approx(3 * 28 / 3600))
    assert (found.wall_s, found.wall_at_most_s) == (3 * 28.0, 12 * 36.0)
    assert [one.one for one in found.shapes] == [Amount(6.0, pytest.approx(6 / 3600)),
                                                 Amount(10.0, pytest.approx(10 / 3600))]


@pytest.mark.parametrize(("at_once", "wall_s"), [
    pytest.param(1, 60.0 + 3600.0 + 120.0, id="one-after-the-other"),
    pytest.param(2, 3600.0, id="the-third-takes-the-first-place-that-is-free"),
    pytest.param(3, 3600.0, id="never-less-than-the-longest-run"),
    pytest.param(100, 3600.0, id="more-places-than-runs"),
])
def test_runs_that_go_on_at_once_take_as_long_as_they_are_started(at_once: int, wall_s: float) -> None:
    assert expectation.by_the_clock_s((60.0, 3600.0, 120.0), at_once) == wall_s
    shared = benchmark(concurrency=at_once, startTimeout="1m", runTimeout="2h")
    assert forecast.of(shared, [record("2x1", 1, 3600.0)]).wall_s == 3600.0 * math.ceil(12 / at_once)


def test_runs_that_were_made_for_nothing_are_not_expected_to_take_nothing() -> None:
    """By their times, as runs without a price: this file has one."""
    times = Times(created_s=100.0, scheduled_s=100.0, started_s=110.0, finished_s=114.0)
    free, unpriced = (forecast.of(benchmark(budget="0.02"), [
        record("2x1", 1, 8.0, times=times, cost=paid, cost_spent=paid)]) for paid in (0.0, None))
    assert (free.all, free.affordable) == (unpriced.all, unpriced.affordable) == (
        Amount(12 * 14.0, pytest.approx(12 * 14 / 3600)), 5)


def test_cells_without_runs_are_judged_by_the_others() -> None:
    found = forecast.of(benchmark(), [record("2x1", 1, 4.0)])
    assert (found.cells_known, found.all) == (1, Amount(12 * 4.0, pytest.approx(12 * 4 / 3600)))


def test_time_is_by_the_clock_and_money_by_nodes_held() -> None:
    times = Times(created_s=100.0, admitted_s=160.0, started_s=170.0)
    found = forecast.of(benchmark(), [record("2x1", 1, 4.0, times=times)])
    assert found.wall_s == 12 * (10.0 + 2.0), "start-up and the measured part; the queue's minute is apart"
    assert found.all == Amount(12 * 12.0, pytest.approx(12 * 4 / 3600))


@pytest.mark.parametrize("money", [{}, {"cost": None, "cost_spent": None}], ids=["priced", "without-a-price"])
def test_the_end_of_a_run_counts_with_prices_and_without(money: dict[str, None]) -> None:
    """Placed at 100, measured for 4 s from 110, and its program ends at 120."""
    times = Times(created_s=100.0, scheduled_s=100.0, started_s=110.0, finished_s=114.0)
    pod = {"pod": "p", "role": "worker", "index": 0, "counters": "none", "agent_started_s": 100.0, "exit_code": 0,
           "program_finished_s": 120.0}
    spent = {"cost": 0.004, "cost_spent": 0.020} | money
    found = forecast.of(benchmark(), [record("2x1", 1, 8.0, times=times, pods=[pod], **spent)])
    assert found.wall_s == pytest.approx(12 * 20.0)


def test_a_shape_of_the_same_name_and_another_size_is_another() -> None:
    found = forecast.of(benchmark(), [record("2x1", 1, 4.0, workers=4)])
    assert found.cells_known == 0
    assert found.all == Amount(12 * 8.0, pytest.approx(12 * 8 / 3600)), "half the cores, twice the time"


@pytest.mark.parametrize(("budget", "known", "affordable"), [
    pytest.param("0.0099", False, 0, id="not-even-one-at-its-most"),
    pytest.param("0.0301", False, 3, id="three-at-their-most"),
    pytest.param("0.0099", True, 8, id="eight-as-they-are-known"),
    pytest.param("1", True, 12, id="all"),
])
def test_how_far_the_budget_goes(budget: str, known: bool, affordable: int) -> None:
    assert forecast.of(benchmark(budget=budget), [record("2x1", 1, 4.0)] if known else []).affordable == affordable

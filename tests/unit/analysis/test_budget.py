"""The budget stops new runs before it is passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.analysis import expectation, summary
from shapebench.analysis.budget import Ledger, Stop
from shapebench.analysis.expectation import Experience, Past
from shapebench.api import cost
from shapebench.api.benchmark import BenchmarkSpec
from shapebench.api.run import RunStatus
from shapebench.plan import expand
from shapebench.reconcile import wording


def spec(prices: Sequence[str] = ("3.6", "7.2"), **fields: Any) -> BenchmarkSpec:
    """Shapes of one core each, at the price of 0.001 or 0.002 a second."""
    return BenchmarkSpec.model_validate({
        "workload": {"tensorflow": {"job": "train"}},
        "shapes": [{"name": f"s{number}", "workers": 1, "cpu": "1", "memory": "1Gi", "pricePerHour": price}
                   for number, price in enumerate(prices)],
        "repetitions": {"count": 2, "warmups": 0}, "order": {"kind": "Sequential"},
        "limits": {"startTimeout": "10s", "runTimeout": "90s"}} | fields)


def ledger(budget: float | None, spent: float = 0.0, reserved: float = 0.0, **seen_s: float) -> Ledger:
    """What is known: how long a run of each of these shapes was."""
    plan = {run.shape.name: run for run in expand.runs("one", spec())}
    past = [Past(plan[name].cell, 1.0, seconds, succeeded=True) for name, seconds in seen_s.items()]
    return Ledger(budget, spent, reserved, Experience.of(spec(), past))


@pytest.mark.parametrize(("money", "affordable"), [
    pytest.param(ledger(None), 4, id="no-budget"),
    pytest.param(ledger(0.0999), 0, id="not-what-the-limits-allow-the-first-one"),
    pytest.param(ledger(0.1), 1, id="just-what-the-limits-allow-it"),
    pytest.param(ledger(0.0299, s0=10.0, s1=10.0), 1, id="the-second-one-is-dearer"),
    pytest.param(ledger(0.03, s0=10.0, s1=10.0), 2, id="two"),
    pytest.param(ledger(0.03, spent=0.001, s0=10.0, s1=10.0), 1, id="spent"),
    pytest.param(ledger(0.03, reserved=0.001, s0=10.0, s1=10.0), 1, id="reserved"),
    pytest.param(ledger(0.02, s0=10.0), 1, id="by-another-cell"),
    pytest.param(ledger(0.06, s0=10.0, s1=10.0), 4, id="all"),
    pytest.param(ledger(0.0, s0=0.0, s1=0.0), 4, id="free-of-charge"),
])
def test_how_many_runs_may_start(money: Ledger, affordable: int) -> None:
    assert money.affordable(expand.runs("one", spec())) == affordable


def test_a_cell_whose_only_run_timed_out_is_not_taken_to_be_as_quick_as_another() -> None:
    first, second, *_ = expand.runs("one", spec())
    past = [Past(first.cell, 1.0, 90.0, succeeded=False), Past(second.cell, 1.0, 5.0, succeeded=True)]
    money = Ledger(0.115, 0.09 + 0.01, 0.0, Experience.of(spec(), past))
    assert money.affordable([first]) == 0, "0.015 is left, and its first run took 0.09"
    assert "expected to cost 0.09 by runs of this cell" in str(money.stop([first]))
    assert money.affordable([second]) == 1


def test_binary_fractions_do_not_count() -> None:
    assert ledger(0.3, spent=0.1 + 0.1 + 0.09, s0=10.0).affordable(expand.runs("one", spec())[:1]) == 1


@given(st.floats(0.5, 300.0), st.integers(1, 300), st.sampled_from(["3600", "3.6", "0.0412", "12.5"]))
def test_nor_do_the_digits_that_a_status_leaves_out(duration_s: float, held_s: int, price: str) -> None:
    asked, per_s = spec([price], repetitions={"count": 8, "warmups": 0}), float(price) / 3600
    plan = expand.runs("one", asked)
    spent = wording.money(held_s * per_s) or 0.0
    status = RunStatus(durationS=wording.seconds(duration_s), cost=wording.money(duration_s * per_s), costSpent=spent)
    seen = expectation.held_s(status, float(price))
    assert seen is not None
    past = [Past(run.cell, 1.0, seen, succeeded=True) for run in plan[:7]]
    money = Ledger(8 * held_s * per_s, 7 * spent, 0.0, Experience.of(asked, past))
    assert money.affordable(plan[7:]) == 1


@pytest.mark.parametrize(("money", "words"), [
    pytest.param(ledger(0.05), "limits.budget: 0 of 0.05 spent; no run of any cell has succeeded, so the next one (s0) "
                 "is taken to cost what limits.startTimeout and limits.runTimeout allow, 0.1: 4 runs were not made; "
                 "raise limits.budget, or give runs less time", id="nothing-known"),
    pytest.param(ledger(0.05, spent=0.045, s0=10.0), "limits.budget: 0.045 of 0.05 spent, and the next run (s0) is "
                 "expected to cost 0.01 by runs of this cell: 4 runs were not made; raise limits.budget to go on",
                 id="reached"),
])
def test_the_words_name_the_field_the_money_and_the_way_on(money: Ledger, words: str) -> None:
    stop = money.stop(expand.runs("one", spec()))
    assert stop == Stop(4, words)


def test_nothing_stops_where_no_run_is_left_or_the_next_one_is_affordable() -> None:
    assert ledger(0.0).stop(()) is None
    assert ledger(0.1).stop(expand.runs("one", spec())) is None


def lived(budget: float, prices: Sequence[str], seconds: Sequence[float], concurrency: int) -> tuple[int, float]:
    """A whole Benchmark whose runs take what `seconds` says of their shape, start-up included: runs made, spent."""
    given_spec = spec(prices, limits={"startTimeout": "10s", "runTimeout": "90s", "concurrency": concurrency})
    waiting = list(expand.runs("one", given_spec))
    active: list[expand.PlannedRun] = []
    past: list[Past] = []
    spent = 0.0
    while True:
        experience = Experience.of(given_spec, past)
        reserved = sum(experience.expected(run).cost or 0.0 for run in active)
        money = Ledger(budget, spent, reserved, experience)
        room = waiting[:concurrency - len(active)]
        started = room[:money.affordable(room)]
        waiting, active = waiting[len(started):], active + started
        if not active:
            assert (money.stop(waiting) is None) == (not waiting)
            return len(past), spent
        run = active.pop(0)
        held_s = seconds[int(run.shape.name[1:])]
        past.append(Past(run.cell, expectation.cores(run.shape), held_s, succeeded=True))
        spent += cost.of_time(cost.gang_per_hour(given_spec.workload, run.shape), held_s) or 0.0


PRICES = st.lists(st.sampled_from(["0", "0.01", "0.1", "3.6"]), min_size=3, max_size=3)
SECONDS = st.lists(st.floats(0.0, 100.0), min_size=3, max_size=3)


@given(st.floats(0.0, 1.0), PRICES, SECONDS)
def test_never_more_is_spent_than_the_budget_where_runs_take_no_longer_than_their_cells_and_like_ones(
        budget: float, prices: Sequence[str], seconds: Sequence[float]) -> None:
    longest_first = sorted(seconds, reverse=True)  # else a cell without runs of its own may be longer than any seen
    _, spent = lived(budget, prices, longest_first, 1)
    assert spent <= budget * (1 + 1e-6)


@given(st.floats(0.0, 1.0), PRICES, SECONDS, st.integers(1, 4))
def test_the_overrun_is_bounded_by_what_the_limits_allow_the_runs_at_once(
        budget: float, prices: Sequence[str], seconds: Sequence[float], concurrency: int) -> None:
    _, spent = lived(budget, prices, seconds, concurrency)
    assert spent <= budget * (1 + 1e-6) + concurrency * max(float(price) for price in prices) * 100 / 3600


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), PRICES, SECONDS)
def test_a_larger_budget_never_makes_fewer_runs(
        first: float, second: float, prices: Sequence[str], seconds: Sequence[float]) -> None:
    small, large = sorted((first, second))
    assert lived(small, prices, seconds, 1)[0] <= lived(large, prices, seconds, 1)[0]


def test_a_cell_is_told_by_its_parameters_too() -> None:
    given_spec = spec(parameters=[{"name": "x", "values": [1, 2]}])
    first, second, *_ = expand.runs("one", given_spec)
    experience = Experience.of(given_spec, [Past(first.cell, 1.0, 7.0, True), Past(second.cell, 1.0, 9.0, True)])
    assert [experience.expected(run).held_s for run in (first, second)] == [7.0, 9.0]
    assert summary.key(first.cell) != summary.key(second.cell)

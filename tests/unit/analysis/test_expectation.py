"""How long a run is expected to hold its nodes, and at what price."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from shapebench.analysis import expectation
from shapebench.analysis.expectation import Basis, Experience, Past
from shapebench.api.benchmark import BenchmarkSpec
from shapebench.api.record import Times
from shapebench.plan import expand


def spec(**limits: Any) -> BenchmarkSpec:
    return BenchmarkSpec.model_validate({
        "workload": {"tensorflow": {"job": "train"}},
        "shapes": [{"name": "4x2", "workers": 4, "cpu": "2", "memory": "1Gi", "pricePerHour": "0.2"},
                   {"name": "1x2", "workers": 1, "cpu": "2", "memory": "1Gi", "pricePerHour": "0.2"}],
        "repetitions": {"count": 1, "warmups": 0}, "order": {"kind": "Sequential"},
        "limits": {"startTimeout": "100s", "runTimeout": "900s"} | limits})


LARGE, SMALL = expand.runs("one", spec())


def past(run: expand.PlannedRun, held_s: float, succeeded: bool = True) -> Past:
    return Past(run.cell, expectation.cores(run.shape), held_s, succeeded)


@pytest.mark.parametrize(("seen", "run", "held_s", "basis"), [
    pytest.param([], LARGE, 1000.0, Basis.LIMITS, id="nothing-is-known"),
    pytest.param([past(LARGE, 10.0, succeeded=False)], LARGE, 1000.0, Basis.LIMITS, id="a-failure-says-little"),
    pytest.param([past(LARGE, 10.0), past(LARGE, 12.0), past(LARGE, 9.0)], LARGE, 12.0, Basis.CELL, id="the-longest"),
    pytest.param([past(LARGE, 10.0), past(LARGE, 30.0, succeeded=False)], LARGE, 30.0, Basis.CELL,
                 id="a-failure-may-have-been-longer"),
    pytest.param([past(LARGE, 10.0)], SMALL, 40.0, Basis.OTHERS, id="a-quarter-of-the-cores-takes-four-times-as-long"),
    pytest.param([past(SMALL, 40.0)], LARGE, 40.0, Basis.OTHERS, id="more-cores-are-not-trusted-to-be-faster"),
    pytest.param([past(LARGE, 500.0)], SMALL, 1000.0, Basis.OTHERS, id="never-longer-than-the-limits-let-it"),
    pytest.param([past(SMALL, 40.0), past(LARGE, 9.0)], LARGE, 9.0, Basis.CELL, id="its-own-runs-say-it-better"),
    pytest.param([past(SMALL, 40.0), past(LARGE, 1000.0, False)], LARGE, 1000.0, Basis.CELL,
                 id="its-timeout-says-more-than-others-runs"),
    pytest.param([past(SMALL, 40.0), past(LARGE, 5.0, False)], LARGE, 40.0, Basis.OTHERS,
                 id="its-early-failure-says-less"),
    pytest.param([past(LARGE, 2500.0, False)], LARGE, 2500.0, Basis.CELL, id="attempts-that-were-lost-count"),
])
def test_what_is_expected(seen: list[Past], run: expand.PlannedRun, held_s: float, basis: Basis) -> None:
    found = Experience.of(spec(), seen).expected(run)
    assert (found.held_s, found.basis) == (held_s, basis)
    assert found.cost == pytest.approx(run.shape.workers * 0.2 * held_s / 3600)


def ended(**fields: Any) -> Any:
    return SimpleNamespace(**({"times": Times(), "duration_s": None, "cost": None, "cost_spent": None} | fields))


@pytest.mark.parametrize(("run", "per_hour", "held_s"), [
    pytest.param(ended(cost_spent=0.3, cost=0.1, duration_s=20.0), 3.6, 300.0, id="by-what-was-spent"),
    pytest.param(ended(cost_spent=0.3), 3.6, 300.0, id="a-failed-run-at-the-files-price"),
    pytest.param(ended(times=Times(created_s=1.0, scheduled_s=5.0, finished_s=25.0), duration_s=12.0), None, 20.0,
                 id="without-a-price-by-its-times"),
    pytest.param(ended(times=Times(created_s=1.0)), None, None, id="it-cannot-be-told"),
    pytest.param(ended(cost_spent=0.0, cost=0.0, duration_s=2.0, times=Times(created_s=1.0, finished_s=4.0)), 0.0, 3.0,
                 id="free-of-charge"),
    pytest.param(ended(cost_spent=0.0, times=Times(created_s=1.0, finished_s=4.0)), 3.6, 3.0, id="made-for-nothing"),
    pytest.param(ended(cost_spent=-0.3), 3.6, None, id="a-clock-was-set-back"),
])
def test_how_long_a_run_held_its_nodes(run: Any, per_hour: float | None, held_s: float | None) -> None:
    assert expectation.held_s(run, per_hour) == (held_s if held_s is None else pytest.approx(held_s))


@pytest.mark.parametrize(("run", "spent"), [
    pytest.param(ended(cost_spent=0.3, cost=0.1), 0.3, id="all-attempts"),
    pytest.param(ended(cost=0.1), 0.1, id="the-measured-part-alone"),
    pytest.param(ended(cost_spent=-0.3), 0.0, id="no-money-comes-back"),
    pytest.param(ended(), None, id="not-priced"),
])
def test_what_was_spent_is_never_below_nothing(run: Any, spent: float | None) -> None:
    assert expectation.spent(run) == spent

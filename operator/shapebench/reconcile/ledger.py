"""A Benchmark's money as its runs' statuses tell it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from shapebench.analysis import budget, expectation
from shapebench.analysis.budget import Ledger
from shapebench.analysis.expectation import Basis, Experience, Past
from shapebench.api import cost
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Phase
from shapebench.plan.expand import PlannedRun
from shapebench.reconcile import runs, spending
from shapebench.reconcile.run_view import RunView


def of(benchmark: Benchmark, made: Sequence[RunView], now_s: float) -> Ledger:
    """What was spent on the plan's runs, lost attempts of those that go on included, and what is reserved for these."""
    experience = Experience.of(benchmark.spec, _past(benchmark, made))
    if all(shape.price_per_hour is None for shape in benchmark.spec.shapes):
        return Ledger(None, 0.0, 0.0, experience)
    return Ledger(
        budget=budget.limit(benchmark.spec),
        spent=sum(expectation.spent(one.run.status) or 0.0 for one in made),
        reserved=sum(_reserved(one, experience, now_s) for one in made if not runs.is_over(one.run)),
        experience=experience,
    )


def no_retry(benchmark: Benchmark, made: Iterable[RunView], retried: RunView, now_s: float) -> str:
    """Why the budget does not let this run, whose attempt has ended, have another one; empty where it does."""
    others = of(benchmark, [one for one in made if one is not retried], now_s)
    spent = others.spent + (spending.until(retried, now_s) or 0.0)
    return dataclasses.replace(others, spent=spent).no_retry(retried.planned)


def expected(ledger: Ledger, left: Iterable[PlannedRun]) -> float | None:
    """What these runs will cost; None where nothing is known of it yet, or a shape has no price."""
    total = 0.0
    for planned in left:
        one = ledger.experience.expected(planned)
        if one.cost is None or one.basis is Basis.LIMITS:
            return None
        total += one.cost
    return total


def _reserved(one: RunView, experience: Experience, now_s: float) -> float:
    """Of the attempt that goes on: one that is longer than any before it has cost more than was expected of it."""
    return max(experience.expected(one.planned).cost or 0.0, spending.of_attempt(one, now_s) or 0.0)


def _past(benchmark: Benchmark, made: Iterable[RunView]) -> Iterable[Past]:
    for planned, run in ((one.planned, one.run) for one in made):
        per_hour = cost.gang_per_hour(benchmark.spec.workload, planned.shape)
        seconds = expectation.held_s(run.status, per_hour) if runs.is_over(run) else None
        if seconds is not None:
            yield Past(planned.cell, expectation.cores(planned.shape), seconds, run.status.phase is Phase.SUCCEEDED,
                       expectation.wall_s(run.status))

"""What a Benchmark will take, before anything of it starts: runs, time, money. Pure; `shapebench plan` prints it.

What is expected rests on runs that have ended; without any there is no expectation, only what the limits allow at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shapebench.analysis import budget, expectation
from shapebench.analysis.budget import Ledger
from shapebench.analysis.expectation import Basis, Expected
from shapebench.api import cost, quantity
from shapebench.api.benchmark import Benchmark, BenchmarkSpec, Shape
from shapebench.api.record import RunRecord
from shapebench.plan import expand
from shapebench.plan.expand import PlannedRun


@dataclass(frozen=True)
class Amount:
    """Time that runs take one after the other, without time in a queue, and the price of it (None: not priced)."""

    seconds: float
    cost: float | None


@dataclass(frozen=True)
class ShapeForecast:
    """What the runs of one shape will take. `one`: of a run, the dearest cell's; None: nothing is known."""

    shape: Shape
    per_hour: float | None
    runs: int
    one: Amount | None
    all: Amount | None
    one_at_most: Amount


@dataclass(frozen=True)
class Forecast:
    """What all runs of a Benchmark will take. `wall_s` is time by the clock, with as many runs at once as allowed."""

    benchmark: Benchmark
    cells: int
    plan: tuple[PlannedRun, ...]
    shapes: tuple[ShapeForecast, ...]
    all: Amount | None
    all_at_most: Amount
    wall_s: float | None
    wall_at_most_s: float
    cells_known: int
    """By runs of their own; the others are judged by these."""
    affordable: int | None
    """How many runs the budget lets start, by what is known; None without a budget."""


def of(benchmark: Benchmark, records: Iterable[RunRecord]) -> Forecast:
    """The forecast, by the runs of these records (of any Benchmark; those of like cells say most)."""
    spec = benchmark.spec
    plan = expand.runs(benchmark.metadata.name, spec)
    past = (expectation.of_record(spec, record) for record in records)
    experience = expectation.Experience.of(spec, (one for one in past if one is not None))
    expected = [experience.expected(run) for run in plan]
    most_s = expectation.longest_s(spec)
    shapes = tuple(_shape(spec, shape, [(run, one) for run, one in zip(plan, expected, strict=True)
                                        if run.shape.name == shape.name]) for shape in spec.shapes)
    whole = _sum(one.all for one in shapes)
    at_most = _sum(Amount(one.one_at_most.seconds * one.runs, _times(one.one_at_most.cost, one.runs))
                   for one in shapes)
    assert at_most is not None  # there is always a limit
    money = Ledger(budget.limit(spec), 0.0, 0.0, experience)
    return Forecast(
        benchmark=benchmark, cells=expand.cell_count(spec), plan=plan, shapes=shapes, all=whole, all_at_most=at_most,
        wall_s=None if whole is None else expectation.by_the_clock_s((one.wall_s for one in expected),
                                                                     spec.limits.concurrency),
        wall_at_most_s=most_s * math.ceil(len(plan) / spec.limits.concurrency),
        cells_known=len({run.cell.model_dump_json() for run, one in zip(plan, expected, strict=True)
                         if one.basis is Basis.CELL}),
        affordable=None if money.budget is None else money.affordable(plan))


def remarks(forecast: Forecast) -> tuple[str, ...]:
    """What the reader must know of these numbers."""
    spec = forecast.benchmark.spec
    found = []
    unpriced = [shape.name for shape in spec.shapes if shape.price_per_hour is None]
    if unpriced:
        found.append(f"no pricePerHour in {', '.join(unpriced)}: what runs there cost is not known")
    elif spec.workload.spark is not None and spec.workload.spark.driver.price_per_hour is None:
        found.append("the driver's pod is not counted: spec.workload.spark.driver.pricePerHour gives it a price")
    if spec.limits.retries:
        found.append(f"limits.retries: a run whose pods were evicted or lost their node is made again, up to "
                     f"{spec.limits.retries} times; these attempts come on top")
    if spec.queue_name is not None:
        found.append(f"spec.queueName: the time that runs wait in {spec.queue_name} comes on top, and costs nothing")
    return tuple(found)


def _shape(spec: BenchmarkSpec, shape: Shape, runs: Sequence[tuple[PlannedRun, Expected]]) -> ShapeForecast:
    per_hour = cost.gang_per_hour(spec.workload, shape)
    most_s = expectation.longest_s(spec)
    known = [one for _, one in runs if one.basis is not Basis.LIMITS]
    dearest = max(known, key=lambda one: one.held_s, default=None)
    longest_s = max((one.wall_s for one in known), default=0.0)
    return ShapeForecast(
        shape=shape, per_hour=per_hour, runs=len(runs),
        one=Amount(longest_s, dearest.cost) if dearest else None,
        all=Amount(sum(one.wall_s for one in known), cost.of_time(per_hour, sum(one.held_s for one in known)))
        if known else None,
        one_at_most=Amount(most_s, cost.of_time(per_hour, most_s)))


def _sum(amounts: Iterable[Amount | None]) -> Amount | None:
    """All together; None where one is not known, and without a price where one has none."""
    listed = list(amounts)
    known = [one for one in listed if one is not None]
    if len(known) < len(listed):
        return None
    prices = [one.cost for one in known if one.cost is not None]
    return Amount(sum(one.seconds for one in known), sum(prices) if len(prices) == len(known) else None)


def _times(value: float | None, count: int) -> float | None:
    return None if value is None else value * count


def total_memory_text(shape: Shape) -> str:
    """Of all its workers, in the unit that people think of clusters in."""
    return f"{shape.workers * quantity.memory_bytes(shape.memory) / 2**30:.4g}Gi"

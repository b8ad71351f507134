"""What a Benchmark will take, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shapebench.analysis import forecast as forecasting
from shapebench.analysis import summary
from shapebench.analysis.forecast import Amount, Forecast, ShapeForecast
from shapebench.api import quantity
from shapebench.plan.expand import PlannedRun
from shapebench.report import units

FIRST_RUNS = 5
_LEFT, _RIGHT = True, False


def terminal(forecast: Forecast, basis: str, notes: Sequence[str], no_room: Sequence[str] = ()) -> RenderableType:
    """The plan for a terminal. `basis`: where what is expected comes from, in words; empty where nothing is known.

    `no_room`: what the cluster's nodes cannot hold; it comes first, for nothing else matters before it is mended.
    """
    lines = [("besides", _besides(forecast)), ("time", _time(forecast, basis)), ("money", _money(forecast)),
             ("budget", _budget(forecast)), ("first", _first(forecast.plan))]
    facts = Table.grid(padding=(0, 2, 0, 0))
    for name, text in lines:
        if text:
            facts.add_row(Text(f"  {name}"), Text(text))
    return Group(Text(_headline(forecast), style="bold"),
                 *(Text(f"  no room: {line}", style="bold red") for line in no_room),
                 Text(), _shapes(forecast), Text(), facts,
                 *((Text(),) if notes else ()), *(Text(f"  {note}", style="dim") for note in notes))


def as_dict(forecast: Forecast, basis: str, notes: Sequence[str], no_room: Sequence[str] = ()) -> dict[str, Any]:
    """The same for a program: seconds, and money in the currency of the prices. What is not known is null.

    `seconds` are of runs one after the other, `wall_s` of as many at once as limits.concurrency lets run.
    """
    spec = forecast.benchmark.spec
    return {
        "benchmark": forecast.benchmark.metadata.name,
        "cells": forecast.cells,
        "runs": {"total": len(forecast.plan), "warmups": sum(run.block == 0 for run in forecast.plan),
                 "blocks": spec.repetitions.count, "per_block": forecast.cells, "at_once": spec.limits.concurrency},
        "besides": _besides(forecast),
        "shapes": [_shape_dict(one) for one in forecast.shapes],
        "expected": _amount_dict(forecast.all) | {"wall_s": forecast.wall_s, "basis": basis},
        "at_most": _amount_dict(forecast.all_at_most) | {"wall_s": forecast.wall_at_most_s},
        "budget": {"limit": None if spec.limits.budget is None else float(spec.limits.budget),
                   "runs_affordable": forecast.affordable},
        "order": [{"run": run.name, "block": run.block, "position": run.position, "shape": run.shape.name,
                   "parameters": dict(run.cell.parameters)} for run in forecast.plan],
        "no_room": list(no_room),
        "remarks": list(notes),
    }


def _headline(forecast: Forecast) -> str:
    spec = forecast.benchmark.spec
    warmups = sum(run.block == 0 for run in forecast.plan)
    blocks = f"{units.count(spec.repetitions.count, 'block')} of {forecast.cells}"
    factors = [f"{units.count(len(spec.shapes), 'shape')}",
               *(f"{units.count(len(one.values), 'value')} of {one.name}" for one in spec.parameters)]
    at_once = "one at a time" if spec.limits.concurrency == 1 else f"{spec.limits.concurrency} at once"
    return (f"{forecast.benchmark.metadata.name}: {units.count(len(forecast.plan), 'run')} of "
            f"{units.count(forecast.cells, 'cell')} ({' × '.join(factors)}), {at_once}: {blocks}"
            + (f" after {units.count(warmups, 'warm-up')}" if warmups else ", no warm-ups"))


def _shapes(forecast: Forecast) -> Table:
    titles = (("shape", _LEFT), ("workers", _RIGHT), ("CPU", _RIGHT), ("memory", _RIGHT), ("in all", _LEFT),
              ("nodes", _LEFT), ("per hour", _RIGHT), ("runs", _RIGHT), ("longest run", _RIGHT), ("may take", _RIGHT),
              ("all runs", _RIGHT))
    rows = [_shape_row(one) for one in forecast.shapes]
    known = [number for number, _ in enumerate(titles) if any(row[number] not in ("", units.MISSING) for row in rows)]
    table = Table(title=None, header_style="bold", show_edge=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for number in known:
        table.add_column(titles[number][0], justify="left" if titles[number][1] else "right")
    for row in rows:
        table.add_row("", *(row[number] for number in known))
    return table


def _shape_row(one: ShapeForecast) -> tuple[str, ...]:
    shape = one.shape
    cores = quantity.cpu_text(shape.workers * quantity.cpu_cores(shape.cpu))
    return (shape.name, str(shape.workers), str(shape.cpu), str(shape.memory),
            f"{cores} CPU, {forecasting.total_memory_text(shape)}",
            ", ".join(f"{name}={value}" for name, value in sorted(shape.node_selector.items())),
            units.money(one.per_hour), str(one.runs), _amount(one.one), _amount(one.one_at_most), _amount(one.all))


def _besides(forecast: Forecast) -> str:
    """Pods of a run that are not its shape's workers."""
    workload = forecast.benchmark.spec.workload
    if workload.spark is not None:
        driver = workload.spark.driver
        price = f", {driver.price_per_hour} per hour" if driver.price_per_hour is not None else ""
        return f"a driver of {driver.cpu} CPU and {driver.memory}{price}, the same for every shape"
    servers = workload.tensorflow.parameter_servers if workload.tensorflow is not None else 0
    return f"{units.count(servers, 'parameter server')}, each of a worker's size and price" if servers else ""


def _time(forecast: Forecast, basis: str) -> str:
    limits = forecast.benchmark.spec.limits
    most = (f"at most {quantity.duration_text(forecast.wall_at_most_s)} "
            f"({limits.start_timeout} for each run to start, {limits.run_timeout} to end)")
    if forecast.wall_s is None:
        return f"not known before a run has ended; {most}"
    judged = "" if forecast.cells_known == forecast.cells else (
        f", of {forecast.cells_known} of the {forecast.cells} cells; the others are judged by these")
    return f"about {quantity.duration_text(forecast.wall_s)}, by {basis}{judged}; {most}"


def _money(forecast: Forecast) -> str:
    if forecast.all_at_most.cost is None:
        return ""
    most = f"at most {units.money(forecast.all_at_most.cost)}"
    return f"not known; {most}" if forecast.all is None else f"about {units.money(forecast.all.cost)}; {most}"


def _budget(forecast: Forecast) -> str:
    budget, runs = forecast.benchmark.spec.limits.budget, len(forecast.plan)
    if forecast.affordable is None or budget is None:
        return ""
    if forecast.affordable == runs:
        return f"{budget} is enough for all of them" + (", whatever they take" if forecast.all is None else "")
    if not forecast.affordable:
        return f"{budget} lets no run start: the first one {_next_cost(forecast)}"
    if forecast.all is None:
        return (f"{budget} is enough for {units.count(forecast.affordable, 'run')} of {runs}, were each to take all "
                "the time that it may; for more, where they take less")
    return f"{budget} is enough for about {forecast.affordable} of {runs} runs, in their order"


def _next_cost(forecast: Forecast) -> str:
    shape = next(one for one in forecast.shapes if one.shape.name == forecast.plan[0].shape.name)
    if shape.one is None:
        return f"may cost {units.money(shape.one_at_most.cost)}; raise limits.budget, or give runs less time"
    return f"is expected to cost up to {units.money(shape.one.cost)}; raise limits.budget"


def _first(plan: Sequence[PlannedRun]) -> str:
    shown = [summary.cell_text(run.cell) for run in plan[:FIRST_RUNS]]
    if not plan[0].block:
        shown[0] = f"{shown[0]} (warm-up)"
    return ", then ".join(shown) + (", …" if len(plan) > FIRST_RUNS else "")


def _amount(amount: Amount | None) -> str:
    if amount is None:
        return units.MISSING
    money = "" if amount.cost is None else f", {units.money(amount.cost)}"
    return f"{quantity.duration_text(amount.seconds)}{money}"


def _amount_dict(amount: Amount | None) -> dict[str, float | None]:
    return {"seconds": None, "cost": None} if amount is None else {"seconds": amount.seconds, "cost": amount.cost}


def _shape_dict(one: ShapeForecast) -> dict[str, Any]:
    shape = one.shape
    return {
        "name": shape.name, "workers": shape.workers, "cpu": quantity.cpu_cores(shape.cpu),
        "memory_bytes": quantity.memory_bytes(shape.memory), "node_selector": dict(shape.node_selector),
        "price_per_hour": one.per_hour, "runs": one.runs, "expected_run": _amount_dict(one.one),
        "expected_all": _amount_dict(one.all), "at_most_run": _amount_dict(one.one_at_most)}


def by_backend(backends: Sequence[str], source: str) -> str:
    """`12 runs on a cluster and 3 on the local backend (build/runs/read-speed)`; empty without any."""
    places = {"local": "the local backend", "kubernetes": "a cluster"}
    parts = [f"{units.count(count, 'run')} on {places[name]}" for name, count in Counter(backends).most_common()]
    return f"{' and '.join(parts)} ({source})" if parts else ""

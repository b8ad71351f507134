"""From a spec to its cells and its ordered runs: pure, the same for the operator and the local backend."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shapebench.api import assemble, benchmark, cost, keys, quantity
from shapebench.api.fields import Scalar
from shapebench.api.record import Cell

COMBINATIONS_LIMIT = 200
"""Of what an argument's templates stand for, judged before a Benchmark is accepted."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a cell, before it exists."""

    name: str
    cell: Cell
    shape: benchmark.Shape
    block: int
    repetition: int
    position: int


def cells(spec: benchmark.BenchmarkSpec) -> tuple[Cell, ...]:
    """Every shape with every combination of parameter values, in the manifest's order."""
    names = [parameter.name for parameter in spec.parameters]
    combinations = list(itertools.product(*(parameter.values for parameter in spec.parameters)))
    return tuple(Cell(shape=shape.name, parameters=dict(zip(names, values, strict=True)))
                 for shape in spec.shapes for values in combinations)


def cell_count(spec: benchmark.BenchmarkSpec) -> int:
    """How many cells there are, of which there may be too many to make."""
    return len(spec.shapes) * math.prod(len(parameter.values) for parameter in spec.parameters)


def run_count(spec: benchmark.BenchmarkSpec) -> int:
    """How many runs there are, warm-ups included."""
    return cell_count(spec) * (spec.repetitions.count + spec.repetitions.warmups)


def runs(name: str, spec: benchmark.BenchmarkSpec) -> tuple[PlannedRun, ...]:
    """All runs of the Benchmark in the order in which they start: warm-ups (block 0), then block 1, 2, …

    The order within a block depends on the seed and the block's number alone, so a restart finds the same plan.
    """
    return tuple(_numbered(name, spec))


def _numbered(name: str, spec: benchmark.BenchmarkSpec) -> Iterator[PlannedRun]:
    shapes = {shape.name: shape for shape in spec.shapes}
    every_cell = cells(spec)
    warmups = [cell for _ in range(spec.repetitions.warmups) for cell in _ordered(every_cell, spec.order, 0)]
    for position, cell in enumerate(warmups, start=1):
        yield PlannedRun(keys.run_name(name, 0, position), cell, shapes[cell.shape], 0, 0, position)
    for block in range(1, spec.repetitions.count + 1):
        for position, cell in enumerate(_ordered(every_cell, spec.order, block), start=1):
            yield PlannedRun(keys.run_name(name, block, position), cell, shapes[cell.shape], block, block, position)


def _ordered(every_cell: tuple[Cell, ...], order: benchmark.Order, block: int) -> list[Cell]:
    listed = list(every_cell)
    if order.kind == "RandomizedBlocks":
        random.Random(f"{order.seed}/{block}").shuffle(listed)
    return listed


def context(of: benchmark.Benchmark, run: PlannedRun, backend: Literal["kubernetes", "local"],
            namespace: str) -> assemble.RunContext:
    """What the run's record says of it before it started."""
    return assemble.RunContext(
        benchmark=of.metadata.name, namespace=namespace, run=run.name, backend=backend, cell=run.cell, shape=run.shape,
        block=run.block, repetition=run.repetition, position=run.position,
        price_per_hour=cost.gang_per_hour(of.spec.workload, run.shape), objective=of.spec.objective)


def template_values(run: PlannedRun, seed: int) -> Mapping[str, Scalar]:
    """What `{name}` stands for in the arguments of this run."""
    return _template_values(run.shape, seed, run.repetition, run.cell.parameters)


def all_template_values(spec: benchmark.BenchmarkSpec, names: Collection[str]) -> Iterator[Mapping[str, Scalar]]:
    """What `{name}` stands for in any run, once for each combination of what these names stand for; of repetitions the
    first and the last.

    Of too many combinations only those that have the first value of all names but one: this is asked at every look.
    """
    varied = [parameter for parameter in spec.parameters if parameter.name in names]
    shapes = spec.shapes if {"shape", "workers", "cpu", "memory"}.intersection(names) else spec.shapes[:1]
    first = 1 if "repetition" not in names or not spec.repetitions.warmups else 0
    repetitions = sorted({first, spec.repetitions.count}) if "repetition" in names else [1]
    for shape, repetition, *values in _combinations([shapes, repetitions, *(one.values for one in varied)]):
        yield _template_values(shape, spec.order.seed, repetition,
                               {parameter.name: value for parameter, value in zip(varied, values, strict=True)})


def _combinations(axes: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    if math.prod(map(len, axes)) <= COMBINATIONS_LIMIT:
        yield from itertools.product(*axes)
        return
    firsts = [axis[0] for axis in axes]
    for place, axis in enumerate(axes):
        yield from ([*firsts[:place], value, *firsts[place + 1:]] for value in axis)


def _template_values(shape: benchmark.Shape, seed: int, repetition: int,
                     parameters: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
    return {
        "shape": shape.name,
        "workers": shape.workers,
        "cpu": quantity.task_slots(quantity.cpu_cores(shape.cpu)),
        "memory": quantity.memory_bytes(shape.memory),
        "seed": seed,
        "repetition": repetition,
        **parameters,
    }

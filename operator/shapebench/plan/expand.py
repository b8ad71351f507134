"""From a spec to its cells and its ordered runs: pure, the same for the operator and the local backend."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shapebench.api import benchmark, keys, quantity
from shapebench.api.record import Cell, Scalar


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


def template_values(run: PlannedRun, seed: int) -> Mapping[str, Scalar]:
    """What `{name}` stands for in the arguments of this run."""
    return {
        "shape": run.shape.name,
        "workers": run.shape.workers,
        "cpu": quantity.task_slots(quantity.cpu_cores(run.shape.cpu)),
        "memory": quantity.memory_bytes(run.shape.memory),
        "seed": seed,
        "repetition": run.repetition,
        **run.cell.parameters,
    }

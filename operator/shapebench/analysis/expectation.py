"""What a run will take, judged by those that have ended: pure, for the budget, the status and `shapebench plan`.

Time here is time for which nodes are held: from a pod's place on a node to its program's end, start-up included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shapebench.analysis import summary
from shapebench.api import cost, quantity
from shapebench.api.benchmark import BenchmarkSpec, Shape
from shapebench.api.record import Cell, Phase, RunRecord, Times
from shapebench.plan.expand import PlannedRun


class Basis(Enum):
    """What an expectation rests on."""

    CELL = "runs of this cell"
    OTHERS = "runs of other cells"
    LIMITS = "limits.startTimeout and limits.runTimeout"


@dataclass(frozen=True)
class Expected:
    """How long a run holds its nodes, what that costs (None: not priced), and how it is known."""

    held_s: float
    cost: float | None
    basis: Basis


@dataclass(frozen=True)
class Past:
    """A run that has ended: its cell, the total cores of its workers, and how long it held them.

    `cell` is None where the run was of no cell of this Benchmark: its shape had another size.
    """

    cell: Cell | None
    cores: float
    held_s: float
    succeeded: bool


class Ended(Protocol):
    """What the record of a run and its status both have."""

    @property
    def times(self) -> Times: ...  # noqa: D102
    @property
    def duration_s(self) -> float | None: ...  # noqa: D102
    @property
    def cost(self) -> float | None: ...  # noqa: D102
    @property
    def cost_spent(self) -> float | None: ...  # noqa: D102


def held_s(run: Ended, price_per_hour: float | None) -> float | None:
    """How long the run held its gang's nodes, all attempts together; None where that cannot be told.

    What was spent says it best, at the price that the run itself was made at: another file may give another.
    """
    if run.cost_spent is not None and run.cost and run.duration_s:
        return run.cost_spent / run.cost * run.duration_s
    if run.cost_spent is not None and price_per_hour:
        return run.cost_spent / price_per_hour * cost.HOUR_S
    start_s = next((one for one in (run.times.scheduled_s, run.times.admitted_s, run.times.created_s)
                    if one is not None), None)
    if start_s is None or run.times.finished_s is None:
        return None
    return max(0.0, run.times.finished_s - start_s)


def spent(run: Ended) -> float | None:
    """What the run cost until now; of one that an older version made only the measured part is known."""
    return run.cost_spent if run.cost_spent is not None else run.cost


def of_record(spec: BenchmarkSpec, record: RunRecord) -> Past | None:
    """The run as experience of the spec; None where it cannot be told how long it was."""
    shape = next((one for one in spec.shapes if one.name == record.cell.shape), None)
    seconds = held_s(record, cost.gang_per_hour(spec.workload, shape) if shape else None)
    if seconds is None:
        return None
    same = shape is not None and (record.workers, record.cpu, record.memory_bytes) == (
        shape.workers, quantity.cpu_cores(shape.cpu), quantity.memory_bytes(shape.memory))
    return Past(record.cell if same else None, record.workers * record.cpu, seconds, record.phase is Phase.SUCCEEDED)


def cores(shape: Shape) -> float:
    """Of all its workers."""
    return shape.workers * quantity.cpu_cores(shape.cpu)


def longest_s(spec: BenchmarkSpec) -> float:
    """How long one attempt may hold its nodes at most: longer than any that is expected."""
    return float(quantity.duration_s(spec.limits.start_timeout) + quantity.duration_s(spec.limits.run_timeout))


@dataclass(frozen=True)
class Experience:
    """What is known of a Benchmark's runs so far. Expectations are on the safe side: of what was seen, the longest."""

    spec: BenchmarkSpec
    by_cell: Mapping[summary.CellKey, float] = field(default_factory=dict)
    """The longest of each cell that has succeeded once."""
    by_cores: Mapping[float, float] = field(default_factory=dict)
    """The longest of all runs that succeeded, by the cores they had."""

    @classmethod
    def of(cls, spec: BenchmarkSpec, past: Iterable[Past]) -> Experience:
        """From the runs that have ended. Failures count where the cell has succeeded too: alone they say little."""
        listed = list(past)
        succeeded = {summary.key(one.cell) for one in listed if one.cell is not None and one.succeeded}
        by_cell: dict[summary.CellKey, float] = {}
        by_cores: dict[float, float] = {}
        for one in listed:
            key = summary.key(one.cell) if one.cell is not None else None
            if key is not None and key in succeeded:
                by_cell[key] = max(one.held_s, by_cell.get(key, 0.0))
            if one.succeeded:
                by_cores[one.cores] = max(one.held_s, by_cores.get(one.cores, 0.0))
        return cls(spec, by_cell, by_cores)

    def expected(self, run: PlannedRun) -> Expected:
        """For a run of this cell: as long as its own longest; else as the longest of any, were its work done on so
        many cores fewer; else as long as the limits let it."""
        per_hour = cost.gang_per_hour(self.spec.workload, run.shape)
        seconds, basis = longest_s(self.spec), Basis.LIMITS
        own_s = self.by_cell.get(summary.key(run.cell))
        if own_s is not None:
            seconds, basis = own_s, Basis.CELL
        elif self.by_cores:
            have = cores(run.shape)
            scaled_s = max(held * max(1.0, with_cores / have) for with_cores, held in self.by_cores.items())
            seconds, basis = min(scaled_s, seconds), Basis.OTHERS
        return Expected(seconds, cost.of_time(per_hour, seconds), basis)

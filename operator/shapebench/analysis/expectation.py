"""What a run will take, judged by those that have ended: pure, for the budget, the status and `shapebench plan`.

Time here is time for which nodes are held: from a pod's place on a node to its program's end, start-up included.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from shapebench.analysis import summary
from shapebench.api import cost, phases, quantity
from shapebench.api.benchmark import BenchmarkSpec, Shape
from shapebench.api.record import Cell, Phase, RunRecord
from shapebench.api.run import RunStatus
from shapebench.plan.expand import PlannedRun

Ended = RunRecord | RunStatus
"""What is asked of a run here, its record and its status both tell."""


class Basis(Enum):
    """What an expectation rests on."""

    CELL = "runs of this cell"
    OTHERS = "runs of other cells"
    LIMITS = "limits.startTimeout and limits.runTimeout"


@dataclass(frozen=True)
class Expected:
    """How long a run holds its nodes, and takes by the clock; what it costs (None: not priced); how that is known."""

    held_s: float
    wall_s: float
    cost: float | None
    basis: Basis


@dataclass(frozen=True)
class Past:
    """A run that has ended: its cell, the total cores of its workers, and how long it held them.

    `cell` is None where the run was of no cell of this Benchmark: its shape had another size. `wall_s` is the time from
    when nothing held it back until its end: a driver that waits for its executors takes time while few nodes are held.
    """

    cell: Cell | None
    cores: float
    held_s: float
    succeeded: bool
    wall_s: float = 0.0


class Took(NamedTuple):
    """How long a run held its nodes, and how long it took by the clock."""

    held_s: float
    wall_s: float

    def or_longer(self, other: Took | None) -> Took:
        """The longer of each of the two."""
        return self if other is None else Took(max(self.held_s, other.held_s), max(self.wall_s, other.wall_s))


def held_s(run: Ended, price_per_hour: float | None) -> float | None:
    """How long the run held its gang's nodes, all attempts together; None where that cannot be told.

    What was spent says it best, at the price that the run was made at. One that was made for nothing tells its times.
    """
    paid = spent(run) if run.cost_spent is not None else None
    if paid and price_per_hour:
        return paid / price_per_hour * cost.HOUR_S
    start_s = next((one for one in (run.times.scheduled_s, run.times.admitted_s, run.times.created_s)
                    if one is not None), None)
    if start_s is None or run.times.finished_s is None:
        return None
    return max(0.0, run.times.finished_s + after_s(run) - start_s)


def wall_s(run: Ended) -> float:
    """How long the run's last attempt took by the clock, without its time in a queue; 0 where that cannot be told."""
    parts = phases.of_times(run.times)
    return (parts.startup_s or 0.0) + (run.duration_s or 0.0) + after_s(run)


def after_s(run: Ended) -> float:
    """How long programs went on after the measured part, by the pods' clocks; 0 where no record of a pod tells it."""
    if run.times.finished_s is None or not isinstance(run, RunRecord):
        return 0.0
    ends = (pod.program_finished_s or pod.last_reading_s for pod in run.pods)
    return max(0.0, max((end for end in ends if end is not None), default=0.0) - run.times.finished_s)


def spent(run: Ended) -> float | None:
    """What the run cost until now; of one that an older version made only the measured part is known.

    Never below 0: a clock that was set back gives no money back, and a budget must not grow by it.
    """
    known = run.cost_spent if run.cost_spent is not None else run.cost
    return None if known is None else max(0.0, known)


def of_record(spec: BenchmarkSpec, record: RunRecord) -> Past | None:
    """The run as experience of the spec; None where it cannot be told how long it was."""
    shape = next((one for one in spec.shapes if one.name == record.cell.shape), None)
    files_price = cost.gang_per_hour(spec.workload, shape) if shape else None
    seconds = held_s(record, _own_price_per_hour(record) or files_price)
    if seconds is None:
        return None
    same = shape is not None and (record.workers, record.cpu, record.memory_bytes) == (
        shape.workers, quantity.cpu_cores(shape.cpu), quantity.memory_bytes(shape.memory))
    return Past(record.cell if same else None, record.workers * record.cpu, seconds, record.phase is Phase.SUCCEEDED,
                wall_s(record))


def _own_price_per_hour(record: RunRecord) -> float | None:
    """What its gang cost when it was made: another file may give another price. A status rounds both figures, too
    much for this; a Benchmark's prices are fixed anyway."""
    return record.cost / record.duration_s * cost.HOUR_S if record.cost and record.duration_s else None


def by_the_clock_s(runs_s: Iterable[float], at_once: int) -> float:
    """How long runs of these lengths take, started in this order, each as soon as fewer than `at_once` go on."""
    ends: list[float] = []
    for run_s in runs_s:
        heapq.heappush(ends, (heapq.heappop(ends) if len(ends) >= at_once else 0.0) + run_s)
    return max(ends, default=0.0)


def cores(shape: Shape) -> float:
    """Of all its workers."""
    return shape.workers * quantity.cpu_cores(shape.cpu)


def longest_s(spec: BenchmarkSpec) -> float:
    """How long one attempt may hold its nodes at most."""
    return float(quantity.duration_s(spec.limits.start_timeout) + quantity.duration_s(spec.limits.run_timeout))


@dataclass(frozen=True)
class Experience:
    """What is known of a Benchmark's runs so far. Expectations are on the safe side: of what was seen, the longest."""

    spec: BenchmarkSpec
    by_cell: Mapping[summary.CellKey, Took] = field(default_factory=dict)
    """The longest of each cell that has succeeded once."""
    failed: Mapping[summary.CellKey, Took] = field(default_factory=dict)
    """The longest of each other cell that has ended: its next run may take as long again."""
    by_cores: Mapping[float, Took] = field(default_factory=dict)
    """The longest of all runs that succeeded, by the cores they had."""

    @classmethod
    def of(cls, spec: BenchmarkSpec, past: Iterable[Past]) -> Experience:
        """From the runs that have ended. A failure says how long a run may be, never that it will not be longer."""
        listed = list(past)
        succeeded = {summary.key(one.cell) for one in listed if one.cell is not None and one.succeeded}
        by_cell: dict[summary.CellKey, Took] = {}
        failed: dict[summary.CellKey, Took] = {}
        by_cores: dict[float, Took] = {}
        for one in listed:
            took = Took(one.held_s, max(one.held_s, one.wall_s))
            key = summary.key(one.cell) if one.cell is not None else None
            if key is not None:
                known = by_cell if key in succeeded else failed
                known[key] = took.or_longer(known.get(key))
            if one.succeeded:
                by_cores[one.cores] = took.or_longer(by_cores.get(one.cores))
        return cls(spec, by_cell, failed, by_cores)

    def expected(self, run: PlannedRun) -> Expected:
        """For a run of this cell: as long as its own longest; else as the longest of any, were its work done on so
        many cores fewer; else as long as the limits let it. The last two no shorter than its own longest failure."""
        per_hour = cost.gang_per_hour(self.spec.workload, run.shape)
        most_s = longest_s(self.spec)
        took, basis = Took(most_s, most_s), Basis.LIMITS
        own = self.by_cell.get(summary.key(run.cell))
        if own is not None:
            took, basis = own, Basis.CELL
        elif self.by_cores:
            took, basis = self._scaled(cores(run.shape), most_s), Basis.OTHERS
        failed = self.failed.get(summary.key(run.cell))
        if failed is not None:
            took, basis = failed.or_longer(took), Basis.CELL if failed.held_s >= took.held_s else basis
        return Expected(took.held_s, took.wall_s, cost.of_time(per_hour, took.held_s), basis)

    def _scaled(self, have: float, most_s: float) -> Took:
        longest = Took(0.0, 0.0)
        for had, took in self.by_cores.items():
            factor = max(1.0, had / have)
            longest = longest.or_longer(Took(took.held_s * factor, took.wall_s * factor))
        return Took(min(most_s, longest.held_s), min(most_s, longest.wall_s))

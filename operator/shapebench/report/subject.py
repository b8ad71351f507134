"""What a report is about, besides the runs themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shapebench.analysis import budget, prices
from shapebench.analysis.summary import Goal
from shapebench.api.benchmark import Benchmark, BenchmarkSpec, Objective
from shapebench.api.fields import scalar_text
from shapebench.api.record import Cell, RunRecord
from shapebench.api.status import BenchmarkPhase
from shapebench.plan import expand

_STATES = {BenchmarkPhase.PENDING: "not yet begun", BenchmarkPhase.RUNNING: "still running",
           BenchmarkPhase.SUSPENDED: "suspended"}
_UNTOLD = ("compared by duration, because these records are of an older version and do not tell the Benchmark's "
           "objective: while it is on the cluster, report it by its name alone.")


@dataclass(frozen=True)
class Subject:
    """The Benchmark's name, what it compares by, and facts for the reader.

    `planned` is None and `cells` empty where only the runs are known, `phase` is None where no operator tells it.
    `facts` are pairs of a name and a text.
    """

    name: str
    metric: str = "duration"
    goal: Goal = "Minimize"
    planned: int | None = None
    cells: tuple[Cell, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    budget: float | None = None
    phase: BenchmarkPhase | None = None

    @property
    def unfinished(self) -> str:
        """How the Benchmark stands that has runs to come: `still running`; empty where none are known to come."""
        return "" if self.phase is None else _STATES.get(self.phase, "")


def of_benchmark(benchmark: Benchmark, remarks: Sequence[str] = (), phase: BenchmarkPhase | None = None) -> Subject:
    """The subject of a Benchmark whose spec is at hand."""
    spec = benchmark.spec
    cells = expand.cells(spec)
    planned = len(cells) * (spec.repetitions.count + spec.repetitions.warmups)
    return Subject(benchmark.metadata.name, spec.objective.metric, spec.objective.goal, planned, cells, _facts(spec),
                   (*remarks, *_prices(spec)), budget.limit(spec), phase)


def of_records(records: Sequence[RunRecord]) -> Subject:
    """The subject of runs whose Benchmark is not at hand: compared by what the newest of them tells, else by duration.

    Raises ValueError without any run.
    """
    if not records:
        raise ValueError("there are no runs to report on")
    name = records[0].benchmark
    # A file for the local backend may go on with another objective than it began with.
    told = max(records, key=lambda one: (one.objective is not None, one.times.created_s or 0.0)).objective
    if told is None:
        return Subject(name, remarks=(_UNTOLD,))
    return Subject(name, told.metric, told.goal, facts=(("Objective", _objective(told)),))


def _facts(spec: BenchmarkSpec) -> tuple[tuple[str, str], ...]:
    program = spec.workload.program
    if program.job is not None:
        what = f"the shipped job {program.job}"
    elif spec.workload.spark is not None:
        what = spec.workload.spark.application or ""
    else:
        what = " ".join(spec.workload.tensorflow.command if spec.workload.tensorflow else ())
    facts = [
        ("Workload", f"{'Spark' if spec.workload.kind == 'spark' else 'TensorFlow'}: {what}"),
        ("Arguments", " ".join(program.arguments)),
        ("Shapes", "; ".join(f"{shape.name}: {shape.workers} × {shape.cpu} CPU, {shape.memory}"
                             for shape in spec.shapes)),
        ("Parameters", "; ".join(f"{one.name}: {', '.join(map(scalar_text, one.values))}"
                                 for one in spec.parameters)),
        ("Repetitions", _repetitions(spec)),
        ("Objective", _objective(spec.objective)),
    ]
    return tuple((name, text) for name, text in facts if text)


def _objective(one: Objective) -> str:
    return (f"{one.metric}, the {'least' if one.goal == 'Minimize' else 'most'} is best; cells are compared by the "
            "median over their valid runs")


def _prices(spec: BenchmarkSpec) -> Iterator[str]:
    if len(without := prices.missing(spec)) == len(spec.shapes):
        yield f"the driver's pricePerHour counts only with that of a shape: nothing is known of what {without[0]} costs"


def _repetitions(spec: BenchmarkSpec) -> str:
    count, warmups = spec.repetitions.count, spec.repetitions.warmups
    order = "in random order within each block" if spec.order.kind == "RandomizedBlocks" else "in the file's order"
    warm = f", after {warmups} that no statistics see" if warmups else ""
    return f"{count} of each cell{warm}, {order} (seed {spec.order.seed})"

"""The local backend: makes a Benchmark's planned runs one by one on this machine, and goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from shapebench.analysis import peers, summary, validity
from shapebench.analysis.budget import Ledger, Stop
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Phase, RunRecord
from shapebench.local import attempt, java, spark
from shapebench.local.attempt import Place
from shapebench.local.context import Machine
from shapebench.local.store import Store
from shapebench.plan import expand


class Listener(Protocol):
    """Who is told how it goes: the terminal."""

    def planned(self, benchmark: str, runs: int, already: int) -> None:
        """So many runs are planned, and so many of them were made earlier."""

    def started(self, run: expand.PlannedRun) -> None:
        """A run starts."""

    def running(self, elapsed_s: float) -> None:
        """The current run goes on; called some times a second."""

    def ended(self, run: expand.PlannedRun, record: RunRecord) -> None:
        """A run has ended."""

    def skipped(self, run: expand.PlannedRun) -> None:
        """A run is left out: its cell has failed as often as limits.failuresPerCell says."""

    def stopped(self, stop: Stop) -> None:
        """The budget lets no further run start."""


@dataclass(frozen=True)
class Result:
    """What there is after the last run, after Ctrl-C (`interrupted`) or where the budget ended (`stop`), in the order
    of the plan."""

    benchmark: Benchmark
    records: tuple[RunRecord, ...]
    planned: int
    skipped: int
    interrupted: bool = False
    stop: Stop | None = None


Execute = Callable[[Benchmark, expand.PlannedRun, Place, Callable[[float], None]], RunRecord]


def prepared(machine: Machine, benchmark: Benchmark) -> Machine:
    """The machine with what the workload needs. Raises JavaNotFoundError or SparkMissingError, before any run."""
    if benchmark.spec.workload.spark is None:
        return machine
    spark.installation()
    return replace(machine, java=machine.java or java.find(machine.environ))


def run(benchmark: Benchmark, machine: Machine, store: Store, listener: Listener,
        execute: Execute = attempt.execute) -> Result:
    """Make all runs that the store does not have yet. A Ctrl-C ends the current run, which then counts as not made.

    Raises ChangedError before the next run when somebody edits the program meanwhile.
    """
    plan = expand.runs(benchmark.metadata.name, benchmark.spec)
    records = _loaded(store, benchmark, plan)
    listener.planned(benchmark.metadata.name, len(plan), len(records))
    place = Place(machine, store.logs)
    skipped, interrupted, stop = 0, False, None
    try:
        for number, planned in enumerate(plan):
            if planned.name in records:
                continue
            given_up = summary.given_up((one.cell for one in records.values() if one.phase is Phase.FAILED),
                                        benchmark.spec.limits.failures_per_cell)
            if summary.key(planned.cell) in given_up:
                skipped += 1
                listener.skipped(planned)
                continue
            left = [one for one in plan[number:] if one.name not in records]
            waiting = [one for one in left if summary.key(one.cell) not in given_up]
            stop = Ledger.of_records(benchmark.spec, records.values()).stop(waiting)
            if stop is not None:
                skipped += len(left)
                listener.stopped(stop)
                break
            store.check(benchmark)
            listener.started(planned)
            made = execute(benchmark, planned, place, listener.running)
            record = validity.judged(made, benchmark.spec.validity, [peers.of_record(one) for one in records.values()])
            store.save(record)
            records[planned.name] = record
            listener.ended(planned, record)
    except KeyboardInterrupt:
        interrupted = True
    ordered = tuple(records[planned.name] for planned in plan if planned.name in records)
    return Result(benchmark, ordered, len(plan), skipped, interrupted, stop)


def _loaded(store: Store, benchmark: Benchmark, plan: Iterable[expand.PlannedRun]) -> dict[str, RunRecord]:
    """What was made earlier, judged by the bounds that the file has now."""
    found = store.load(planned.name for planned in plan)
    records = {record.run: record for record in validity.all_judged(found.values(), benchmark.spec.validity)}
    for name, record in records.items():
        if record != found[name]:
            store.save(record)
    return records

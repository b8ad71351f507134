"""The runs that came before, as far as a run is compared with them: what they ran on, how long they waited for disk.

Light values rather than records: the operator has BenchmarkRuns, whose statuses keep a record's environment as texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shapebench.analysis import nodes, summary
from shapebench.api.record import Cell, RunRecord, Verdict
from shapebench.api.run import BenchmarkRun

IO_PRESSURE = "io_pressure_share"
"""Name in RunRecord.environment: the largest share of the time for which one of the run's pods waited for the disk."""


@dataclass(frozen=True)
class Peer:
    """A run that has ended."""

    run: str
    cell: Cell
    verdict: Verdict
    finished_s: float
    node_types: nodes.Types
    images: Mapping[str, str]
    io_pressure: float | None


def of_record(record: RunRecord) -> Peer:
    """The record as a peer."""
    return _peer(record.run, record.cell, record.verdict, record.times.finished_s, record.environment, record.images)


def of_runs(runs: Iterable[BenchmarkRun]) -> tuple[Peer, ...]:
    """Those of the Benchmark's runs that have ended."""
    return tuple(_peer(run.metadata.name, Cell(shape=run.spec.shape, parameters=run.spec.parameters),
                       run.status.verdict, run.status.times.finished_s, run.status.environment, run.status.images)
                 for run in runs if run.status.verdict is not None)


def reference(peers: Iterable[Peer], knows: Callable[[Peer], bool]) -> Peer | None:
    """The run that the others are held to: of those that count and know the matter, the one that ended first.

    It stays the same however many come after it, so that no verdict hangs on a run that is still open.
    """
    counted = [peer for peer in peers if peer.verdict is Verdict.VALID and knows(peer)]
    return min(counted, key=lambda peer: (peer.finished_s, peer.run), default=None)


def least_io_pressure(peers: Iterable[Peer], cell: Cell) -> float | None:
    """What waiting for the disk comes to in the cell when nothing disturbs it, as far as is known: its least so far."""
    key = summary.key(cell)
    known = [peer.io_pressure for peer in peers if peer.io_pressure is not None and summary.key(peer.cell) == key
             and peer.verdict is not Verdict.FAILED]
    return min(known, default=None)


def _peer(run: str, cell: Cell, verdict: Verdict, finished_s: float | None, environment: Mapping[str, str],
          images: Mapping[str, str]) -> Peer:
    told = environment.get(IO_PRESSURE, "")
    return Peer(run, cell, verdict, finished_s or 0.0, nodes.read(environment.get(nodes.NODE_TYPES, "")), images,
                float(told) if told.replace(".", "", 1).isdecimal() else None)

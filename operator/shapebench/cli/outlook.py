"""What `shapebench plan` gathers: the files' Benchmarks, runs to judge by, the cluster's nodes, and what to remark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from shapebench.analysis import forecast as forecasting
from shapebench.analysis.forecast import Forecast
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import RunRecord
from shapebench.cli import sources, terminal
from shapebench.cli.run import DEFAULT_OUTPUT
from shapebench.local import command, manifest
from shapebench.local import remarks as local_remarks
from shapebench.local.store import Store
from shapebench.plan import acceptance, placement
from shapebench.plan.placement import Node
from shapebench.report import plan as plan_report


@dataclass(frozen=True)
class Earlier:
    """Runs to judge by: where they are from, and what keeps them from saying much."""

    records: Sequence[RunRecord]
    source: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Nodes:
    """The nodes of the cluster; None where they may not be listed."""

    known: tuple[Node, ...] | None


@dataclass(frozen=True)
class Outlook:
    """One Benchmark's plan."""

    forecast: Forecast
    basis: str
    remarks: tuple[str, ...]

    @property
    def startable(self) -> bool:
        """Whether the budget lets a run start."""
        return self.forecast.affordable != 0

    def table(self) -> RenderableType:
        """For a person."""
        return plan_report.terminal(self.forecast, self.basis, self.remarks)

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return plan_report.as_dict(self.forecast, self.basis, self.remarks)


def benchmarks(files: Sequence[Path]) -> tuple[Benchmark, ...]:
    """The files' Benchmarks; refuses with every problem of every file."""
    found: list[Benchmark] = []
    problems: list[str] = []
    for file in files:
        try:
            loaded = manifest.load(file)
        except manifest.ManifestError as error:
            problems += command.lines(error)
            continue
        names = {one.metadata.name for one in found}
        problems += [f"{file}: metadata.name: an earlier file has a Benchmark {one.metadata.name} too; rename one"
                     for one in loaded if one.metadata.name in names]
        found += loaded
    if problems:
        terminal.refuse(*problems)
    return tuple(found)


def earlier(source: str, namespace: str | None, context: str | None) -> Earlier:
    """The runs that --from names; refuses where there are none."""
    _, records = sources.load(source, namespace, context)
    if not records:
        terminal.refuse(f"--from {source}: no run has ended yet, so there is nothing to judge by")
    return Earlier(records, source)


def left_by_run(benchmark: Benchmark) -> Earlier:
    """What `shapebench run` left of a Benchmark of this name in its default folder; none is fine."""
    store = Store(DEFAULT_OUTPUT / benchmark.metadata.name)
    records = store.all()
    changed = store.changed(benchmark) if records and store.about() else ()
    said = (f"the runs in {store.folder} were made before {' and '.join(changed)} changed",) if changed else ()
    return Earlier(records, str(store.folder), said)


def nodes(context: str | None) -> Nodes:
    """The cluster's nodes; refuses where there is no cluster."""
    from shapebench.kube import nodes as kube_nodes
    from shapebench.kube.errors import KubeError

    try:
        return Nodes(kube_nodes.load(context))
    except KubeError as error:
        terminal.refuse(f"{error}")


def of(benchmark: Benchmark, past: Earlier, cluster: Nodes | None) -> Outlook:
    """The plan of one Benchmark."""
    forecast = forecasting.of(benchmark, past.records)
    basis = plan_report.by_backend([record.backend for record in past.records], past.source)
    here = tuple(f"`shapebench run` would refuse it: {problem}" for problem in local_remarks.problems(benchmark))
    known = forecast.all is not None
    return Outlook(forecast, basis if known else "", (
        *acceptance.remarks(benchmark.spec), *(past.remarks if known else ()), *forecasting.remarks(forecast),
        *_room(benchmark, cluster), *here))


def _room(benchmark: Benchmark, cluster: Nodes | None) -> tuple[str, ...]:
    if cluster is None:
        return ()
    if cluster.known is None:
        return ("this account may not list nodes, so it is not known whether every shape has room on one",)
    return placement.remarks(benchmark.spec, cluster.known)

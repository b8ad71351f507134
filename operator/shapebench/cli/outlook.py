"""What `shapebench plan` gathers: the files' Benchmarks, the cluster's nodes, and what to remark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from shapebench.analysis import forecast as forecasting
from shapebench.analysis.forecast import Forecast
from shapebench.cli import past_runs, terminal
from shapebench.cli.past_runs import Usable
from shapebench.local import manifests
from shapebench.local import remarks as local_remarks
from shapebench.local.manifests import Contents, Found
from shapebench.plan import acceptance, placement
from shapebench.plan.placement import Node
from shapebench.report import plan as plan_report
from shapebench.report import unmarked


@dataclass(frozen=True)
class Nodes:
    """The nodes of the cluster; None where they may not be listed."""

    known: tuple[Node, ...] | None


@dataclass(frozen=True)
class Outlook:
    """One Benchmark's plan."""

    file: Path
    forecast: Forecast
    basis: str
    remarks: tuple[str, ...]
    no_room: tuple[str, ...]
    """A line for each shape whose pods do not fit on the cluster's nodes."""

    @property
    def startable(self) -> bool:
        """Whether the budget lets a run start, and all shapes fit on the nodes that are known."""
        return self.forecast.affordable != 0 and not self.no_room

    def table(self) -> RenderableType:
        """For a person."""
        return plan_report.terminal(self.forecast, self.basis, self.remarks, self.no_room)

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {"file": str(self.file),
                **plan_report.as_dict(self.forecast, self.basis, self.remarks, self.no_room)}


def contents(sources: Sequence[Path]) -> Contents:
    """The Benchmarks of files and folders; refuses with every problem of every file."""
    found = manifests.read(sources)
    if found.problems:
        terminal.refuse(*found.problems)
    return found


def nodes(context: str | None, source: str | None) -> Nodes:
    """The cluster's nodes; refuses where there is no cluster. `source`: what --from names there."""
    from shapebench.kube import nodes as kube_nodes
    from shapebench.kube.errors import KubeError

    try:
        return Nodes(kube_nodes.load(context))
    except KubeError as error:
        terminal.refuse(f"{error}" if source is None else past_runs.neither(source, f"{error}"))


def of(one: Found, among: Contents, past: Usable, cluster: Nodes | None) -> Outlook:
    """The plan of one Benchmark of those that are planned together."""
    benchmark = one.benchmark
    forecast = forecasting.of(benchmark, past.records)
    basis = plan_report.by_backend([record.backend for record in past.records], past.source)
    remarks = [*past.remarks, *acceptance.cluster_remarks(benchmark.spec), *forecasting.remarks(forecast)]
    remarks += filter(None, [unmarked.remark(benchmark.spec)])
    no_room: tuple[str, ...] = ()
    if cluster is not None and cluster.known is not None:
        no_room = placement.remarks(benchmark.spec, cluster.known)
    elif cluster is not None:
        remarks.append("this account may not list nodes, so it is not known whether every shape has room on one")
    remarks += (f"on this machine: `shapebench run` would refuse it: {problem}"
                for problem in local_remarks.problems(benchmark))
    remarks += (f"{other.file} has a Benchmark {one.name} too: in one namespace, or in one `shapebench run`, "
                "there can be only one of them" for other in among.namesakes(one))
    return Outlook(one.file, forecast, basis if forecast.all is not None else "", tuple(remarks), no_room)

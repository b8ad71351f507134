"""`shapebench plan`: what a Benchmark will take, before anything of it starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from shapebench.cli import sources, terminal
from shapebench.cli.run import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from shapebench.cli.outlook import Outlook


class Form(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"


def plan(
    file: Annotated[list[Path], typer.Argument(
        metavar="FILE|DIR...", help="YAML with one or more Benchmarks, or folders of such files")],
    earlier: Annotated[str | None, typer.Option(
        "--from", metavar="NAME|PATH|URL", help="judge by these runs: of a Benchmark on the cluster, a runs.json (or "
        f"its folder), or a results store; default: what `shapebench run` left in {DEFAULT_OUTPUT}/")] = None,
    namespace: Annotated[str | None, typer.Option(
        "--namespace", "-n", metavar="NAMESPACE", help="of the Benchmark that --from names; default: the context's")
    ] = None,
    context: Annotated[str | None, typer.Option(
        metavar="CONTEXT", help="of the kubeconfig (KUBECONFIG): tell which shapes its nodes have no room for")] = None,
    form: Annotated[Form, typer.Option("--format", help="a table to read, or JSON for a program")] = Form.TABLE,
) -> None:
    """Say what Benchmarks will take before anything starts: cells, runs, shapes, time, money, order.

    Nothing is started and nothing is written. A file is refused for the same
    reasons as by `kubectl apply`.

    Time and money are judged by runs that have ended: a cell by its own runs,
    or, if it has none, by those of the file's other cells. Runs of other
    shapes, sizes or parameters are left out, and the plan says so. Without any
    runs it tells the most that limits and prices allow.

    Exit code: 0 when every Benchmark can start; 1 when one cannot (its budget
    lets no run start, or a shape has no room on the cluster's nodes, even if
    nothing else ran there); 2 for wrong input.

    Examples:

        shapebench plan manifests/examples/read-speed.yaml
        shapebench plan manifests/examples manifests/examples/local
        shapebench plan my.yaml --from read-speed --context kind-shapebench
        shapebench plan my.yaml --from build/runs/read-speed --format json
    """
    found = _found(file, earlier, namespace, context)
    _print(found, form)
    if not all(one.startable for one in found):
        raise typer.Exit(terminal.EXIT_NO_ANSWER)


def _found(files: Sequence[Path], earlier: str | None, namespace: str | None, context: str | None) -> list[Outlook]:
    from shapebench.cli import outlook, past_runs

    on_cluster = earlier if earlier is not None and not sources.is_path(earlier) else None
    if namespace is not None and on_cluster is None:
        terminal.refuse("--namespace says where the Benchmark of --from NAME is: give --from NAME, or leave it out")
    contents = outlook.contents(files)
    nodes = outlook.nodes(context, on_cluster) if context is not None or on_cluster is not None else None
    if earlier is None:
        return [outlook.of(one, contents, past_runs.left_by_run(one.benchmark), nodes) for one in contents.found]
    given = past_runs.named(earlier, namespace, context)
    past_runs.refuse_strangers(given, [one.benchmark for one in contents.found])
    return [outlook.of(one, contents, past_runs.judged_by(given, one.benchmark), nodes) for one in contents.found]


def _print(found: Sequence[Outlook], form: Form) -> None:
    if form is Form.JSON:
        sys.stdout.write(json.dumps([one.as_dict() for one in found], indent=2) + "\n")
        return
    console = terminal.console()
    several = len({one.file for one in found}) > 1
    for number, one in enumerate(found):
        of_file = [Text(f"{one.file}", style="dim")] if several else []
        console.print(*([Text()] if number else []), *of_file, one.table(), sep="\n")

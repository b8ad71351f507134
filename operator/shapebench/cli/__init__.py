"""The command line: run a Benchmark on this machine, report on runs made here or on a cluster.

Each command is a module of its own, which imports what it needs when it is called: `--help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from shapebench import __version__
from shapebench.cli import export, plan, report, run

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False,
    help="Which cluster shape should my Spark or TensorFlow work run on? An answer with evidence.",
    epilog="On a cluster a Benchmark is run by `kubectl apply -f FILE`; `shapebench report NAME` shows its results.")

app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("report")(report.report)
app.command("export")(export.export)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _print_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def options(_version: Annotated[bool, typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print the version and exit.")] = False) -> None:
    """Options before the command."""

"""The command line: run a Benchmark on this machine, report on runs made here or on a cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False,
                  help="Which cluster shape should my Spark or TensorFlow work run on?")

EXIT_NO_ANSWER = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML with one or more Benchmarks")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="results go to DIR/BENCHMARK/")] = Path("build/runs"),
    fresh: Annotated[bool, typer.Option("--fresh", help="repeat runs that were made earlier")] = False,
) -> None:
    """Run Benchmarks on this machine, with processes instead of pods.

    Every run is kept as soon as it is made: after Ctrl-C the same command goes on where it stopped.
    Leaves report.html, runs.csv, runs.json and logs/ in DIR/BENCHMARK/.

    Exit code: 0 when every Benchmark has an answer, 1 when one has no valid run, 2 for wrong input,
    130 after Ctrl-C.

    Examples:

        shapebench run manifests/examples/demo/read-speed.yaml

        shapebench run my.yaml --output /tmp/results --fresh
    """
    from shapebench.local import command

    console = Console(highlight=False)
    try:
        with _terminable():
            results = command.run(file, output, fresh, os.environ, console)
    except command.USER_ERRORS as error:
        _refuse(command.lines(error))
    if any(result.interrupted for result in results):
        again = f"shapebench run {file}" + (f" --output {output}" if output != Path("build/runs") else "")
        console.print(Text(f"\nStopped. Nothing that was made is lost; to go on: {again}", style="yellow"))
        raise typer.Exit(EXIT_INTERRUPTED)
    if not all(command.answered(result) for result in results):
        raise typer.Exit(EXIT_NO_ANSWER)


@app.command()
def version() -> None:
    """Print the version."""
    try:
        print(metadata.version("shapebench"))
    except metadata.PackageNotFoundError:
        print("not installed: running from its source folder")


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the current run as Ctrl-C does, instead of leaving its processes behind."""
    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse(problems: tuple[str, ...]) -> NoReturn:
    """Say what is wrong with the input and how to mend it, without a traceback."""
    for problem in problems:
        print(f"shapebench: {problem}", file=sys.stderr)
    raise typer.Exit(EXIT_WRONG_INPUT)

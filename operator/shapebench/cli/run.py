"""`shapebench run`: a Benchmark on this machine."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.text import Text

from shapebench.cli import started, terminal

DEFAULT_OUTPUT = Path("build/runs")
"""Where results go, and where later commands look for them."""


def run(
    file: Annotated[list[Path], typer.Argument(
        metavar="FILE|DIR...", help="YAML with one or more Benchmarks, or folders of such files")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="results go to DIR/BENCHMARK/")] = DEFAULT_OUTPUT,
    fresh: Annotated[bool, typer.Option("--fresh", help="repeat runs that were made earlier")] = False,
) -> None:
    """Run Benchmarks on this machine, with processes instead of pods.

    All files are checked first: nothing starts while one of them is wrong.
    Every run is kept as soon as it is made, so after Ctrl-C the same command
    goes on where it stopped. DIR/BENCHMARK/ then has report.html, runs.csv,
    runs.json and logs/.

    Exit code: 0 when every Benchmark has an answer; 1 when one has no valid
    run; 2 for wrong input; 130 after Ctrl-C.

    Examples:

        shapebench run manifests/examples/demo/read-speed.yaml
        shapebench run my.yaml --output /tmp/results --fresh
    """
    from shapebench.local import command

    console = terminal.console()
    try:
        with _terminable():
            results = command.run(file, output, fresh, os.environ, console)
    except command.RefusedError as error:
        terminal.refuse(*error.lines)
    again = f"{started.command()} {shlex.join(['run', *map(str, file), '--output', str(output)])}"
    if any(result.interrupted for result in results):
        console.print(Text(f"\nStopped. Nothing that was made is lost; to go on: {again}", style="yellow"),
                      soft_wrap=True)
        raise typer.Exit(terminal.EXIT_INTERRUPTED)
    if any(result.stop for result in results):
        console.print(Text(f"\nOnce limits.budget is raised, this makes the rest: {again}", style="yellow"),
                      soft_wrap=True)
    if not all(command.answered(result) for result in results):
        raise typer.Exit(terminal.EXIT_NO_ANSWER)


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

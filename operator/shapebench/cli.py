"""The command line: run a Benchmark on this machine, report on runs made here or on a cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from shapebench import __version__

if TYPE_CHECKING:
    from shapebench.api.record import RunRecord
    from shapebench.report.subject import Subject

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False,
    help="Which cluster shape should my Spark or TensorFlow work run on? An answer with evidence.",
    epilog="On a cluster a Benchmark is run by `kubectl apply -f FILE`; `shapebench report NAME` shows its results.")

EXIT_NO_ANSWER = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130

_PLAIN_WIDTH = 160
"""Columns where the output is no terminal: a table in a log is better long than broken."""


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


@app.command()
def run(
    file: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML with one or more Benchmarks")],
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

    console = _console()
    try:
        with _terminable():
            results = command.run(file, output, fresh, os.environ, console)
    except command.USER_ERRORS as error:
        _refuse(*command.lines(error))
    if any(result.interrupted for result in results):
        again = " ".join(["shapebench run", *map(str, file), "--output", str(output)])
        console.print(Text(f"\nStopped. Nothing that was made is lost; to go on: {again}", style="yellow"))
        raise typer.Exit(EXIT_INTERRUPTED)
    if not all(command.answered(result) for result in results):
        raise typer.Exit(EXIT_NO_ANSWER)


@app.command()
def report(
    source: Annotated[str, typer.Argument(
        metavar="NAME|PATH", help="a Benchmark on the cluster, or a runs.json (or its folder)")],
    namespace: Annotated[str | None, typer.Option(
        "--namespace", "-n", metavar="NAMESPACE", help="default: the context's")] = None,
    context: Annotated[str | None, typer.Option(metavar="CONTEXT", help="of the kubeconfig (KUBECONFIG)")] = None,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="write files there instead of printing")] = None,
    form: Annotated[Format | None, typer.Option(
        "--format", help="what to print (default: table), or the one file to write (default: all)")] = None,
) -> None:
    """Report on a Benchmark's runs: as a table, HTML, CSV or JSON.

    Whatever has a / or ends in .json is a path; all else is the name of a Benchmark on the cluster.

    Examples:

        shapebench report read-speed

        shapebench report read-speed -n team-a --context kind-shapebench --output results

        shapebench report build/demo/read-speed/runs.json --format csv > runs.csv
    """
    subject, records = _from_path(Path(source)) if _is_path(source) else _from_cluster(source, namespace, context)
    if not records:
        _refuse(f"{source}: no run has ended yet, so there is nothing to report")
    if output is not None:
        _write(output, subject, records, form)
    else:
        _print(subject, records, form or Format.TABLE)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _is_path(source: str) -> bool:
    return "/" in source or source.endswith(".json") or source == "."


def _from_path(path: Path) -> tuple[Subject, list[RunRecord]]:
    """The runs of a runs.json, with what `shapebench run` left about their Benchmark beside it."""
    from pydantic import ValidationError

    from shapebench.local.store import Store
    from shapebench.report import files, subject

    file = path / files.JSON if path.is_dir() else path
    try:
        records = files.from_json(file.read_text())
    except OSError as error:
        _refuse(f"{file}: {error.strerror}; give a runs.json, or the folder that has one")
    except ValidationError as error:
        first = error.errors()[0]
        _refuse(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}; is it a runs.json of this version?")
    except ValueError as error:
        _refuse(f"{file}: is not JSON: {error}")
    about = Store(file.parent).about()
    if about is not None and records and about[0].metadata.name == records[0].benchmark:
        return subject.of_benchmark(*about), records
    return (subject.of_records(records) if records else subject.Subject(str(file))), records


def _from_cluster(name: str, namespace: str | None, context: str | None) -> tuple[Subject, list[RunRecord]]:
    """The Benchmark and its runs' records, read from the cluster."""
    from pydantic import ValidationError

    from shapebench.api.benchmark import Benchmark
    from shapebench.kube import records as kube_records
    from shapebench.kube.errors import KubeError
    from shapebench.plan import acceptance
    from shapebench.report import subject

    try:
        body, records = kube_records.load(namespace, name, context)
        benchmark = Benchmark.model_validate(body)
    except KubeError as error:
        _refuse(f"{error}")
    except ValidationError as error:
        _refuse(f"Benchmark {name} was written by another version of Shapebench: {error.errors()[0]['msg']}")
    return subject.of_benchmark(benchmark, acceptance.remarks(benchmark.spec)), records


def _write(folder: Path, subject: Subject, records: list[RunRecord], form: Format | None) -> None:
    from shapebench.report import files

    if form in (None, Format.TABLE):
        files.write(folder, subject, records)
        _print(subject, records, Format.TABLE)
        print(f"\n  report: {folder / files.HTML}\n  runs:   {folder / files.CSV}, {files.JSON}")
        return
    names = {Format.HTML: files.HTML, Format.CSV: files.CSV, Format.JSON: files.JSON}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[form]).write_text(_text(subject, records, form))
    print(folder / names[form])


def _print(subject: Subject, records: list[RunRecord], form: Format) -> None:
    from shapebench.report import table

    if form is Format.TABLE:
        _console().print(table.terminal(subject, records))
    else:
        sys.stdout.write(_text(subject, records, form))


def _text(subject: Subject, records: list[RunRecord], form: Format) -> str:
    from shapebench.report import files, html, runs_csv

    if form is Format.HTML:
        return html.page(subject, records)
    return runs_csv.text(records) if form is Format.CSV else files.to_json(records)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


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


def _refuse(*problems: str) -> NoReturn:
    """Say what is wrong with the input and how to mend it, without a traceback."""
    for problem in problems:
        print(f"shapebench: {problem}", file=sys.stderr)
    raise typer.Exit(EXIT_WRONG_INPUT)

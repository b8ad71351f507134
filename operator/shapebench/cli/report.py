"""`shapebench report`: what the runs say, as a table, HTML, CSV or JSON."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapebench.cli import sources, terminal

if TYPE_CHECKING:
    from shapebench.api.record import RunRecord
    from shapebench.report.subject import Subject


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


def report(
    source: Annotated[str, typer.Argument(
        metavar="NAME|PATH|URL", help="a Benchmark on the cluster, a runs.json (or its folder), or a results store")],
    namespace: Annotated[str | None, typer.Option(
        "--namespace", "-n", metavar="NAMESPACE", help="default: the context's")] = None,
    context: Annotated[str | None, typer.Option(metavar="CONTEXT", help="of the kubeconfig (KUBECONFIG)")] = None,
    store: Annotated[str | None, typer.Option(
        "--from", metavar="URL|DIR", help="read the Benchmark NAME there: a results store, or a copy of one")] = None,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="write files there instead of printing")] = None,
    form: Annotated[Format | None, typer.Option(
        "--format", help="what to print (default: table), or the one file to write in --output (default: all)")] = None,
) -> None:
    """Report on a Benchmark's runs: as a table, HTML, CSV or JSON.

    Whatever has a / or ends in .json is a path or a URL; all else is the name
    of a Benchmark on the cluster.

    Exit code: 0 when there is an answer, or when the Benchmark on the cluster
    still runs (the report says so, and its answer is provisional); 1 when the
    runs are over and none is valid; 2 for wrong input, or when no run has
    ended yet.

    Examples:

        shapebench report read-speed
        shapebench report read-speed -n team-a --output results
        shapebench report read-speed -n team-a --from s3://bucket/results
        shapebench report build/demo/read-speed/runs.json --format csv > runs.csv
    """
    _require(output, form)
    subject, records = sources.load(source, namespace, context, store)
    if not records:
        terminal.refuse(f"{source}: there is no record of an ended run, so there is nothing to report")
    if output is None:
        _print(subject, records, form or Format.TABLE)
    else:
        _write(output, subject, records, form)
    if not subject.unfinished and not _answered(subject, records):
        raise typer.Exit(terminal.EXIT_NO_ANSWER)


def _require(output: Path | None, form: Format | None) -> None:
    if output is not None and form is Format.TABLE:
        terminal.refuse("--format table is printed and no file: leave --output out, or leave --format out to write all "
                        "files and print the table")


def _answered(subject: Subject, records: list[RunRecord]) -> bool:
    from shapebench.report import answer

    return answer.answered(subject.metric, records)


def _write(folder: Path, subject: Subject, records: list[RunRecord], form: Format | None) -> None:
    from shapebench.report import files

    try:
        if form is None:
            files.write(folder, subject, records)
        else:
            name = {Format.HTML: files.HTML, Format.CSV: files.CSV, Format.JSON: files.JSON}[form]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(_text(subject, records, form))
    except OSError as error:
        terminal.refuse(f"--output {folder}: {error.strerror}; give a folder")
    if form is None:
        _print(subject, records, Format.TABLE)
        print(f"\n  report: {folder / files.HTML}\n  runs:   {folder / files.CSV}, {files.JSON}")
    else:
        print(folder / name)


def _print(subject: Subject, records: list[RunRecord], form: Format) -> None:
    from shapebench.report import table

    if form is Format.TABLE:
        terminal.console().print(table.terminal(subject, records))
    else:
        sys.stdout.write(_text(subject, records, form))


def _text(subject: Subject, records: list[RunRecord], form: Format) -> str:
    from shapebench.report import files, html, runs_csv

    if form is Format.HTML:
        return html.page(subject, records)
    return runs_csv.text(records) if form is Format.CSV else files.to_json(records)

"""`shapebench export`: the numbers of a Benchmark's runs, for notebooks, spreadsheets and databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapebench.cli import sources, terminal
from shapebench.report.export.formats import Format, Table

if TYPE_CHECKING:
    from shapebench.api.record import RunRecord

ALL = ",".join(Table)


def export(  # noqa: PLR0913 (a command has as many arguments as options)
    source: Annotated[str, typer.Argument(
        metavar="NAME|PATH|URL", help="a Benchmark on the cluster, a runs.json (or its folder), or a results store")],
    form: Annotated[Format, typer.Option("--format", help="of the files")] = Format.CSV,
    output: Annotated[Path, typer.Option(metavar="DIR", help="where the files go")] = Path("results"),
    what: Annotated[str, typer.Option(metavar="TABLES", help=f"which of {ALL}, with commas between")] = ALL,
    namespace: Annotated[str | None, typer.Option(
        "--namespace", "-n", metavar="NAMESPACE", help="default: the context's; with --from: any")] = None,
    context: Annotated[str | None, typer.Option(metavar="CONTEXT", help="of the kubeconfig (KUBECONFIG)")] = None,
    store: Annotated[str | None, typer.Option(
        "--from", metavar="URL|DIR", help="read the Benchmark NAME there instead: a results store, or a copy of one")]
    = None,
) -> None:
    """Export runs, the job's own measurements and the time series of every pod: as CSV, JSON or Parquet.

    CSV and Parquet: a file for each table. runs has a row for each run (its
    cell, verdict, times, cost, usage, environment), measurements a row for
    each row that the job wrote, series a row for each sample of each pod.
    JSON: whole records in runs.json; --what runs leaves out the job's rows and
    the series. docs/reference/results.md explains every column.

    Only a few records are in memory at a time, so ten thousand runs are no
    trouble. Parquet needs duckdb, which `make setup` installs.

    Exit code: 0 when files were written; 2 for wrong input or no ended run.

    Examples:

        shapebench export read-speed
        shapebench export read-speed -n team-a --format parquet --output results
        shapebench export build/demo/read-speed --what runs,measurements
        shapebench export read-speed -n team-a --from s3://bucket/results --format json
    """
    tables = _tables(what)
    _require(form, tables)
    records = sources.each(source, namespace, context, store)
    first = next(records, None)
    if first is None:
        terminal.refuse(f"{source}: there is no record of an ended run, so there is nothing to export")
    print(*_written(itertools.chain([first], records), output, form, tables), sep="\n")


def _require(form: Format, tables: frozenset[Table]) -> None:
    from shapebench.report.export import parquet_files

    try:
        if form is Format.PARQUET:
            parquet_files.require()
    except parquet_files.ParquetMissingError as error:
        terminal.refuse(f"--format parquet: {error}")
    if form is Format.JSON and Table.RUNS not in tables:
        asked = ",".join(sorted(tables))
        terminal.refuse(f"--what {asked}: JSON holds whole runs, so runs must be among them: write --what "
                        f"runs,{asked}, or take --format csv or parquet")


def _written(records: Iterable[RunRecord], output: Path, form: Format, tables: frozenset[Table]) -> list[Path]:
    from shapebench.report.export import writing

    try:
        return writing.write(records, output, form, tables)
    except OSError as error:
        terminal.refuse(f"--output {output}: {error.strerror}; give a folder")


def _tables(what: str) -> frozenset[Table]:
    names = [name.strip() for name in what.split(",")]
    wrong = [name for name in names if name not in set(Table)]
    if wrong:
        terminal.refuse(f"--what: there is no table {wrong[0]!r}; write one or more of {ALL}, with commas between")
    return frozenset(Table(name) for name in names)

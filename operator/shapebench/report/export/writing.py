"""Writing records into files, in one go over the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shapebench.api.record import PodRecord, RunRecord
from shapebench.api.usage import Series
from shapebench.report.export import csv_files, parquet_files, rows
from shapebench.report.export.formats import Format, Table
from shapebench.report.export.gathered import Gathered
from shapebench.report.export.layouts import ROWS, RUNS


def write(records: Iterable[RunRecord], folder: Path, form: Format, what: frozenset[Table]) -> list[Path]:
    """Write the tables into the folder, or (JSON) the records with what was asked for; returns the files.

    A file is there whole or not at all. Raises what reading the records raises, and OSError. Parquet needs
    `parquet_files.require` first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return _json(records, folder, what) if form is Format.JSON else _tables(records, folder, form, what)


def _tables(records: Iterable[RunRecord], folder: Path, form: Format, what: frozenset[Table]) -> list[Path]:
    with ExitStack() as stack:
        runs, measured = (stack.enter_context(Gathered(layout)) for layout in (RUNS, ROWS))

        def seen() -> Iterator[RunRecord]:
            for record in records:
                runs.add(rows.of_run(record))
                if Table.MEASUREMENTS in what:
                    for row in rows.of_measurements(record):
                        measured.add(row)
                yield record

        # The series are written while the records are read: they are what is too large to be kept until the end.
        passing = seen()
        writers: dict[Table, Callable[[Path], None]] = {
            Table.SERIES: lambda place: _series(place, form, passing),
            Table.RUNS: lambda place: _gathered(place, form, runs),
            Table.MEASUREMENTS: lambda place: _gathered(place, form, measured)}
        if Table.SERIES not in what:
            for _ in passing:
                pass
        return [_whole(folder / f"{table}.{form}", writer) for table, writer in writers.items() if table in what]


def _gathered(place: Path, form: Format, table: Gathered) -> None:
    if form is Format.PARQUET:
        parquet_files.gathered(place, table)
    else:
        with place.open("w", newline="") as out:
            csv_files.gathered(out, table)


def _series(place: Path, form: Format, records: Iterable[RunRecord]) -> None:
    pods = (pod for record in records for pod in rows.of_series(record))
    if form is Format.PARQUET:
        parquet_files.series(place, pods)
    else:
        with place.open("w", newline="") as out:
            csv_files.series(out, pods)


def _json(records: Iterable[RunRecord], folder: Path, what: frozenset[Table]) -> list[Path]:
    def lines(place: Path) -> None:
        with place.open("w") as out:
            between = "[\n"
            for record in records:
                out.write(between + _part(record, what).model_dump_json())
                between = ",\n"
            out.write("[]\n" if between == "[\n" else "\n]\n")

    return [_whole(folder / "runs.json", lines)]


def _part(record: RunRecord, what: frozenset[Table]) -> RunRecord:
    """The record without what was not asked for."""
    pods: dict[str, object] = {} if Table.SERIES in what else {"series": Series()}
    run: dict[str, object] = {} if Table.MEASUREMENTS in what else {"measurements": ()}
    if not pods and not run:
        return record

    def parts(given: Iterable[PodRecord]) -> tuple[PodRecord, ...]:
        return tuple(pod.model_copy(update={**pods, **run}) for pod in given)

    return record.model_copy(update={**run, "pods": parts(record.pods), "lost_attempts": tuple(
        one.model_copy(update={"pod_records": parts(one.pod_records)}) for one in record.lost_attempts)})


def _whole(target: Path, write_to: Callable[[Path], None]) -> Path:
    with _replacing(target) as partial:
        write_to(partial)
    return target


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)

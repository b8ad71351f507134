"""Parquet, by duckdb: 65 MB on the disk against pyarrow's 166, and a dependency that the Spark jobs have already.

Rows go to duckdb as JSON lines in a temporary folder, a part at a time; the parts become one file at the end, so
neither the rows nor their text are ever whole in memory.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shapebench.report.export.columns import SERIES, Column, Kind
from shapebench.report.export.csv_files import as_kind
from shapebench.report.export.gathered import Gathered
from shapebench.report.export.layouts import Value

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PART_BYTES = 16_000_000
_TYPES = {Kind.TEXT: "VARCHAR", Kind.INTEGER: "BIGINT", Kind.NUMBER: "DOUBLE", Kind.FLAG: "BOOLEAN"}
_SHARED = 5
"""Of the series' columns: those that all samples of a pod share."""


class ParquetMissingError(Exception):
    """The package that writes Parquet is not installed; the text says which."""


def require() -> None:
    """Raise ParquetMissingError before anything is read, where Parquet cannot be written."""
    try:
        import duckdb  # noqa: F401
    except ImportError as error:
        raise ParquetMissingError("Parquet needs duckdb, which `make setup` installs in .venv "
                                  "(elsewhere: pip install 'duckdb>=2'); or take --format csv") from error


def gathered(target: Path, table: Gathered) -> None:
    """A table whose rows are all there."""
    columns = table.columns()
    lines = (json.dumps({f"c{number}": _json(as_kind(value, column.kind))
                         for number, (column, value) in enumerate(zip(columns, row, strict=True)) if value is not None})
             for row in table.rows())
    types = [_TYPES[column.kind] for column in columns]
    _write(target, columns, types, [f"c{number}" for number in range(len(columns))], lines)


def series(target: Path, pods: Iterable[tuple[Sequence[Value], Sequence[Sequence[Value]]]]) -> None:
    """The long table of samples. A pod is a line of lists, which duckdb lays out."""
    lines = (json.dumps({f"c{number}": _json(value) for number, value in enumerate((*common, *columns))})
             for common, columns in pods)
    types = [_TYPES[column.kind] + ("" if number < _SHARED else "[]") for number, column in enumerate(SERIES)]
    selected = [f"c{number}" if number < _SHARED else f"unnest(c{number})" for number in range(len(SERIES))]
    _write(target, SERIES, types, selected, lines)


def _write(target: Path, columns: Sequence[Column], types: Sequence[str], selected: Sequence[str],
           lines: Iterable[str]) -> None:
    import duckdb

    given = ", ".join(f"c{number}: '{kind}'" for number, kind in enumerate(types))
    shown = ", ".join(f"{what} AS {_name(column.name)}" for what, column in zip(selected, columns, strict=True))
    with tempfile.TemporaryDirectory(prefix="shapebench-export-") as folder, duckdb.connect() as database:
        database.execute("SET threads = 1")  # rows keep their order, and memory its bound
        parts = []
        for number, part in enumerate(_parts(Path(folder), lines)):
            parts.append(Path(folder, f"{number}.parquet"))
            _copy(database, f"SELECT {shown} FROM read_json({_text(part)}, format='newline_delimited', "
                            f"columns={{{given}}})", parts[-1])
        _copy(database, f"SELECT * FROM read_parquet([{', '.join(map(_text, parts))}])", target)


def _parts(folder: Path, lines: Iterable[str]) -> Iterator[Path]:
    """Files of lines, one after the other in the same place; at least one, for a table without rows has columns."""
    place = folder / "rows.json"
    waiting = iter(lines)
    first = True
    while True:
        size = 0
        with place.open("w") as out:
            for line in waiting:
                size += out.write(line + "\n")
                if size >= PART_BYTES:
                    break
        if size or first:
            yield place
        if size < PART_BYTES:
            return
        first = False


def _copy(database: DuckDBPyConnection, query: str, target: Path) -> None:
    database.execute(f"COPY ({query}) TO {_text(target)} (FORMAT parquet, COMPRESSION zstd)")


def _json(value: Value | Sequence[Value]) -> object:
    """JSON has no word for what is not finite; duckdb reads these from text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _text(place: Path) -> str:
    return "'" + str(place).replace("'", "''") + "'"


def _name(title: str) -> str:
    return '"' + title.replace('"', '""') + '"'

"""CSV: a header, a row a line; an unknown value is an empty field, true and false are words.

A text that a spreadsheet would take for a formula gets a ' in front: what a program said must not become a link or a
command where its results are opened. Numbers stay as they are, and a text that has the ' gets another one, so that
taking one off gives back what was told.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from shapebench.api.fields import scalar_text
from shapebench.report.export.columns import SERIES, Column, Kind
from shapebench.report.export.gathered import Gathered
from shapebench.report.export.layouts import Value

_BREAKS = "\r\n"
"""The writer puts quotes around a field with one of the characters that end its lines, and both end a reader's."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


class _Lines:
    """Ends lines as this system's files do."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, line: str) -> int:
        """Write a line, whole as the writer gives it."""
        return self._out.write(line.removesuffix(_BREAKS) + "\n")


def write(out: TextIO, columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> None:
    """The whole table."""
    writer = csv.writer(_Lines(out), lineterminator=_BREAKS)
    writer.writerow([column.name for column in columns])
    writer.writerows(fields(row) for row in rows)


def gathered(out: TextIO, table: Gathered) -> None:
    """A table whose rows are all there."""
    write(out, table.columns(), table.rows())


def series(out: TextIO, pods: Iterable[tuple[Sequence[Value], Sequence[Sequence[Value]]]]) -> None:
    """The long table of samples: what each pod's samples share, and their columns."""
    # Millions of rows, of numbers and of names that have nothing to quote: no Python code for each line.
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in SERIES])
    writer.writerows(_samples(pods))


def _samples(pods: Iterable[tuple[Sequence[Value], Sequence[Sequence[Value]]]]) -> Iterator[Sequence[Value]]:
    for common, columns in pods:
        count = len(columns[0])
        filled = [column if len(column) == count else (None,) * count for column in columns]
        shared = fields(common)
        yield from ((*shared, *sample) for sample in zip(*filled, strict=True))


def fields(row: Sequence[Value]) -> list[str | int | float | None]:
    """The row as it is written."""
    return [scalar_text(value) if isinstance(value, bool) else f"'{value}" if _is_formula(value) else value
            for value in row]


def _is_formula(value: Value) -> bool:
    if not isinstance(value, str) or not _FORMULA.match(value):
        return False
    try:
        float(value)
    except ValueError:
        return True
    return False


def as_kind(value: Value, kind: Kind) -> Value:
    """The value as its column holds it: in a column of texts, a number is the text that YAML writes."""
    return scalar_text(value) if kind is Kind.TEXT and value is not None else value

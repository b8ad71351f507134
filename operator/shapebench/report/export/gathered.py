"""The rows of a table whose columns are known only when the last row is: kept in memory while few, then on disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from types import TracebackType

from shapebench.report.export.columns import Column, Kind
from shapebench.report.export.layouts import Key, Layout, Row, Seen, Value, titles

IN_MEMORY_BYTES = 8_000_000


class Gathered:
    """A context; what it keeps is gone at its end."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._numbers: dict[Key, int] = {}
        self._seen: dict[Key, Seen] = {}
        self._rows = tempfile.SpooledTemporaryFile(  # noqa: SIM115 (this is a context itself)
            max_size=IN_MEMORY_BYTES, mode="w+", encoding="utf-8")

    def __enter__(self) -> Gathered:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._rows.close()

    def add(self, row: Row) -> None:
        """Keep a row."""
        known = {key: value for key, value in row.items() if value is not None}
        for key, value in known.items():
            self._numbers.setdefault(key, len(self._numbers))
            self._seen.setdefault(key, Seen()).add(value)
        self._rows.write(json.dumps({self._numbers[key]: value for key, value in known.items()}) + "\n")

    def columns(self) -> tuple[Column, ...]:
        """All columns, in order; complete once the last row is added."""
        fixed = {column.name: column for column in self._layout.fixed}
        return tuple(fixed[name] if family is None else Column(title, self._kind((family, name)), "", name)
                     for (family, name), title in self._titles().items())

    def rows(self) -> Iterator[tuple[Value, ...]]:
        """All rows, each with a value for each column."""
        numbers = [str(self._numbers.get(key, -1)) for key in self._titles()]
        self._rows.seek(0)
        for line in self._rows:
            row = json.loads(line)
            yield tuple(row.get(number) for number in numbers)

    def _titles(self) -> dict[Key, str]:
        return titles(self._layout, self._numbers)

    def _kind(self, key: Key) -> Kind:
        return self._seen[key].kind

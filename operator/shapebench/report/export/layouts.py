"""How a table's columns stand: fixed ones and families in order, and the titles of the families' columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shapebench.api.fields import Scalar
from shapebench.report.export.columns import MEASUREMENTS, RUNS_FIRST, RUNS_LAST, Column, Family, Kind

Key = tuple[Family | None, str]
"""A column's family (None: a fixed one) and its name."""
Value = Scalar | None
Row = Mapping[Key, Value]

_LONGEST = 2**63
_EXACT = 2**53


@dataclass(frozen=True)
class Layout:
    """Fixed columns and families, in order."""

    parts: tuple[Column | Family, ...]

    @property
    def fixed(self) -> tuple[Column, ...]:
        """The columns that every file has."""
        return tuple(part for part in self.parts if isinstance(part, Column))


RUNS = Layout((*RUNS_FIRST, Family.PARAMETER, *RUNS_LAST, Family.ENVIRONMENT, Family.IMAGE, Family.MEASUREMENT))
ROWS = Layout((*MEASUREMENTS, Family.PARAMETER, Family.ROW, Family.MEASUREMENT))


def titles(layout: Layout, keys: Iterable[Key]) -> dict[Key, str]:
    """The title of each column, in the order in which they stand.

    A parameter has its own name, with parameter_ before it where that could be another column's. No two titles differ
    in case alone: SQL takes those for one.
    """
    found = list(keys)
    ordered: list[Key] = []
    for part in layout.parts:
        ordered.extend([(None, part.name)] if isinstance(part, Column) else [key for key in found if key[0] is part])
    fixed = {column.name for column in layout.fixed}
    taken, named = set(fixed), {}
    for key in ordered:
        title = key[1] if key[0] is None else _title(key[0], key[1], fixed)
        number = 1
        while key[0] is not None and title.lower() in taken:
            number += 1
            title = f"{_title(key[0], key[1], fixed)}_{number}"
        taken.add(title.lower())
        named[key] = title
    return named


def _title(family: Family, name: str, fixed: set[str]) -> str:
    own = family is Family.PARAMETER and name.lower() not in fixed and not name.lower().startswith(tuple(Family))
    return name if own else f"{family}{name}"


class Seen:
    """Which values a column of a family has held: from these follows what it holds."""

    def __init__(self) -> None:
        self._kinds: set[Kind] = set()
        self._exact = True

    def add(self, value: Value) -> None:
        """Take note of a value."""
        if value is None:
            return
        kind = kind_of(value)
        self._kinds.add(kind)
        if kind is Kind.INTEGER and abs(value) > _EXACT:  # type: ignore[arg-type]  # an integer has a size
            self._exact = False

    @property
    def kind(self) -> Kind:
        """The narrowest that holds them all without a loss."""
        if len(self._kinds) == 1:
            return next(iter(self._kinds))
        return Kind.NUMBER if self._kinds == {Kind.INTEGER, Kind.NUMBER} and self._exact else Kind.TEXT


def kind_of(value: Scalar) -> Kind:
    """What holds the value; an integer beyond 64 bits is only a text elsewhere."""
    if isinstance(value, bool):
        return Kind.FLAG
    if isinstance(value, int):
        return Kind.INTEGER if -_LONGEST <= value < _LONGEST else Kind.TEXT
    return Kind.NUMBER if isinstance(value, float) else Kind.TEXT

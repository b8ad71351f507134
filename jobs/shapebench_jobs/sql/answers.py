"""The right answers of `sql`: DuckDB's, an engine that shares no code with Spark, on the same files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.sql.queries import QUERIES
from shapebench_jobs.sql.tables import TABLES, Tables

Row = tuple[Any, ...]

_TOLERANCE = 1e-9
"""Of doubles, relative: rows are added in another order."""


def by_duckdb(tables: Tables, names: Iterable[str]) -> dict[str, list[Row]]:
    """The answer of each query."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "256MB"}) as connection:
        for table in TABLES:
            connection.read_parquet(tables.files(table)).create_view(table)
        return {name: connection.execute(QUERIES[name]).fetchall() for name in names}


def check(answers: Mapping[str, Sequence[Row]], right: Mapping[str, Sequence[Row]]) -> None:
    """Raise WrongAnswerError, naming query and row, unless all answers are the right ones."""
    for name, rows in answers.items():
        if len(rows) != len(right[name]):
            raise WrongAnswerError(f"{name} has {len(rows)} rows, DuckDB has {len(right[name])}")
        for number, (row, expected) in enumerate(zip(rows, right[name], strict=True), start=1):
            if len(row) != len(expected) or not all(map(same, row, expected)):
                raise WrongAnswerError(f"row {number} of {name} is {tuple(row)}, DuckDB has {expected}")


def same(value: Any, expected: Any) -> bool:
    """Equal; or doubles that are equal but for rounding."""
    if isinstance(value, float) and isinstance(expected, float):
        return math.isclose(value, expected, rel_tol=_TOLERANCE)
    return bool(value == expected)

"""The tables of `sql` as Parquet files: written by DuckDB, found again by their checksums.

    TABLE/part-00000.parquet    orders and lineitem in as many files as were asked for, the others in one
    manifest.json               rows of each table, CRC-32C of each file; written last
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from shapebench_jobs.files import made_once
from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.sql import data as sql_data
from shapebench_jobs.sql.data import Columns, TablesArguments

TABLES = ("region", "nation", "supplier", "customer", "orders", "lineitem")
_MANIFEST_FILE = "manifest.json"
_NATIONS = len(sql_data.REGIONS) * sql_data.NATIONS_PER_REGION


@dataclass(frozen=True)
class Tables:
    """Tables that are there, whole."""

    folder: Path
    rows: dict[str, int]
    checksums: dict[str, int]
    """CRC-32C of each file as it lies there, by its path in the folder."""

    def files(self, table: str) -> list[str]:
        """The paths of a table's files, in order."""
        return [str(self.folder / path) for path in sorted(self.checksums) if path.startswith(f"{table}/")]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum((self.folder / path).stat().st_size for path in self.checksums)


def ensure(root: Path, wanted: TablesArguments) -> Tables:
    """The tables under `root`, made if they are not there; safe to call from many processes at once.

    WrongAnswerError when a file is not what was made.
    """
    folder = made_once.ensure(root, wanted.fingerprint, _MANIFEST_FILE, lambda building: _write(building, wanted))
    said = json.loads((folder / _MANIFEST_FILE).read_text())
    there = _checksums(folder)
    for path, checksum in said["checksums"].items():
        if there.get(path) != checksum:
            raise WrongAnswerError(f"{folder / path} {'is gone' if path not in there else 'is not what was made'}: "
                                   f"delete {folder} to have it made anew")
    return Tables(folder, said["rows"], there)


@dataclass(frozen=True)
class Here:
    """For executors: the checksums of their own files, or what is wrong with them (an exception would be retried)."""

    root: str
    wanted: TablesArguments

    def __call__(self) -> dict[str, int] | str:
        """Make the files, if they are not there, and look at them."""
        try:
            return ensure(Path(self.root), self.wanted).checksums
        except WrongAnswerError as wrong:
            return str(wrong)


def _checksums(folder: Path) -> dict[str, int]:
    found = {}
    for file in sorted(folder.glob("*/*.parquet")):
        checksum = 0
        with file.open("rb") as content:
            while chunk := content.read(1 << 20):
                checksum = int(google_crc32c.extend(checksum, chunk))
        found[str(file.relative_to(folder))] = checksum
    return found


def _write(folder: Path, wanted: TablesArguments) -> None:
    import duckdb  # only where tables are made or checked

    with duckdb.connect(config={"threads": 1, "memory_limit": "256MB"}) as connection:  # one thread: one order of rows
        writer = _Writer(connection, folder)
        writer.add("region", 0, {"key": np.arange(len(sql_data.REGIONS))}, _REGION)
        writer.add("nation", 0, {"key": np.arange(_NATIONS)}, _NATION)
        writer.add("supplier", 0, sql_data.supplier(wanted), _SUPPLIER)
        writer.add("customer", 0, sql_data.customer(wanted), _CUSTOMER)
        for file in range(wanted.files):
            orders, lines = sql_data.orders_and_lines(wanted, file)
            writer.add("orders", file, orders, _ORDERS)
            writer.add("lineitem", file, lines, _LINEITEM)
    (folder / _MANIFEST_FILE).write_text(json.dumps({"rows": writer.rows, "checksums": _checksums(folder)}, indent=2))


class _Writer:
    """Writes numpy's columns as Parquet, through a SELECT that gives them their names and types."""

    def __init__(self, connection: Any, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self.rows: dict[str, int] = {}

    def add(self, table: str, file: int, columns: Columns, select: str) -> None:
        """One more file of a table."""
        path = self._folder / table / f"part-{file:05d}.parquet"
        path.parent.mkdir(exist_ok=True)
        self._connection.register("made", dict(columns))
        quoted = str(path).replace("'", "''")
        self._connection.execute(f"COPY ({select} FROM made) TO '{quoted}' (FORMAT parquet, COMPRESSION snappy)")
        self._connection.unregister("made")
        self.rows[table] = self.rows.get(table, 0) + len(columns[next(iter(columns))])


def _word(column: str, words: tuple[str, ...]) -> str:
    return f"[{', '.join(repr(word) for word in words)}][{column} + 1]"


def _money(column: str) -> str:
    return f"CAST(CAST({column} AS DECIMAL(12, 0)) * 0.01 AS DECIMAL(12, 2))"


def _percent(column: str) -> str:
    return f"CAST(CAST({column} AS DECIMAL(4, 0)) * 0.01 AS DECIMAL(4, 2))"


def _day(column: str) -> str:
    return f"DATE '{sql_data.FIRST_DAY}' + CAST({column} AS INTEGER)"


_REGION = f"SELECT CAST(key AS INTEGER) AS r_regionkey, {_word('key', sql_data.REGIONS)} AS r_name"
_NATION = (f"SELECT CAST(key AS INTEGER) AS n_nationkey, 'NATION-' || lpad(CAST(key AS VARCHAR), 2, '0') AS n_name, "
           f"CAST(key // {sql_data.NATIONS_PER_REGION} AS INTEGER) AS n_regionkey")
_SUPPLIER = "SELECT key AS s_suppkey, CAST(nation AS INTEGER) AS s_nationkey"
_CUSTOMER = ("SELECT key AS c_custkey, 'Customer-' || lpad(CAST(key AS VARCHAR), 9, '0') AS c_name, "
             f"CAST(nation AS INTEGER) AS c_nationkey, {_word('segment', sql_data.SEGMENTS)} AS c_mktsegment")
_ORDERS = (f"SELECT key AS o_orderkey, customer AS o_custkey, {_money('total_cents')} AS o_totalprice, "
           f"{_day('day')} AS o_orderdate, {_word('priority', sql_data.PRIORITIES)} AS o_orderpriority")
_LINEITEM = (
    'SELECT "order" AS l_orderkey, CAST(number AS INTEGER) AS l_linenumber, supplier AS l_suppkey, '
    f"CAST(quantity AS DECIMAL(12, 2)) AS l_quantity, {_money('price_cents')} AS l_extendedprice, "
    f"{_percent('discount')} AS l_discount, {_percent('tax')} AS l_tax, "
    f"{_word('return_flag', sql_data.RETURN_FLAGS)} AS l_returnflag, "
    f"{_word('line_status', sql_data.LINE_STATUSES)} AS l_linestatus, "
    f"{_day('ship_day')} AS l_shipdate, {_day('commit_day')} AS l_commitdate, {_day('receipt_day')} AS l_receiptdate, "
    f"{_word('ship_mode', sql_data.SHIP_MODES)} AS l_shipmode")


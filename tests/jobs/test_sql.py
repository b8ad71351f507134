"""sql: tables as they were drawn, the same answers from two engines, and every other answer told."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.sql import answers as sql_answers
from shapebench_jobs.sql import data as sql_data
from shapebench_jobs.sql import job as sql
from shapebench_jobs.sql import tables as sql_tables
from shapebench_jobs.sql.data import TablesArguments
from shapebench_jobs.sql.queries import QUERIES
from shapebench_jobs.sql.tables import TABLES, Tables

from .conftest import local_cluster, read_events

# py4j and pyspark leave sockets to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

SMALL = TablesArguments(scale=0.004, seed=3, files=3)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Tables that no test may change."""
    return sql_tables.ensure(tmp_path_factory.mktemp("tables"), SMALL)


@pytest.fixture
def copy(tables: Tables, tmp_path: Path) -> Path:
    """A folder of tables to damage; its parent is what jobs are told."""
    shutil.copytree(tables.folder, tmp_path / SMALL.fingerprint)
    return tmp_path / SMALL.fingerprint


def _ask(tables: Tables, text: str) -> list[Any]:
    with duckdb.connect() as connection:
        for table in TABLES:
            connection.read_parquet(tables.files(table)).create_view(table)
        return connection.execute(text).fetchall()


def test_rows(tables: Tables) -> None:
    assert tables.rows == {"region": 5, "nation": 25, "supplier": 40, "customer": 600, "orders": 6000,
                           "lineitem": tables.rows["lineitem"]}
    assert 3.8 < tables.rows["lineitem"] / 6000 < 4.2
    for table, rows in tables.rows.items():
        assert _ask(tables, f"SELECT count(*) FROM {table}") == [(rows,)]
    assert [len(tables.files(table)) for table in TABLES] == [1, 1, 1, 1, 3, 3]


@pytest.mark.parametrize("broken", [
    pytest.param("SELECT o_orderkey FROM orders GROUP BY 1 HAVING count(*) > 1", id="orders-key"),
    pytest.param("SELECT 1 FROM lineitem GROUP BY l_orderkey, l_linenumber HAVING count(*) > 1", id="lines-key"),
    pytest.param("SELECT 1 FROM orders WHERE o_orderkey NOT IN (SELECT l_orderkey FROM lineitem)", id="no-lines"),
    pytest.param("SELECT 1 FROM lineitem WHERE l_orderkey NOT IN (SELECT o_orderkey FROM orders)", id="no-order"),
    pytest.param("SELECT 1 FROM lineitem WHERE l_suppkey NOT IN (SELECT s_suppkey FROM supplier)", id="no-supplier"),
    pytest.param("SELECT 1 FROM orders WHERE o_custkey NOT IN (SELECT c_custkey FROM customer)", id="no-customer"),
    pytest.param("SELECT 1 FROM orders WHERE o_custkey % 3 = 0", id="customers-that-never-buy"),
    pytest.param("SELECT 1 FROM lineitem JOIN orders ON o_orderkey = l_orderkey "
                 "WHERE NOT (o_orderdate < l_shipdate AND l_shipdate < l_receiptdate)", id="days"),
    pytest.param("SELECT 1 FROM orders JOIN (SELECT l_orderkey, sum(round(l_extendedprice * (1 - l_discount) "
                 "* (1 + l_tax), 2)) AS total FROM lineitem GROUP BY 1) ON l_orderkey = o_orderkey "
                 "WHERE o_totalprice <> total", id="total"),
    pytest.param("SELECT 1 FROM lineitem WHERE (l_returnflag = 'N') <> (l_receiptdate > DATE '1995-06-17')", id="flag"),
    pytest.param("SELECT 1 FROM lineitem WHERE (l_linestatus = 'O') <> (l_shipdate > DATE '1995-06-17')", id="status"),
])
def test_the_tables_make_sense(tables: Tables, broken: str) -> None:
    assert _ask(tables, broken) == []


def test_an_answer_by_numpy_alone(tables: Tables) -> None:
    """The files hold what was drawn: query 6, from the drawn integers."""
    revenue = lines_taken = 0
    year = range(731, 1096)  # 1994, in days from 1992-01-01
    for file in range(SMALL.files):
        _, lines = sql_data.orders_and_lines(SMALL, file)
        taken = (np.isin(lines["ship_day"], year) & np.isin(lines["discount"], (5, 6, 7)) & (lines["quantity"] < 24))
        revenue += int((lines["price_cents"] * lines["discount"])[taken].sum())
        lines_taken += int(taken.sum())
    assert lines_taken > 0
    assert sql_answers.by_duckdb(tables, ["q6"]) == {"q6": [(Decimal(revenue).scaleb(-4), lines_taken)]}


def test_the_same_arguments_make_the_same_files(tables: Tables, tmp_path: Path) -> None:
    again = sql_tables.ensure(tmp_path, SMALL)
    assert again.checksums == tables.checksums
    modified = [Path(path).stat().st_mtime_ns for path in again.files("lineitem")]
    assert sql_tables.ensure(tmp_path, SMALL) == again
    assert [Path(path).stat().st_mtime_ns for path in again.files("lineitem")] == modified
    for other in (replace(SMALL, seed=4), replace(SMALL, scale=0.0041), replace(SMALL, files=2)):
        assert other.fingerprint != SMALL.fingerprint
    assert sql_tables.ensure(tmp_path, replace(SMALL, seed=4)).checksums != tables.checksums


@pytest.mark.parametrize("name", QUERIES)
def test_spark_and_duckdb_agree(spark: Any, tables: Tables, name: str) -> None:
    sql.name_tables(spark, tables)
    asked = sql.ask(spark, name, 1)
    assert len(asked.rows) > 0
    assert all(value is not None for row in asked.rows for value in row), "a sum of nothing"
    sql_answers.check({name: asked.rows}, sql_answers.by_duckdb(tables, [name]))


@pytest.mark.parametrize("name", ["q1", "q6", "q12"])
def test_a_table_that_lacks_a_file_gives_a_wrong_answer(spark: Any, tables: Tables, name: str) -> None:
    sql.name_tables(spark, tables, first_file_only=True)
    with pytest.raises(WrongAnswerError, match=f"row 1 of {name} is .*, DuckDB has "):
        sql_answers.check({name: sql.ask(spark, name, 2).rows}, sql_answers.by_duckdb(tables, [name]))


ROW = (1, "a", Decimal("1.50"), 0.25, datetime.date(1994, 1, 1))


@pytest.mark.parametrize(("row", "right"), [
    pytest.param(ROW, True, id="same"),
    pytest.param((1, "a", Decimal("1.5000"), 0.25 + 1e-12, datetime.date(1994, 1, 1)), True, id="scale-and-rounding"),
    pytest.param((2, *ROW[1:]), False, id="number"),
    pytest.param((1, "b", *ROW[2:]), False, id="word"),
    pytest.param((*ROW[:2], Decimal("1.51"), *ROW[3:]), False, id="cent"),
    pytest.param((*ROW[:3], 0.2501, ROW[4]), False, id="double"),
    pytest.param((*ROW[:4], datetime.date(1994, 1, 2)), False, id="day"),
    pytest.param(ROW[:4], False, id="column-missing"),
    pytest.param((*ROW[:4], None), False, id="null"),
])
def test_what_is_the_same_answer(row: sql_answers.Row, right: bool) -> None:
    if right:
        sql_answers.check({"q1": [row]}, {"q1": [ROW]})
        return
    with pytest.raises(WrongAnswerError, match="row 1 of q1 is"):
        sql_answers.check({"q1": [row]}, {"q1": [ROW]})


@pytest.mark.parametrize("rows", [[], [ROW, ROW]], ids=["none", "two"])
def test_another_number_of_rows(rows: list[sql_answers.Row]) -> None:
    with pytest.raises(WrongAnswerError, match=f"q1 has {len(rows)} rows, DuckDB has 1"):
        sql_answers.check({"q1": rows}, {"q1": [ROW]})


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(("damage", "message"), [
    pytest.param(_flip, "part-00001.parquet is not what was made: delete ", id="flipped-bit"),
    pytest.param(Path.unlink, "part-00001.parquet is gone: delete ", id="gone"),
])
def test_damaged_tables_are_found_here_and_on_executors(spark: Any, copy: Path, damage: Callable[[Path], None],
                                                        message: str) -> None:
    damage(copy / "lineitem/part-00001.parquet")
    with pytest.raises(WrongAnswerError, match=message):
        sql_tables.ensure(copy.parent, SMALL)
    from shapebench_jobs.spark import cluster as spark_cluster

    said = spark_cluster.everywhere(spark.sparkContext, sql_tables.Here(str(copy.parent), SMALL))
    assert len(said) == 2
    assert all(isinstance(one, str) and message in one for _, one in said)


@pytest.mark.parametrize(("argv", "message"), [
    pytest.param(["--scale=0"], "0 is out of range: give a number above 0", id="scale-zero"),
    pytest.param(["--scale=nan"], "nan is out of range", id="scale-nan"),
    pytest.param(["--queries=q1,q2"], "there is no query 'q2': give some of q1, q3, q5, q6, q12, q18", id="unknown"),
    pytest.param(["--queries="], "there is no query ''", id="none"),
    pytest.param(["--queries=q1,q1"], "'q1,q1' has a value twice", id="twice"),
    pytest.param(["--passes=0"], "0 is out of range: give at least 1", id="passes"),
])
def test_bad_arguments(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        sql.main(argv)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_more_files_than_orders(capsys: pytest.CaptureFixture[str]) -> None:
    assert sql.main(["--scale=0.000002", "--files=4"]) == 2
    assert "--files=4 is more than the 3 orders of --scale=2e-06" in capsys.readouterr().err


def test_values() -> None:
    row = sql.values([2.0, 8.0])
    assert row == {"queries_per_second": 0.2, "queries": 2, "seconds": 10.0,
                   "geometric_mean_seconds": pytest.approx(4.0)}


def test_on_two_executors(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    cluster = local_cluster(tmp_path, 2, "spark.sql.shuffle.partitions 4")
    process = start("sql", "--scale=0.002", "--files=2", "--queries=q6,q12", "--passes=2",
                    f"--data-dir={tmp_path / 'data'}", **cluster, SHAPEBENCH_EVENTS_FILE=str(events_file))
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    assert [event["event"] for event in read_events(events_file)] == [
        "environment", "measured-started", "measured-finished", *["measurement"] * 6]
    rows = read_events(events_file, "measurement")
    assert [row["parameters"] for row in rows] == [
        *({"query": name, "pass": number} for number in (1, 2) for name in ("q6", "q12")), {"pass": 1}, {"pass": 2}]
    assert [row["values"]["rows"] for row in rows[:4]] == [1, 2, 1, 2]
    assert all(row["values"]["shuffle_bytes"] > 0 for row in rows[:4])
    assert rows[4]["values"]["seconds"] == pytest.approx(sum(row["values"]["query_seconds"] for row in rows[:2]))

"""sql: how fast does this Spark cluster answer questions about tables that are joined, filtered and summed?"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapebench_jobs.files import data_folder
from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import BadArgumentsError, Run, WrongAnswerError, note, perform
from shapebench_jobs.sql import answers as sql_answers
from shapebench_jobs.sql import tables as sql_tables
from shapebench_jobs.sql.data import TablesArguments
from shapebench_jobs.sql.queries import QUERIES
from shapebench_jobs.sql.tables import TABLES, Tables

DESCRIPTION = f"""\
Answer queries over tables of orders with Spark SQL. Tables and queries are like TPC-H's and are not
TPC-H's: no result of this job is a TPC result.

Before the clock starts: all executors have registered, the tables lie as Parquet files on every
machine's own disk, made there from the seed, and each query was answered once over the first file of
each table, so that Spark's classes are loaded and its code is generated. Files that were just made are
in the machine's page cache. The measured part is each query in turn, from its text to its rows in the
driver, --passes times.

The answer is checked: every row of every query in every pass is DuckDB's, which reads the same files in
the driver after the clock has stopped. A wrong answer ends with exit code 65.

Queries: {", ".join(QUERIES)}.

The cluster's settings come from spark-defaults.conf (SPARK_CONF_DIR); without any, Spark runs in this
process on all cores."""
MEASURED = (
    "query_seconds", "rows", "shuffle_bytes", "spilled_bytes", "gc_seconds", "queries_per_second", "queries",
    "seconds", "geometric_mean_seconds", "table_bytes",
)
"""The names of all values that its rows may have."""


@dataclass(frozen=True)
class Asked:
    """One query that was answered."""

    name: str
    number: int
    """Of the pass."""
    rows: list[sql_answers.Row]
    seconds: float

    @property
    def group(self) -> str:
        """The name of its Spark jobs."""
        return _group(self.name, self.number)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    default = TablesArguments()
    result = arguments.new_parser("sql", DESCRIPTION)
    group = result.add_argument_group("queries")
    group.add_argument("--queries", type=arguments.several(arguments.one_of(QUERIES, "query")), default=tuple(QUERIES),
                       metavar="NAMES",
                       help=f"which to ask, with commas between them (default {','.join(QUERIES)})")
    group.add_argument("--passes", type=arguments.integer(1), default=1, metavar="N",
                       help="ask all of them N times, rows of measurements for each (default %(default)s)")
    group = result.add_argument_group("tables")
    group.add_argument("--scale", type=arguments.positive, default=default.scale, metavar="FACTOR",
                       help="1 makes 6 million lines of 1.5 million orders, some 130 MB of Parquet "
                       "(default %(default)g)")
    group.add_argument("--seed", type=arguments.integer(0), default=default.seed, metavar="N",
                       help="the same seed makes the same tables on every machine (default %(default)s)")
    group.add_argument("--files", type=arguments.integer(1), default=default.files, metavar="N",
                       help="files of each of the two large tables; give at least the cluster's task slots. Another "
                       "number makes other rows (default %(default)s)")
    data_folder.add_option(group, "where tables are kept and reused, on each machine's own disk")
    arguments.add_cluster_options(result)
    return result


def sql(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs.spark import cluster as spark_cluster

    wanted = TablesArguments(options.scale, options.seed, options.files)
    if wanted.files > wanted.orders:
        raise BadArgumentsError(f"--files={wanted.files} is more than the {wanted.orders} orders of "
                                f"--scale={wanted.scale:g}: a file would be empty")
    with spark_cluster.connected(environ, options.start_timeout) as session:
        _on_cluster(session, options, wanted, run)


def _on_cluster(session: Any, options: argparse.Namespace, wanted: TablesArguments, run: Run) -> None:
    from shapebench_jobs.spark import cluster as spark_cluster

    tables = _made_everywhere(session.sparkContext, data_folder.chosen(options.data_dir), wanted)
    slots = spark_cluster.slots(session.sparkContext)
    if wanted.files < slots:
        note(f"only {wanted.files} files for {slots} task slots: some stay idle")
    run.environment({**spark_cluster.environment(session.sparkContext), "dataset": wanted.fingerprint,
                     **{f"rows_of_{table}": str(count) for table, count in tables.rows.items()}})
    name_tables(session, tables, first_file_only=True)
    for name in options.queries:
        session.sql(QUERIES[name]).collect()
    name_tables(session, tables)
    with run.measured():
        asked = [ask(session, name, number) for number in range(1, options.passes + 1) for name in options.queries]
    right = sql_answers.by_duckdb(tables, options.queries)
    for one in asked:
        sql_answers.check({one.name: one.rows}, right)
    _report(session.sparkContext, asked, tables, run)


def _made_everywhere(spark_context: Any, root: Path, wanted: TablesArguments) -> Tables:
    """The tables, on the driver's and on every executor's disk, the same on all."""
    from shapebench_jobs.spark import cluster as spark_cluster

    here = sql_tables.ensure(root, wanted)
    made = spark_cluster.everywhere(spark_context, sql_tables.Here(str(root), wanted))
    for place, checksums in made:
        if isinstance(checksums, str):
            raise WrongAnswerError(f"{place}: {checksums}")
        if checksums != here.checksums:
            raise WrongAnswerError(f"{place} made other files than the driver from the same seed: do their images "
                                   "have the same versions of numpy and DuckDB?")
    return here


def name_tables(session: Any, tables: Tables, *, first_file_only: bool = False) -> None:
    """Let queries find the tables by their names, whole or only the first file of each."""
    for table in TABLES:
        files = tables.files(table)[: 1 if first_file_only else None]
        session.read.parquet(*(f"file://{file}" for file in files)).createOrReplaceTempView(table)


def ask(session: Any, name: str, number: int) -> Asked:
    """Answer a query."""
    from shapebench_jobs.spark import stages as spark_stages

    with spark_stages.group(session.sparkContext, _group(name, number)):
        started_s = time.perf_counter()
        rows = [tuple(row) for row in session.sql(QUERIES[name]).collect()]
        return Asked(name, number, rows, time.perf_counter() - started_s)


def _group(name: str, number: int) -> str:
    return f"shapebench-sql-{name}-{number}"


def _report(spark_context: Any, asked: Sequence[Asked], tables: Tables, run: Run) -> None:
    from shapebench_jobs.spark import stages as spark_stages

    for one in asked:
        counted = spark_stages.counted(spark_context, one.group)
        run.measurement({"query": one.name, "pass": one.number}, {
            "query_seconds": one.seconds, "rows": len(one.rows), **counted})
    for number in range(1, asked[-1].number + 1):
        run.measurement({"pass": number}, {
            **values([one.seconds for one in asked if one.number == number]), "table_bytes": tables.bytes})


def values(seconds: Sequence[float]) -> dict[str, float]:
    """One pass: all its queries."""
    return {
        "queries_per_second": len(seconds) / sum(seconds),
        "queries": len(seconds),
        "seconds": sum(seconds),
        "geometric_mean_seconds": math.exp(sum(map(math.log, seconds)) / len(seconds)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: sql(options, run, os.environ), measured=MEASURED)

"""sort: how fast does this Spark cluster sort records that no one machine's memory has to hold?"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import BadArgumentsError, Run, note, perform
from shapebench_jobs.sort.records import RECORD_BYTES, Share, Tally

DESCRIPTION = """\
Sort records of 100 bytes (a key of 10, a payload of 90) into one total order, in the manner of TeraSort.

Before the clock starts: all executors have registered, Spark has sorted a few records by the same way,
and the records lie on the executors' disks, made from the seed by Spark itself. The measured part is
Spark's sort by ranges: one pass over the records to choose the ranges, reading them, the shuffle, sorting
each partition, and writing the sorted partitions. All of it runs in the JVM.

Input and output are Spark's blocks on the executors' own disks, or with --storage Parquet files in a
folder that all of them can reach. What was just made is in the machines' page cache.

The answer is checked: each partition in order, the partitions in order, and as many records with the
same sum of CRC-32s as numpy makes of the same seed. A wrong answer ends with exit code 65.

The cluster's settings come from spark-defaults.conf (SPARK_CONF_DIR); without any, Spark runs in this
process on all cores."""
MEASURED = (
    "records_per_second", "megabytes_per_second", "seconds", "records", "bytes", "shuffle_bytes", "spilled_bytes",
    "gc_seconds", "largest_partition_records",
)
"""The names of all values that its rows may have."""

_GROUP = "shapebench-sort"
_WARM_UP = 1000
"""Records for each slot."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("sort", DESCRIPTION)
    group = result.add_argument_group("sorting")
    group.add_argument("--records", type=arguments.integer(1), default=1_000_000, metavar="N",
                       help=f"records of {RECORD_BYTES} bytes to sort (default %(default)s)")
    group.add_argument("--partitions", type=arguments.integer(0), default=0, metavar="N",
                       help="how many sorted partitions to make; 0 makes two for each task slot (default %(default)s)")
    group.add_argument("--seed", type=arguments.integer(0, (1 << 63) - 1), default=7, metavar="N",
                       help="the same seed makes the same records on every machine (default %(default)s)")
    group.add_argument("--storage", default="", metavar="URL",
                       help="a folder or bucket that the driver and every executor can write and read, for input and "
                       "output, both removed at the end (default: the executors' own disks)")
    arguments.add_cluster_options(result)
    return result


def sort(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs.spark import cluster as spark_cluster

    if options.partitions > options.records:
        raise BadArgumentsError(f"--partitions={options.partitions} is more than --records={options.records}: "
                                "some would stay empty; give fewer partitions or more records")
    with spark_cluster.connected(environ, options.start_timeout) as session, _kept(session, options.storage) as storage:
        _on_cluster(session, storage, options, run)


@contextmanager
def _kept(session: Any, url: str) -> Iterator[Any]:
    from shapebench_jobs.sort import storage as sort_storage

    storage = sort_storage.storage(session, url)
    try:
        yield storage
    finally:
        storage.close()


def _on_cluster(session: Any, storage: Any, options: argparse.Namespace, run: Run) -> None:
    from shapebench_jobs.sort import frames as sort_frames
    from shapebench_jobs.spark import cluster as spark_cluster
    from shapebench_jobs.spark import stages as spark_stages

    context = session.sparkContext
    slots = spark_cluster.slots(context)
    partitions = options.partitions or min(2 * slots, options.records)
    if partitions < slots:
        note(f"only {partitions} partitions for {slots} task slots: some stay idle")
    run.environment({**spark_cluster.environment(context), "partitions": str(partitions),
                     "dataset": f"{options.records}-records-seed-{options.seed}",
                     "storage": options.storage or "the executors' own disks"})
    expected = wanted(context, options.seed, options.records, 2 * slots)
    few = storage.keep("few", sort_frames.made(session, options.seed, _WARM_UP * slots, 2 * slots))
    storage.keep("few-sorted", sort_frames.in_order(few, partitions))
    source = storage.keep("input", sort_frames.made(session, options.seed, options.records, 2 * slots))
    with run.measured(), spark_stages.group(context, _GROUP):
        started_s = time.perf_counter()
        output = storage.keep("sorted", sort_frames.in_order(source, partitions))
        seconds = time.perf_counter() - started_s
    counted = spark_stages.counted(context, _GROUP)
    parts = sort_frames.looked_at(storage.located(output))
    sort_frames.check(parts, expected)
    run.measurement({"partitions": partitions}, {
        **values(options.records, seconds), **counted,
        "largest_partition_records": max(part.tally.count for part in parts)})


def wanted(spark_context: Any, seed: int, records: int, parts: int) -> Tally:
    """What the sorted records must add up to, computed by numpy on all executors."""
    shares = spark_context.parallelize(range(parts), parts).mapPartitions(Share(seed, records, parts)).collect()
    return sum(shares, Tally())


def values(records: int, seconds: float) -> dict[str, float]:
    """The row's rates; megabytes are 10^6 bytes."""
    size = records * RECORD_BYTES
    return {"records_per_second": records / seconds, "megabytes_per_second": size / 1e6 / seconds,
            "seconds": seconds, "records": records, "bytes": size}


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: sort(options, run, os.environ), measured=MEASURED)

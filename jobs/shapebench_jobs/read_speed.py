"""read-speed: how fast does this Spark cluster read labelled images, as single files or as TFRecord shards?"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shapebench_jobs import arguments
from shapebench_jobs.dataset_files import DatasetArguments
from shapebench_jobs.harness import Run, WrongAnswerError, note, perform
from shapebench_jobs.reading import Part, ReadPlan
from shapebench_jobs.tally import Tally

if TYPE_CHECKING:
    from shapebench_jobs.spark_source import Source

DESCRIPTION = """\
Read labelled images with Spark and measure images and megabytes (10^6 bytes) per second.

Before the clock starts: all executors have registered (SHAPEBENCH_WORKERS of them), the data set lies
on every machine's own disk, and Spark and Python have read a few images in the task slots. Files that
were just made are in the machine's page cache. The measured part is listing, reading, checking CRCs,
decoding and putting images into batches, --passes times.

The answer is checked: as many images, with the same bytes and classes, as were made. A wrong answer
ends with exit code 65 and names damaged files.

The cluster's settings come from spark-defaults.conf (SPARK_CONF_DIR); without any, Spark runs in this
process on all cores."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("read_speed", DESCRIPTION)
    group = result.add_argument_group("reading")
    group.add_argument("--batch-size", type=arguments.integer(1), default=32, metavar="N",
                       help="images put together into one array (default %(default)s)")
    group.add_argument("--batches", type=arguments.integer(0), default=0, metavar="N",
                       help="read only the first N x batch-size images; 0 reads all (default %(default)s)")
    group.add_argument("--passes", type=arguments.integer(1), default=1, metavar="N",
                       help="read everything N times, a row of measurements each (default %(default)s)")
    group.add_argument("--decode", action=argparse.BooleanOptionalAction, default=True,
                       help="decode the JPEGs, or only read their bytes (default --decode)")
    group.add_argument("--tasks-per-slot", type=arguments.integer(1), default=2, metavar="N",
                       help="Spark tasks for each task slot when reading single images (a TFRecord shard is always "
                       "one task): more even out, fewer cost less (default %(default)s)")
    arguments.add_cluster_options(result)
    arguments.add_source_options(result)
    arguments.add_dataset_options(result)
    return result


def read_speed(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs import spark_cluster

    wanted = arguments.dataset_arguments(options)
    with spark_cluster.connected(environ, options.start_timeout) as session:
        _on_cluster(session, options, wanted, run)


def _on_cluster(session: Any, options: argparse.Namespace, wanted: DatasetArguments, run: Run) -> None:
    from shapebench_jobs import spark_cluster, spark_files

    slots = spark_cluster.slots(session.sparkContext)
    tasks = slots * options.tasks_per_slot
    source = _prepared(session, options, wanted, slots)
    if source.number_of_files is not None and source.number_of_files < slots:
        note(f"only {source.number_of_files} files for {slots} task slots: some stay idle")
    run.environment({**spark_cluster.environment(session.sparkContext), "dataset": source.fingerprint})
    rows: list[tuple[int, Part, float]] = []
    with run.measured():
        for number in range(1, options.passes + 1):
            started_s = time.perf_counter()
            part = spark_files.read(session, source.files, source.plan, tasks)
            rows.append((number, part, time.perf_counter() - started_s))
    for number, part, seconds in rows:
        check(part, source.expected)
        run.measurement({"format": options.format, "batch_size": options.batch_size, "pass": number},
                        values(part, seconds))
    tasks_done = Counter(place for _, part, _ in rows for place in part.places)
    run.environment({"tasks_by_executor": " ".join(f"{place}={count}" for place, count in sorted(tasks_done.items()))})


def _prepared(session: Any, options: argparse.Namespace, wanted: DatasetArguments, slots: int) -> Source:
    """The images to read, there and known, and every slot warm: all that must happen before the clock starts."""
    from shapebench_jobs import spark_cluster, spark_files, spark_source

    plan = ReadPlan(options.format, options.batch_size, options.decode)
    images = options.batches * options.batch_size
    if options.data:
        return spark_source.own(session, options.data, plan, images)
    dataset = spark_cluster.make_everywhere(session.sparkContext, arguments.data_dir(options.data_dir), wanted)
    url = f"file://{dataset.folder}"  # not as_uri(): Hadoop takes %20 for what it says
    # A few images by the same way load Spark's classes, seconds of work that say nothing about the cluster's shape.
    sip = spark_source.sip(url, dataset.contents, plan, 2 * slots)
    spark_files.read(session, sip.files, sip.plan, 2 * slots)
    return spark_source.made(url, dataset.contents, plan, images)


def check(part: Part, expected: Tally) -> None:
    """Raise WrongAnswerError unless exactly the expected images were read."""
    if part.problems:
        raise WrongAnswerError("damaged input: " + "; ".join(part.problems))
    for name in ("count", "bytes", "checksum"):
        if getattr(part.tally, name) != getattr(expected, name):
            raise WrongAnswerError(f"read {part.tally}, expected {expected}: {name} differs")


def values(part: Part, seconds: float) -> dict[str, float]:
    """One row of measurements; megabytes are 10^6 bytes of encoded images."""
    return {
        "images_per_second": part.tally.count / seconds,
        "megabytes_per_second": part.tally.bytes / 1e6 / seconds,
        "seconds": seconds,
        "images": part.tally.count,
        "bytes": part.tally.bytes,
        "batches": part.batches,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: read_speed(options, run, os.environ))


if __name__ == "__main__":
    sys.exit(main())

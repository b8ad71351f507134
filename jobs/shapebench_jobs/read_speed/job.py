"""read-speed: how fast does this Spark cluster read labelled images, as single files or as TFRecord shards?"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shapebench_jobs.dataset import answer
from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.dataset.files import DatasetArguments
from shapebench_jobs.dataset.reading import Part, ReadPlan
from shapebench_jobs.files import data_folder
from shapebench_jobs.files.page_cache import Residency
from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import Run, note, perform

if TYPE_CHECKING:
    from shapebench_jobs.spark.source import Source

DESCRIPTION = """\
Read labelled images with Spark and measure images and megabytes (10^6 bytes) per second.

Before the clock starts: all executors have registered (SHAPEBENCH_WORKERS of them), the data set lies
on every machine's own disk, Spark and Python have read a few images in the task slots, and the page
cache of every executor's machine holds the files, or not (--page-cache; asked of the kernel before
each pass and written with it). The measured part is listing, reading, checking CRCs, decoding and
putting images into batches, --passes times.

The answer is checked: as many images, with the same bytes and classes, as were made. A wrong answer
ends with exit code 65 and names damaged files, unless --on-damage=skip leaves them out.

The cluster's settings come from spark-defaults.conf (SPARK_CONF_DIR); without any, Spark runs in this
process on all cores."""
MEASURED = (
    "images_per_second", "megabytes_per_second", "seconds", "images", "bytes", "batches", "damaged",
    "page_cache_resident",
)
"""The names of all values that its rows may have."""


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
    dataset_options.add_source_options(result)
    dataset_options.add_condition_options(result)
    dataset_options.add_dataset_options(result)
    return result


def read_speed(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs.spark import cluster as spark_cluster
    from shapebench_jobs.spark import source as spark_source

    wanted = dataset_options.dataset_arguments(options)
    if not options.data:
        spark_source.refuse_too_few(options.batch_size, options.batches * options.batch_size, wanted.images)
    with spark_cluster.connected(environ, options.start_timeout) as session:
        _on_cluster(session, options, wanted, run)


@dataclass(frozen=True)
class _Pass:
    """One timed read, and what the page cache held when it began."""

    number: int
    cache: Residency
    part: Part
    seconds: float


def _on_cluster(session: Any, options: argparse.Namespace, wanted: DatasetArguments, run: Run) -> None:
    from shapebench_jobs.read_speed import left_out
    from shapebench_jobs.spark import cluster as spark_cluster

    slots = spark_cluster.slots(session.sparkContext)
    source = _prepared(session, options, wanted, slots)
    if source.number_of_files is not None and source.number_of_files < slots:
        note(f"only {source.number_of_files} files for {slots} task slots: some stay idle")
    run.environment({**spark_cluster.environment(session.sparkContext), "dataset": source.fingerprint})
    passes = [replace(one, part=left_out.told(session, source, one.part))
              for one in _passes(session, options, source, slots * options.tasks_per_slot, run)]
    damaged = [answer.check(one.part, source.answer, skip=options.on_damage == "skip") for one in passes]
    for one, lost in zip(passes, damaged, strict=True):
        run.measurement(
            {"format": options.format, "batch_size": options.batch_size, "pass": one.number,
             "page_cache": one.cache.state}, values(one.part, one.seconds, one.cache, lost))
    tasks_done = Counter(place for one in passes for place in one.part.places)
    run.environment({"tasks_by_executor": " ".join(f"{place}={count}" for place, count in sorted(tasks_done.items()))})
    if damaged[0]:
        skipped = answer.described(passes[0].part.damages, damaged[0])
        note(f"skipped damaged input: {skipped}")
        run.environment({"damaged": skipped})


def _passes(session: Any, options: argparse.Namespace, source: Source, tasks: int, run: Run) -> list[_Pass]:
    """The measured part. What readies the page cache is in no pass's time; the first time, not on the clock either."""
    from shapebench_jobs.spark import files as spark_files
    from shapebench_jobs.spark import page_cache as spark_page_cache

    wanted = dataset_options.page_cache_wanted(options)

    def ready() -> Residency:
        cache, why_not = spark_page_cache.prepare(session.sparkContext, source.files, wanted)
        if why_not:
            note(why_not)
        return cache

    passes: list[_Pass] = []
    cache = ready()
    with run.measured():
        for number in range(1, options.passes + 1):
            if passes:
                cache = ready()
            started_s = time.perf_counter()
            part = spark_files.read(session, source.files, source.plan, tasks)
            passes.append(_Pass(number, cache, part, time.perf_counter() - started_s))
    return passes


def _prepared(session: Any, options: argparse.Namespace, wanted: DatasetArguments, slots: int) -> Source:
    """The images to read, there and known, and every slot warm: all that must happen before the clock starts."""
    from shapebench_jobs.spark import cluster as spark_cluster
    from shapebench_jobs.spark import files as spark_files
    from shapebench_jobs.spark import source as spark_source

    plan = ReadPlan(options.format, options.batch_size, options.decode)
    images = options.batches * options.batch_size
    if options.data:
        return spark_source.own(session, options.data, plan, images, skip=options.on_damage == "skip")
    dataset = spark_cluster.make_everywhere(session.sparkContext, data_folder.chosen(options.data_dir), wanted)
    url = f"file://{dataset.folder}"  # not as_uri(): Hadoop takes %20 for what it says
    # A few images by the same way load Spark's classes, seconds of work that say nothing about the cluster's shape.
    sip = spark_source.sip(url, dataset.contents, plan, 2 * slots)
    spark_files.read(session, sip.files, sip.plan, 2 * slots)
    return spark_source.made(url, dataset.contents, plan, images)


def values(part: Part, seconds: float, cache: Residency, damaged: int = 0) -> dict[str, float]:
    """One row of measurements; megabytes are 10^6 bytes of encoded images."""
    known = {} if cache.fraction is None else {"page_cache_resident": cache.fraction}
    return {
        "images_per_second": part.tally.count / seconds,
        "megabytes_per_second": part.tally.bytes / 1e6 / seconds,
        "seconds": seconds,
        "images": part.tally.count,
        "bytes": part.tally.bytes,
        "batches": part.batches,
        "damaged": damaged,
        **known,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: read_speed(options, run, os.environ), measured=MEASURED)

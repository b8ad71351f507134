"""write-tfrecords: how fast does this Spark cluster turn images into TFRecord shards for training?"""

from __future__ import annotations

import argparse
import functools
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapebench_jobs.dataset import answer
from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.dataset.files import DatasetArguments
from shapebench_jobs.dataset.reading import Damage
from shapebench_jobs.files import data_folder
from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import BadArgumentsError, Run, WrongAnswerError, note, perform
from shapebench_jobs.write_tfrecords import folder as shard_folder
from shapebench_jobs.write_tfrecords.writing import WritePlan, Written, write_shard

if TYPE_CHECKING:
    from shapebench_jobs.write_tfrecords.source import Pictures

DESCRIPTION = """\
Turn labelled JPEG images into TFRecord shards for training with Spark, and measure images and
megabytes (10^6 bytes) per second: decode, resize and crop, compress again, write.

Before the clock starts: all executors have registered (SHAPEBENCH_WORKERS of them), the images lie on
every machine's own disk (or are listed, with --data), and every task slot has turned a few images into
a shard. On the clock: list and read the images with Spark, shrink them, and write one shard for each
partition with mapPartitionsWithIndex, each to the disk (fsync) and then renamed to its name.

The answer is checked after the clock, where the shards lie, by a reader that shares no code with the
writer: framing and both CRCs of each record, its label against the list of images, its picture's size,
and that each image is in exactly one record. A wrong answer ends with exit code 65 and names shard and
record.

The tasks are Python programs and open files: --out must be a path that is there in every executor's
pod, such as a mounted claim. Object storage by URL (s3a://, gs://) can be read with --data, but not
written."""
MEASURED = (
    "images_per_second", "megabytes_read_per_second", "megabytes_written_per_second", "seconds", "images",
    "damaged_images", "bytes_read", "bytes_written", "shards", "largest_shard_images", "slowest_shard_seconds",
    "executor_images", "executor_images_per_second", "executor_shards", "executor_task_seconds",
)
"""The names of all values that its rows may have."""

_MADE_SIDE_PX = 320


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("write_tfrecords", DESCRIPTION)
    group = result.add_argument_group("writing")
    group.add_argument("--resize", type=arguments.integer(1), default=256, metavar="PIXELS",
                       help="scale an image so that its shorter side has this length (default %(default)s)")
    group.add_argument("--crop", type=arguments.integer(1), default=224, metavar="PIXELS",
                       help="then keep a square of this side from its middle (default %(default)s)")
    group.add_argument("--quality", type=arguments.integer(1, 100), default=90, metavar="N",
                       help="JPEG quality of what is written, 1 to 100 (default %(default)s)")
    group.add_argument("--shards", type=arguments.integer(1), default=8, metavar="N",
                       help="how many TFRecord files to write, a task each; give at least the cluster's task slots "
                       "(default %(default)s)")
    group.add_argument("--out", default="", metavar="PATH",
                       help="folder for the shards, an absolute path or file:// URL in every executor's pod; several "
                       "executors may share it (default: a folder on each executor's scratch disk, removed at the end)")
    group.add_argument("--overwrite", action="store_true",
                       help="remove the shards that are in --out; without it, the folder must be empty")
    dataset_options.add_on_damage(group)
    arguments.add_cluster_options(result)
    dataset_options.add_place_options(result.add_argument_group("data"),
                                      "folder or bucket of images (class/image.jpg)")
    dataset_options.add_picture_options(result, side=_MADE_SIDE_PX)
    return result


def write_tfrecords(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs.spark import cluster as spark_cluster

    check_arguments(options)
    with spark_cluster.connected(environ, options.start_timeout) as session:
        on_cluster(session, options, run)


def check_arguments(options: argparse.Namespace) -> None:
    """Raise BadArgumentsError where options contradict each other."""
    if options.crop > options.resize:
        raise BadArgumentsError(f"--crop={options.crop} is more than --resize={options.resize}: "
                                "the square would reach over the edge")
    if options.out:
        shard_folder.local_path(options.out)
    elif options.overwrite:
        raise BadArgumentsError("--overwrite without --out: the executors' own scratch folders are always new")
    if not options.data and options.shards > options.images:
        raise BadArgumentsError(f"--shards={options.shards} is more than --images={options.images}: "
                                "a shard would be empty")


def on_cluster(session: Any, options: argparse.Namespace, run: Run) -> None:
    """The job in a session whose executors are all there."""
    context = session.sparkContext
    if options.out:
        out = shard_folder.local_path(options.out)
    else:
        out = data_folder.chosen(options.data_dir) / f"write-tfrecords-{context.applicationId}"
    pictures = _pictures(session, options)
    shard_folder.prepare(context, out, options.overwrite)
    try:
        _measure(session, options, pictures, out, run)
    except WrongAnswerError:
        _leave_no_scratch(context, options, out)
        raise
    _leave_no_scratch(context, options, out)  # after any other error the executors may not be there to ask


def _leave_no_scratch(context: Any, options: argparse.Namespace, out: Path) -> None:
    if not options.out:
        shard_folder.remove(context, out)


def _pictures(session: Any, options: argparse.Namespace) -> Pictures:
    """The images, there and known."""
    from shapebench_jobs.spark import cluster as spark_cluster
    from shapebench_jobs.write_tfrecords import source as shard_source

    if options.data:
        pictures = shard_source.own(session, options.data)
        if options.shards > len(pictures.labels):
            raise BadArgumentsError(f"--shards={options.shards} is more than the {len(pictures.labels)} images of "
                                    f"--data={options.data}: a shard would be empty")
        return pictures
    width, height = options.image_size
    # The data set's own shards are not read here: one is the least.
    wanted = DatasetArguments(options.images, width, height, options.classes, options.seed, shards=1)
    dataset = spark_cluster.make_everywhere(session.sparkContext, data_folder.chosen(options.data_dir), wanted)
    return shard_source.made(session, f"file://{dataset.folder}", dataset.contents)


def _measure(session: Any, options: argparse.Namespace, pictures: Pictures, out: Path, run: Run) -> None:
    from shapebench_jobs.spark import cluster as spark_cluster
    from shapebench_jobs.write_tfrecords import check as shard_check
    from shapebench_jobs.write_tfrecords import source as shard_source

    context = session.sparkContext
    slots = spark_cluster.slots(context)
    if options.shards < slots:
        note(f"--shards={options.shards} for {slots} task slots: some stay idle")
    run.environment({**spark_cluster.environment(context), "dataset": pictures.fingerprint})
    plan = WritePlan(pictures.root, pictures.classes, str(out), options.shards, options.resize, options.crop,
                     options.quality)
    _warm_up(session, pictures, plan, slots)
    size = shard_source.partition_bytes(pictures.sizes, options.shards)
    with run.measured():
        started_s = time.perf_counter()
        written = write(session, pictures, plan, size)
        seconds = time.perf_counter() - started_s
    damaged = [(key, "an empty file") for key in pictures.empty] + [one for shard in written for one in shard.damaged]
    refuse_damaged(damaged, options.on_damage)
    shard_check.verify(written, shard_check.read_back(context, out, written, options.crop), pictures.labels)
    parameters = {"shards": options.shards, "resize": options.resize, "crop": options.crop, "quality": options.quality}
    run.measurement(parameters, values(written, seconds) | {"damaged_images": len(damaged)})
    for place, row in enumerate(by_executor(written, seconds)):
        run.measurement({"executor": place}, row)


def write(session: Any, pictures: Pictures, plan: WritePlan, size: int) -> list[Written]:
    """Write every shard once on the whole cluster, from partitions of `size` bytes."""
    from shapebench_jobs.write_tfrecords import source as shard_source

    partitions = shard_source.partitions(session, pictures, plan.shards, size)
    written: list[Written] = partitions.mapPartitionsWithIndex(functools.partial(write_shard, plan)).collect()
    return written


def _warm_up(session: Any, pictures: Pictures, plan: WritePlan, slots: int) -> None:
    """A shard of the first two images for each slot: loading Spark's classes says nothing about the cluster's shape."""
    from shapebench_jobs.write_tfrecords import source as shard_source

    folder = Path(plan.folder) / f".warm-up-{session.sparkContext.applicationId}"
    shards = min(slots, len(pictures.labels))
    sip = replace(plan, folder=str(folder), shards=shards, first=2)
    write(session, pictures, sip, shard_source.partition_bytes(pictures.sizes, shards))
    shard_folder.remove(session.sparkContext, folder)


def refuse_damaged(damaged: Sequence[tuple[str, str]], on_damage: str) -> None:
    """Raise WrongAnswerError for images (key, problem) that could not be decoded; if they may be skipped, name them."""
    if not damaged:
        return
    message = f"damaged input: {answer.described(tuple(Damage(key, 0, problem) for key, problem in sorted(damaged)))}"
    if on_damage == "fail":
        raise WrongAnswerError(message)
    note(f"skipped {message}")


def values(written: Sequence[Written], seconds: float) -> dict[str, float]:
    """The row of the whole work; megabytes are 10^6 bytes: JPEG files read, shards written."""
    images = sum(one.records for one in written)
    bytes_read, bytes_written = sum(one.bytes_read for one in written), sum(one.bytes_written for one in written)
    return {
        "images_per_second": images / seconds,
        "megabytes_read_per_second": bytes_read / 1e6 / seconds,
        "megabytes_written_per_second": bytes_written / 1e6 / seconds,
        "seconds": seconds,
        "images": images,
        "bytes_read": bytes_read,
        "bytes_written": bytes_written,
        "shards": len(written),
        "largest_shard_images": max(one.records for one in written),
        "slowest_shard_seconds": max(one.seconds for one in written),
    }


def by_executor(written: Sequence[Written], seconds: float) -> list[dict[str, float]]:
    """A row for each executor that wrote anything, in the order of their names: was the work spread evenly?"""
    rows = []
    for place in sorted({one.place for one in written}):
        own = [one for one in written if one.place == place]
        rows.append({
            "executor_images": sum(one.records for one in own),
            "executor_images_per_second": sum(one.records for one in own) / seconds,
            "executor_shards": len(own),
            "executor_task_seconds": sum(one.seconds for one in own),
        })
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: write_tfrecords(options, run, os.environ), measured=MEASURED)

"""read-grid: one Spark job over a whole grid of reading parameters, evaluated several times, cached or not."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import Any

from shapebench_jobs.dataset import answer
from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.dataset.files import DatasetArguments
from shapebench_jobs.files import data_folder, page_cache
from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import ENV_RUN, ENV_SEED, BadArgumentsError, Run, note, perform
from shapebench_jobs.read_grid import actions as grid_actions
from shapebench_jobs.read_grid import grid
from shapebench_jobs.read_grid import source as grid_source
from shapebench_jobs.read_grid.actions import Evaluation
from shapebench_jobs.read_grid.grid import Assignment, Counters, ParameterSet, ReadSet, Row
from shapebench_jobs.read_grid.source import Known

DESCRIPTION = """\
Measure how fast images are read for every parameter set of a grid, in one Spark job: the grid (format x
batch size x number of batches x repetition) is parallelised, and each task opens its files itself, reads
batch-size x batches images of them and takes the time. Five actions follow on the result: its rows, and
the mean rate by batch size, by number of batches, by format and of all.

With --no-cache every action reads the whole grid again, as Spark does with what is not cached; with
--cache the first one alone. The actions' times and the runs' disk and network use show what that costs.

Before the clock starts: all executors have registered (SHAPEBENCH_WORKERS of them), the data set lies
on every machine's own disk, every slot has read a few images, and with --page-cache=warm all files are
in the page cache. With --page-cache=cold each task drops its own files before its own clock. While there
are files enough no two parameter sets read the same ones.

The answer is checked: count, bytes and checksum of what each parameter set read, the images in every
mean, and how often parameter sets were read. A wrong answer ends with exit code 65.

The cluster's settings come from spark-defaults.conf (SPARK_CONF_DIR); without any, Spark runs in this
process on all cores."""
MEASURED = (
    "images_per_second", "megabytes_per_second", "seconds", "images", "bytes", "damaged", "page_cache_resident",
    "action_seconds", "action_sets_read", "action_preparing_task_seconds", "all_actions_seconds", "sets_read",
    "parameter_sets", "reads_per_set",
)
"""The names of all values that its rows may have."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("read_grid", DESCRIPTION)
    group = result.add_argument_group("grid")
    group.add_argument("--formats", type=dataset_options.formats, default=dataset_options.FORMATS, metavar="NAMES",
                       help=f"of {', '.join(dataset_options.FORMATS)}, with commas between (default: both)")
    group.add_argument("--batch-sizes", type=arguments.integers(1), default=(2, 4, 6), metavar="N,N,...",
                       help="images put together into one array (default 2,4,6)")
    group.add_argument("--batch-numbers", type=arguments.integers(1), default=(3, 6, 8), metavar="N,N,...",
                       help="batches to read for each parameter set (default 3,6,8)")
    group.add_argument("--repetitions", type=arguments.integer(1), default=3, metavar="N",
                       help="read each parameter set N times, with other images where there are enough "
                       "(default %(default)s)")
    group.add_argument("--cache", action=argparse.BooleanOptionalAction, default=True,
                       help="keep the rows in the executors' memory after the first action (default --cache)")
    group.add_argument("--decode", action=argparse.BooleanOptionalAction, default=True,
                       help="decode the JPEGs, or only read their bytes (default --decode)")
    dataset_options.add_place_options(result.add_argument_group("data"),
                                      "folder (class/image.jpg or *.tfrecord; no bucket)")
    dataset_options.add_condition_options(result)
    arguments.add_cluster_options(result)
    dataset_options.add_dataset_options(result)
    return result


def read_grid(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs.spark import cluster as spark_cluster

    wanted = dataset_options.dataset_arguments(options)
    sets = grid.parameter_sets(options.formats, options.batch_sizes, options.batch_numbers, options.repetitions,
                               order_seed(environ))
    if options.data:
        grid_source.local_folder(options.data)  # refused before Spark takes its seconds to come up
    else:
        _refuse_too_few(sets, wanted.images)
    with spark_cluster.connected(environ, options.start_timeout) as session:
        measure(session.sparkContext, options, wanted, sets, run)


def measure(context: Any, options: argparse.Namespace, wanted: DatasetArguments, sets: Sequence[ParameterSet],
            run: Run) -> None:
    """The job on a cluster that is there."""
    from shapebench_jobs.spark import cluster as spark_cluster

    known, fingerprint = _known(context, options, wanted, sets)
    assignments = _assigned(sets, known)
    slots = spark_cluster.slots(context)
    if len(assignments) < slots:
        note(f"only {len(assignments)} parameter sets for {slots} task slots: some stay idle")
    run.environment({**spark_cluster.environment(context), "dataset": fingerprint, "parameter_sets": str(len(sets))})
    _warm_up(context, options, assignments, known, slots)
    counters = Counters.of(context)
    read = ReadSet(options.decode, dataset_options.page_cache_wanted(options), counters)
    with run.measured():
        rows = context.parallelize(assignments, len(assignments)).map(read)
        evaluations = grid_actions.evaluate(rows.cache() if options.cache else rows, counters)
    skip = options.on_damage == "skip"
    damaged = [answer.check(row.part, grid_source.expected(assignment, known), skip=skip)
               for row, assignment in zip(evaluations[0].rows, assignments, strict=True)]
    grid_actions.check(evaluations, cached=options.cache)
    _report(run, options, evaluations, damaged)


def _known(context: Any, options: argparse.Namespace, wanted: DatasetArguments,
           sets: Sequence[ParameterSet]) -> tuple[Known, str]:
    """The files to read, and what is in them."""
    from shapebench_jobs.spark import cluster as spark_cluster

    if not options.data:
        there = spark_cluster.make_everywhere(context, data_folder.chosen(options.data_dir), wanted)
        return grid_source.made(there, options.formats), there.contents.fingerprint
    images = sum(one.images for one in sets) // len(options.formats)
    known, name = grid_source.own(options.data, options.formats, images, skip=options.on_damage == "skip")
    for files in known.values():
        _refuse_too_few(sets, sum(len(tallies) for _, tallies in files))
    return known, name


def _assigned(sets: Sequence[ParameterSet], known: Known) -> list[Assignment]:
    """In the order of the sets, which says when each is read."""
    of_format = {name: iter(grid.assigned([one for one in sets if one.format == name],
                                          [(path, len(tallies)) for path, tallies in files]))
                 for name, files in known.items()}
    result = [next(of_format[one.format]) for one in sets]
    for name in known:
        paths = [path for one in result if one.parameters.format == name for path, _ in one.files]
        if len(set(paths)) < len(paths):
            note(f"{name}: some parameter sets read the same files; with more files each would have its own "
                 f"({len(paths)} of {len(known[name])})")
    return result


def _warm_up(context: Any, options: argparse.Namespace, assignments: Sequence[Assignment], known: Known,
             slots: int) -> None:
    """Every slot reads one small set, and an action with a shuffle runs: imports and classes are no part of reading."""
    from shapebench_jobs.spark import page_cache as spark_page_cache
    from shapebench_jobs.spark.files import Files

    smallest = min(assignments, key=lambda one: one.parameters.images)
    unlike = Counters.of(context)
    read = ReadSet(options.decode, page_cache.AS_IS, unlike)
    grid_actions.evaluate(context.parallelize([smallest] * slots, slots).map(read), unlike)
    wanted = dataset_options.page_cache_wanted(options)
    if wanted != page_cache.WARM:
        return
    for name, files in known.items():
        local = Files(name, paths=tuple(f"file:{path}" for path, _ in files))
        _, why_not = spark_page_cache.prepare(context, local, wanted)
        if why_not:
            note(why_not)


def _report(run: Run, options: argparse.Namespace, evaluations: Sequence[Evaluation], damaged: Sequence[int]) -> None:
    """A row for all actions, one for each, and those of the first action: where only some are kept, the whole is."""
    rows = evaluations[0].rows
    sets_read = sum(evaluation.sets_read for evaluation in evaluations)
    run.measurement({"action": "all", "cached": options.cache}, {
        "all_actions_seconds": sum(evaluation.seconds for evaluation in evaluations), "sets_read": sets_read,
        "parameter_sets": len(rows), "reads_per_set": sets_read / len(rows)})
    for evaluation in evaluations:
        run.measurement({"action": evaluation.action, "cached": options.cache},
                        {"action_seconds": evaluation.seconds, "action_sets_read": evaluation.sets_read,
                         "action_preparing_task_seconds": evaluation.preparing_task_seconds})
        for value, mean in sorted(evaluation.means.items()):
            note(f"{evaluation.action} {value or 'of all'}: {mean.images_per_second:.1f} images/s in a task")
    for row, lost in zip(rows, damaged, strict=True):
        parameters = row.parameters
        run.measurement({"format": parameters.format, "batch_size": parameters.batch_size,
                         "batches": parameters.batches, "repetition": parameters.repetition,
                         "page_cache": row.cache.state}, values(row, lost))
    if options.cache and sets_read > len(rows):
        note(f"{sets_read - len(rows)} reads more than parameter sets: rows were evicted, or an executor was lost")
    _explain(run, options, rows, sum(damaged))


def _explain(run: Run, options: argparse.Namespace, rows: Sequence[Row], damaged: int) -> None:
    """What of the files' state the reader of the numbers must know."""
    wanted = dataset_options.page_cache_wanted(options)
    unlike = [row for row in rows if page_cache.explanation(wanted, row.cache)]
    if unlike:
        note(f"{len(unlike)} of {len(rows)} parameter sets were not read {wanted}, as their rows say; "
             f"one of them: {page_cache.explanation(wanted, unlike[0].cache)}")
    if damaged:
        damages = tuple(damage for row in rows for damage in row.part.damages)
        skipped = answer.described(damages, damaged)
        note(f"skipped damaged input: {skipped}")
        run.environment({"damaged": skipped})


def values(row: Row, damaged: int) -> dict[str, float]:
    """The measurements of one parameter set; megabytes are 10^6 bytes of encoded images."""
    tally = row.part.tally
    known = {} if row.cache.fraction is None else {"page_cache_resident": row.cache.fraction}
    return {
        "images_per_second": tally.count / row.seconds,
        "megabytes_per_second": tally.bytes / 1e6 / row.seconds,
        "seconds": row.seconds,
        "images": tally.count,
        "bytes": tally.bytes,
        "damaged": damaged,
        **known,
    }


def _refuse_too_few(sets: Sequence[ParameterSet], there: int) -> None:
    largest = max(sets, key=lambda one: one.images)
    if largest.images > there:
        raise BadArgumentsError(f"--batch-sizes up to {largest.batch_size} x --batch-numbers up to {largest.batches} "
                                f"ask for {largest.images} images at once, and there are {there}: give less, or more "
                                "images (--images for a made data set)")


def order_seed(environ: Mapping[str, str]) -> str:
    """Every run has an order of its own, the same one whenever it is tried again."""
    text = environ.get(ENV_SEED, "0")
    if not text.isdecimal():
        raise BadArgumentsError(f"{ENV_SEED}={text!r} is no seed: give a whole number from 0")
    return f"{text}/{environ.get(ENV_RUN, '')}"


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: read_grid(options, run, os.environ), measured=MEASURED)

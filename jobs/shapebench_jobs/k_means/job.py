"""k-means: how fast does this Spark cluster go over the same points again and again?"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import BadArgumentsError, Run, note, perform
from shapebench_jobs.k_means import check as k_means_check
from shapebench_jobs.k_means import step as k_means_step
from shapebench_jobs.k_means.check import Iteration
from shapebench_jobs.k_means.points import BLOCK, MOST_CLUSTERS, Blobs

if TYPE_CHECKING:
    from shapebench_jobs.k_means.points import Points
    from shapebench_jobs.k_means.step import Sums

DESCRIPTION = """\
Group points by k-means (Lloyd's iterations) in Spark's RDDs, with numpy in the tasks.

Before the clock starts: all executors have registered, a few points went through one iteration, and the
points were drawn from the seed into the cache that --cache names. The measured part is --iterations
passes over all points: each task adds up its points around the centroids, the driver adds up the tasks.
Points that are in no cache (--cache=none, or no room for them) are drawn again in every iteration, as
Spark does with an RDD that was not kept.

The answer is checked: no point was lost, distances never grew, and numpy in the driver comes to the
same centroids by another formula: in every iteration where points x iterations are at most 10 million,
else in the last one. A wrong answer ends with exit code 65.

The cluster's settings come from spark-defaults.conf (SPARK_CONF_DIR); without any, Spark runs in this
process on all cores."""
MEASURED = (
    "iteration_seconds", "inertia", "farthest_move", "points_per_second", "seconds", "iterations", "final_inertia",
    "cached_share", "shuffle_bytes", "spilled_bytes", "gc_seconds",
)
"""The names of all values that its rows may have."""

CACHES = ("memory", "disk", "none")
_GROUP = "shapebench-k-means"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    default = Blobs()
    result = arguments.new_parser("k_means", DESCRIPTION)
    group = result.add_argument_group("k-means")
    group.add_argument("--iterations", type=arguments.integer(1), default=10, metavar="N",
                       help="passes over all points, however soon the centroids stand still (default %(default)s)")
    group.add_argument("--clusters", type=arguments.integer(1, MOST_CLUSTERS), default=default.clusters, metavar="N",
                       help=f"centroids, and blobs of points, 1 to {MOST_CLUSTERS} (default %(default)s)")
    group.add_argument("--cache", choices=CACHES, default="memory",
                       help="where the points are kept between iterations (default %(default)s)")
    group.add_argument("--partitions", type=arguments.integer(0), default=0, metavar="N",
                       help="how many tasks an iteration has; 0 makes two for each task slot (default %(default)s)")
    group = result.add_argument_group("points")
    group.add_argument("--points", type=arguments.integer(1), default=default.points, metavar="N",
                       help="how many points (default %(default)s)")
    group.add_argument("--dimensions", type=arguments.integer(1), default=default.dimensions, metavar="N",
                       help="numbers of 8 bytes in a point (default %(default)s)")
    group.add_argument("--seed", type=arguments.integer(0), default=default.seed, metavar="N",
                       help="the same seed makes the same points on every machine (default %(default)s)")
    arguments.add_cluster_options(result)
    return result


def k_means(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs.spark import cluster as spark_cluster

    blobs = Blobs(options.points, options.dimensions, options.clusters, options.seed)
    if blobs.clusters > blobs.points:
        raise BadArgumentsError(f"--clusters={blobs.clusters} is more than --points={blobs.points}: "
                                "give fewer clusters or more points")
    if options.partitions > blobs.blocks:
        raise BadArgumentsError(f"--partitions={options.partitions} is more than the {blobs.blocks} blocks of {BLOCK} "
                                f"points that --points={blobs.points} makes: some would stay empty")
    with spark_cluster.connected(environ, options.start_timeout) as session:
        _on_cluster(session.sparkContext, options, blobs, run)


def _on_cluster(context: Any, options: argparse.Namespace, blobs: Blobs, run: Run) -> None:
    from shapebench_jobs.spark import cluster as spark_cluster
    from shapebench_jobs.spark import stages as spark_stages

    slots = spark_cluster.slots(context)
    partitions = options.partitions or min(2 * slots, blobs.blocks)
    if partitions < slots:
        note(f"only {partitions} partitions for {slots} task slots: some stay idle")
    run.environment({
        **spark_cluster.environment(context), "numpy": np.__version__, "partitions": str(partitions),
        "dataset": f"{blobs.points}-points-{blobs.dimensions}-dimensions-{blobs.clusters}-clusters-seed-{blobs.seed}",
        "iterations_repeated_by_the_check": str(k_means_check.repeated(blobs, options.iterations))})
    centroids = blobs.beginning()
    few = Blobs(BLOCK * 2 * slots, blobs.dimensions, blobs.clusters, blobs.seed)
    step(drawn(context, few, 2 * slots), centroids)
    points = drawn(context, blobs, partitions)
    if options.cache != "none":
        points = kept(points, options.cache)
    with run.measured(), spark_stages.group(context, _GROUP):
        iterations = iterate(points, centroids, options.iterations)
    cached = cached_share(context, points, partitions)
    k_means_check.check(blobs, iterations)
    _report(iterations, {"cache": options.cache}, run, {
        **values(blobs, iterations), "cached_share": cached, **spark_stages.counted(context, _GROUP)})


def drawn(context: Any, blobs: Blobs, partitions: int) -> Any:
    """The points as an RDD of blocks, not yet made."""
    return context.parallelize(range(partitions), partitions).mapPartitions(k_means_step.Draw(blobs, partitions))


def kept(points: Any, cache: str) -> Any:
    """The points, made once and kept as far as there is room."""
    from pyspark import StorageLevel

    points = points.persist(StorageLevel.DISK_ONLY if cache == "disk" else StorageLevel.MEMORY_ONLY)
    points.foreach(_seen)
    return points


def _seen(_: Points) -> None:
    """Nothing is to be done with a block that only has to be made."""


def cached_share(context: Any, points: Any, partitions: int) -> float:
    """Which part of the partitions is in the cache, from 0 to 1."""
    found = (info for info in context._jsc.sc().getRDDStorageInfo() if info.id() == points.id())
    return float(sum(info.numCachedPartitions() for info in found)) / partitions


def iterate(points: Any, centroids: Points, iterations: int) -> list[Iteration]:
    """The iterations, one after the other."""
    done: list[Iteration] = []
    for _ in range(iterations):
        started_s = time.perf_counter()
        found = step(points, centroids)
        done.append(Iteration(centroids, found, time.perf_counter() - started_s))
        centroids = done[-1].after
    return done


def step(points: Any, centroids: Points) -> Sums:
    """One pass over all points. The tasks' sums are added in the tasks' order: rounding is the same each time."""
    total = k_means_step.nothing(centroids)
    for part in points.mapPartitions(k_means_step.Assign(centroids)).collect():
        total += part
    return total


def values(blobs: Blobs, iterations: Sequence[Iteration]) -> dict[str, float]:
    """All iterations together."""
    seconds = sum(one.seconds for one in iterations)
    return {
        "points_per_second": blobs.points * len(iterations) / seconds,
        "seconds": seconds,
        "iterations": len(iterations),
        "final_inertia": iterations[-1].found.inertia,
    }


def _report(iterations: Sequence[Iteration], parameters: dict[str, str], run: Run, total: dict[str, float]) -> None:
    for number, one in enumerate(iterations, start=1):
        run.measurement({**parameters, "iteration": number}, {
            "iteration_seconds": one.seconds, "inertia": one.found.inertia,
            "farthest_move": float(np.sqrt(((one.after - one.before) ** 2).sum(axis=1)).max())})
    run.measurement(parameters, total)


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: k_means(options, run, os.environ), measured=MEASURED)

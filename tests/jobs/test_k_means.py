"""k-means on real Spark: the same points and centroids however they are cut, and every wrong iteration told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.k_means import check as k_means_check
from shapebench_jobs.k_means import job as k_means
from shapebench_jobs.k_means import points as k_means_points
from shapebench_jobs.k_means import step as k_means_step
from shapebench_jobs.k_means.check import Iteration
from shapebench_jobs.k_means.points import BLOCK, Blobs

from .conftest import local_cluster, read_events

# py4j and pyspark leave sockets to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

SMALL = Blobs(points=3 * BLOCK + 100, dimensions=3, clusters=4, seed=5)


def _all_points(blobs: Blobs) -> k_means_points.Points:
    return np.concatenate([blobs.block(number) for number in range(blobs.blocks)])


def _in_one_process(blobs: Blobs, iterations: int) -> list[Iteration]:
    centroids, done = blobs.beginning(), []
    for _ in range(iterations):
        done.append(Iteration(centroids, k_means_step.sums(_all_points(blobs), centroids), 1.0))
        centroids = done[-1].after
    return done


@pytest.mark.parametrize("partitions", [1, 2, 3, 4])
def test_the_points_do_not_depend_on_partitions(partitions: int) -> None:
    blocks = list(k_means_step.Draw(SMALL, partitions)(range(partitions)))
    assert [len(block) for block in blocks] == [BLOCK, BLOCK, BLOCK, 100]
    assert np.array_equal(np.concatenate(blocks), _all_points(SMALL))


def test_the_seed_decides() -> None:
    assert np.array_equal(SMALL.block(1), SMALL.block(1))
    assert not np.array_equal(SMALL.block(1), replace(SMALL, seed=6).block(1))
    assert not np.array_equal(SMALL.block(0)[:100], SMALL.block(1)[:100])


@pytest.mark.parametrize(("points", "clusters"), [(5, 5), (5, 1), (BLOCK + 1, 40)])
def test_the_beginning_is_different_points(points: int, clusters: int) -> None:
    blobs = Blobs(points, 2, clusters, 3)
    beginning = blobs.beginning()
    assert beginning.shape == (clusters, 2)
    first = {tuple(point) for point in blobs.block(0)}
    assert len({tuple(centroid) for centroid in beginning} & first) == clusters


@pytest.mark.parametrize(("points", "dimensions", "clusters"), [
    pytest.param(1, 1, 1, id="one-point"),
    pytest.param(7, 1, 7, id="a-cluster-for-each"),
    pytest.param(BLOCK + 5, 16, 10, id="two-blocks"),
    pytest.param(500, 2, 100, id="many-clusters"),
])
def test_two_formulas_agree(points: int, dimensions: int, clusters: int) -> None:
    blobs = Blobs(points, dimensions, clusters, 3)
    k_means_check.check(blobs, _in_one_process(blobs, 4))


def test_it_finds_the_blobs() -> None:
    """Four blobs far from each other: each centroid ends in the middle of one."""
    centroids = _in_one_process(SMALL, 12)[-1].after
    distances = np.sqrt(((centroids[:, None, :] - SMALL.centres()[None, :, :]) ** 2).sum(axis=2))
    assert sorted(distances.argmin(axis=1)) == [0, 1, 2, 3]
    assert distances.min(axis=1).max() < 0.1


def test_a_centroid_without_points_stays() -> None:
    centroids = np.array([[0.0], [100.0]])
    found = k_means_step.sums(np.array([[1.0], [3.0]]), centroids)
    assert found.counts.tolist() == [2, 0]
    assert found.inertia == pytest.approx(10.0)
    assert k_means_step.moved(centroids, found).tolist() == [[2.0], [100.0]]


@pytest.mark.parametrize(("cache", "share"), [("memory", 1), ("disk", 1), ("none", 0)])
def test_on_spark(spark: Any, cache: str, share: float) -> None:
    context = spark.sparkContext
    points = k_means.drawn(context, SMALL, 3)
    if cache != "none":
        points = k_means.kept(points, cache)
    iterations = k_means.iterate(points, SMALL.beginning(), 3)
    k_means_check.check(SMALL, iterations)
    assert np.allclose(iterations[-1].after, _in_one_process(SMALL, 3)[-1].after)
    assert k_means.cached_share(context, points, 3) == share
    assert k_means.values(SMALL, iterations)["iterations"] == 3
    points.unpersist()


def test_a_lost_partition_is_a_wrong_answer(spark: Any) -> None:
    context = spark.sparkContext
    lossy = context.parallelize(range(2), 2).mapPartitions(k_means_step.Draw(SMALL, 3))
    with pytest.raises(WrongAnswerError, match=f"iteration 1 saw .* points, there are {SMALL.points}"):
        k_means_check.check(SMALL, k_means.iterate(lossy, SMALL.beginning(), 1))


def test_other_points_are_a_wrong_answer(spark: Any) -> None:
    other = k_means.drawn(spark.sparkContext, replace(SMALL, seed=6), 2)
    with pytest.raises(WrongAnswerError, match=r"iteration 1 gave the centroids .* points, repeated"):
        k_means_check.check(SMALL, k_means.iterate(other, SMALL.beginning(), 1))


def _broken(iterations: list[Iteration], number: int, **changes: Any) -> list[Iteration]:
    one = iterations[number - 1]
    changed = replace(one, found=replace(one.found, **changes))
    return [*iterations[: number - 1], changed, *iterations[number:]]


@pytest.mark.parametrize(("breaking", "message"), [
    pytest.param(lambda them: _broken(them, 2, inertia=them[0].found.inertia * 1.5),
                 "the squared distances grew in iteration 2", id="worse"),
    pytest.param(lambda them: _broken(them, 3, inertia=them[2].found.inertia * (1 - 1e-6)),
                 "the squared distances of iteration 3 add up to", id="inertia"),
    pytest.param(lambda them: _broken(them, 3, totals=them[2].found.totals * (1 + 1e-6)),
                 "centroid . of iteration 3 is .*, repeated", id="centroid"),
    pytest.param(lambda them: _broken(them, 3, counts=np.roll(them[2].found.counts, 1)),
                 "iteration 3 gave the centroids .* points, repeated", id="counts"),
    pytest.param(lambda them: [them[0], them[2]], "iteration 2 did not begin where iteration 1 ended", id="skipped"),
])
def test_a_wrong_iteration_is_found(breaking: Callable[[list[Iteration]], list[Iteration]], message: str) -> None:
    right = _in_one_process(SMALL, 3)
    k_means_check.check(SMALL, right)
    with pytest.raises(WrongAnswerError, match=message):
        k_means_check.check(SMALL, breaking(right))


def test_many_points_are_repeated_once() -> None:
    assert k_means_check.repeated(replace(SMALL, points=1_000_000), 10) == 10
    assert k_means_check.repeated(replace(SMALL, points=1_000_001), 10) == 1
    assert k_means_check.repeated(replace(SMALL, points=1_000_000_000), 1) == 1


@pytest.mark.parametrize(("argv", "message"), [
    pytest.param(["--points=3", "--clusters=4"], "--clusters=4 is more than --points=3", id="clusters"),
    pytest.param(["--points=20000", "--partitions=4"], "--partitions=4 is more than the 3 blocks of 8192 points",
                 id="partitions"),
])
def test_arguments_that_cannot_work(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert k_means.main(argv) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("argument", "message"), [
    ("--points=0", "0 is out of range: give at least 1"),
    ("--clusters=1001", "1001 is out of range: give from 1 to 1000"),
    ("--dimensions=0", "0 is out of range"),
    ("--iterations=0", "0 is out of range"),
    ("--cache=tape", "invalid choice: 'tape'"),
])
def test_bad_arguments(argument: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        k_means.main([argument])
    assert message in capsys.readouterr().err


def test_on_two_executors(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    cluster = local_cluster(tmp_path)
    process = start("k_means", "--points=40000", "--iterations=3", **cluster, SHAPEBENCH_EVENTS_FILE=str(events_file))
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    assert [event["event"] for event in read_events(events_file)] == [
        "environment", "measured-started", "measured-finished", *["measurement"] * 4]
    assert read_events(events_file, "environment")[0]["values"]["iterations_repeated_by_the_check"] == "3"
    rows = read_events(events_file, "measurement")
    assert [row["parameters"] for row in rows] == [
        *({"cache": "memory", "iteration": number} for number in (1, 2, 3)), {"cache": "memory"}]
    inertias = [row["values"]["inertia"] for row in rows[:3]]
    assert inertias == sorted(inertias, reverse=True)
    total = rows[3]["values"]
    assert total["points_per_second"] == pytest.approx(120_000 / total["seconds"])
    assert total["cached_share"] == 1

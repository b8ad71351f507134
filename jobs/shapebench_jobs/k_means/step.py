"""One iteration of k-means (Lloyd's): what each task adds up, and how their sums become the next centroids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapebench_jobs.k_means.points import Blobs, Points


@dataclass(frozen=True)
class Sums:
    """Of points by the centroid that is nearest to them."""

    counts: NDArray[np.int64]
    totals: Points
    """The sum of the points of each centroid."""
    inertia: float
    """The sum of the squared distances of all points to their centroid."""

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.counts + other.counts, self.totals + other.totals, self.inertia + other.inertia)


@dataclass(frozen=True)
class Draw:
    """A Spark task that makes its share of the points; importable by executors, unlike a closure."""

    blobs: Blobs
    partitions: int

    def __call__(self, numbers: Iterable[int]) -> Iterator[Points]:
        """The blocks of these partitions."""
        for number in numbers:
            first, end = (self.blobs.blocks * (number + step) // self.partitions for step in (0, 1))
            yield from map(self.blobs.block, range(first, end))


@dataclass(frozen=True)
class Assign:
    """A Spark task that adds up its points around the centroids as they are."""

    centroids: Points

    def __call__(self, blocks: Iterable[Points]) -> Iterator[Sums]:
        """One sum for all of these blocks."""
        total = nothing(self.centroids)
        for block in blocks:
            total += sums(block, self.centroids)
        yield total


def sums(block: Points, centroids: Points) -> Sums:
    """Of one block. Distances by |x - c|² = |x|² - 2xc + |c|², which is a product of matrices."""
    partial = (centroids**2).sum(axis=1) - 2.0 * (block @ centroids.T)
    nearest = partial.argmin(axis=1)
    member = nearest[:, None] == np.arange(len(centroids))
    inertia = np.einsum("ij,ij->", block, block) + partial.min(axis=1).sum()
    return Sums(member.sum(axis=0), member.T.astype(np.float64) @ block, float(inertia))


def nothing(centroids: Points) -> Sums:
    """The sums of no points."""
    return Sums(np.zeros(len(centroids), np.int64), np.zeros_like(centroids), 0.0)


def moved(centroids: Points, found: Sums) -> Points:
    """The next centroids: the mean of each one's points; one without points stays."""
    return np.where(found.counts[:, None] > 0, found.totals / np.maximum(found.counts, 1)[:, None], centroids)

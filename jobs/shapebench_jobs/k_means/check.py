"""Is the answer of `k-means` right? Iterations repeated by other means: one process, another formula, from the seed.

Repeating them costs the driver as much as all executors had together. So all are repeated where they are few points,
and only the last one where they are many; that distances never grow, and that no point was lost, is checked of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.k_means import step as k_means_step
from shapebench_jobs.k_means.points import Blobs, Points
from shapebench_jobs.k_means.step import Sums

MOST_REPEATED = 10_000_000
"""Points times iterations, up to which all iterations are repeated: seconds of one core."""

_TOLERANCE = 1e-9
"""Relative: the same sums in another order and by another formula."""


@dataclass(frozen=True)
class Iteration:
    """One that was made."""

    before: Points
    """The centroids that it began with."""
    found: Sums
    seconds: float

    @property
    def after(self) -> Points:
        """The centroids that it ended with."""
        return k_means_step.moved(self.before, self.found)


def repeated(blobs: Blobs, iterations: int) -> int:
    """How many of the last iterations `check` repeats."""
    return iterations if blobs.points * iterations <= MOST_REPEATED else 1


def check(blobs: Blobs, iterations: Sequence[Iteration]) -> None:
    """Raise WrongAnswerError, naming the iteration, unless all are right."""
    for number, one in enumerate(iterations, start=1):
        counted = int(one.found.counts.sum())
        if counted != blobs.points:
            raise WrongAnswerError(f"iteration {number} saw {counted} points, there are {blobs.points}")
        if number > 1:
            _check_follows(number, iterations[number - 2], one)
    first = len(iterations) - repeated(blobs, len(iterations))
    for number, one in enumerate(iterations[first:], start=first + 1):
        _check_same(number, one, sums(blobs, one.before))


def sums(blobs: Blobs, centroids: Points) -> Sums:
    """Of all points, by differences alone: no product of matrices, no cancelling."""
    totals = k_means_step.nothing(centroids)
    for number in range(blobs.blocks):
        block = blobs.block(number)
        distances = np.stack([((block - centroid) ** 2).sum(axis=1) for centroid in centroids], axis=1)
        nearest = distances.argmin(axis=1)
        axes = [np.bincount(nearest, weights=axis, minlength=len(centroids)) for axis in block.T]
        totals += Sums(np.bincount(nearest, minlength=len(centroids)), np.stack(axes, axis=1),
                       float(distances[np.arange(len(block)), nearest].sum()))
    return totals


def _check_follows(number: int, before: Iteration, one: Iteration) -> None:
    if not np.array_equal(one.before, before.after):
        raise WrongAnswerError(f"iteration {number} did not begin where iteration {number - 1} ended")
    if one.found.inertia > before.found.inertia * (1 + _TOLERANCE):
        raise WrongAnswerError(f"the squared distances grew in iteration {number}, from {before.found.inertia:.9g} to "
                               f"{one.found.inertia:.9g}")


def _check_same(number: int, one: Iteration, right: Sums) -> None:
    if not np.array_equal(one.found.counts, right.counts):
        raise WrongAnswerError(f"iteration {number} gave the centroids {one.found.counts.tolist()} points, "
                               f"repeated {right.counts.tolist()}")
    if not np.isclose(one.found.inertia, right.inertia, rtol=_TOLERANCE, atol=0):
        raise WrongAnswerError(f"the squared distances of iteration {number} add up to {one.found.inertia:.12g}, "
                               f"repeated to {right.inertia:.12g}")
    expected = k_means_step.moved(one.before, right)
    if not np.allclose(one.after, expected, rtol=_TOLERANCE, atol=_TOLERANCE):
        worst = int(np.abs(one.after - expected).max(axis=1).argmax())
        raise WrongAnswerError(f"centroid {worst} of iteration {number} is {one.after[worst].tolist()}, repeated "
                               f"{expected[worst].tolist()}")

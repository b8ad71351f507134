"""The points that `k-means` groups: Gaussian blobs, drawn from a seed in blocks, the same on every machine.

A block has a generator of its own, so it does not matter which executor draws it, nor how many partitions there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192
"""Points that are drawn and worked on together."""
MOST_CLUSTERS = 1000
"""So that the first block has enough points to begin with."""

_HALF_SIDE = 6.0
"""The blobs' centres lie in a cube from -6 to 6; their points have a standard deviation of 1, so neighbours overlap."""
_CENTRES, _BLOCKS, _BEGINNING = range(3)

Points = NDArray[np.float64]
"""One point a row."""


@dataclass(frozen=True)
class Blobs:
    """What fully decides the points."""

    points: int = 1_000_000
    dimensions: int = 16
    clusters: int = 10
    seed: int = 7

    @property
    def blocks(self) -> int:
        """All full but the last."""
        return -(-self.points // BLOCK)

    def block(self, number: int) -> Points:
        """The points of one block."""
        random = np.random.default_rng((self.seed, _BLOCKS, number))
        count = min(BLOCK, self.points - number * BLOCK)
        blob = random.integers(0, self.clusters, count)
        drawn: Points = random.standard_normal((count, self.dimensions))
        return drawn + self.centres()[blob]

    def centres(self) -> Points:
        """The middles of the blobs."""
        random = np.random.default_rng((self.seed, _CENTRES))
        return random.uniform(-_HALF_SIDE, _HALF_SIDE, (self.clusters, self.dimensions))

    def beginning(self) -> Points:
        """Where the centroids are at first: points of the first block, each drawn far from those before (k-means++)."""
        random = np.random.default_rng((self.seed, _BEGINNING))
        block = self.block(0)
        chosen = [block[random.integers(len(block))]]
        nearest = np.full(len(block), np.inf)
        while len(chosen) < self.clusters:
            nearest = np.minimum(nearest, ((block - chosen[-1]) ** 2).sum(axis=1))
            chosen.append(block[random.choice(len(block), p=nearest / nearest.sum())])
        return np.array(chosen)

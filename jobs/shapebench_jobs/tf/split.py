"""Which images are for what: training or validation, and which replica takes which, in how many steps. Plain numbers.

Images are numbered from 0 in the order of their files. Every worker computes all of this by itself and comes to the
same result, so no worker ever waits for a step that another one does not make.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

_SPLIT = 0x5EED
"""Apart from other draws from the same seed."""


@dataclass(frozen=True)
class Split:
    """Numbers of the images to train with and of those to judge by, each in rising order."""

    training: Numbers
    validation: Numbers


def split(count: int, share: float, seed: int) -> Split:
    """Put a share of the images aside, drawn by the seed: exactly round(count * share) of them."""
    drawn = np.random.default_rng((_SPLIT, seed)).permutation(count)
    cut = round(count * share)
    return Split(np.sort(drawn[cut:]), np.sort(drawn[:cut]))


def shares(batch_size: int, replicas: int) -> tuple[int, ...]:
    """Images of a step for each replica; a batch that can't be divided evenly gives its rest to the first ones."""
    return tuple(batch_size // replicas + (number < batch_size % replicas) for number in range(replicas))


def cut(numbers: Numbers, batch_size: int, replicas: int) -> tuple[Numbers, ...]:
    """Each replica's images, in proportion to its share of a batch.

    So all replicas come to their end in the same step: the last of `steps`, whatever divides by what.
    """
    ends = np.cumsum((0, *shares(batch_size, replicas))) * len(numbers) // batch_size
    return tuple(numbers[first:last] for first, last in itertools.pairwise(ends))


def steps(count: int, batch_size: int) -> int:
    """How many steps it takes to use each of so many images once."""
    return -(-count // batch_size)

"""A grid of reading parameters: what of the data each parameter set reads, and the task that reads it, on time.

Executors import this module by name. A task opens its files itself: Spark only hands it its parameters, so that what it
measures is reading, and neither the start of a job nor the way through the JVM.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shapebench_jobs.dataset import reading
from shapebench_jobs.dataset.reading import Part, ReadPlan
from shapebench_jobs.dataset.tally import Tally
from shapebench_jobs.files import local as local_files
from shapebench_jobs.files import page_cache
from shapebench_jobs.files.page_cache import Residency


@dataclass(frozen=True)
class ParameterSet:
    """One point of the grid."""

    format: str
    batch_size: int
    batches: int
    repetition: int

    @property
    def images(self) -> int:
        """How many images are read."""
        return self.batch_size * self.batches


@dataclass(frozen=True)
class Assignment:
    """A parameter set and what it reads: path of each file, and how many images of it."""

    parameters: ParameterSet
    files: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Row:
    """What reading one parameter set took. `cache` is of the moment before."""

    parameters: ParameterSet
    seconds: float
    part: Part
    cache: Residency


@dataclass(frozen=True)
class Sum:
    """Several rows together: images by seconds is their mean rate, with each weighted by its time."""

    seconds: float
    tally: Tally

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.seconds + other.seconds, self.tally + other.tally)

    @property
    def images_per_second(self) -> float:
        """The mean rate of one task."""
        return self.tally.count / self.seconds


def parameter_sets(formats: Iterable[str], batch_sizes: Iterable[int], batch_numbers: Iterable[int],
                   repetitions: int, seed: str) -> tuple[ParameterSet, ...]:
    """The grid, one repetition after the other, each in a random order of its own.

    Tasks start in this order: what changes while the job runs must not look like an effect of a parameter.
    """
    points = list(itertools.product(formats, batch_sizes, batch_numbers))
    generator = random.Random(seed)
    return tuple(ParameterSet(*point, repetition) for repetition in range(1, repetitions + 1)
                 for point in generator.sample(points, len(points)))


def assigned(sets: Sequence[ParameterSet], files: Sequence[tuple[str, int]]) -> list[Assignment]:
    """What each set reads. One begins with the file behind the last one of the set before it, so that while there are
    files enough, none brings another's into the page cache; behind the last file comes the first one.

    ValueError where a set asks for more images than there are.
    """
    there = [(path, images) for path, images in files if images]
    ring = itertools.cycle(there)
    result = []
    for one in sets:
        if one.images > sum(images for _, images in there):
            raise ValueError(f"{one} asks for {one.images} images")
        missing, taken = one.images, []
        while missing:
            path, images = next(ring)
            taken.append((path, min(images, missing)))
            missing -= taken[-1][1]
        result.append(Assignment(one, tuple(taken)))
    return result


@dataclass(frozen=True)
class Counters:
    """What the driver learns of every evaluation, whoever asked for it: two of Spark's accumulators."""

    sets_read: Any
    preparing_seconds: Any
    """Of tasks, spent with dropping files from the page cache and looking at it."""

    @staticmethod
    def of(spark_context: Any) -> Counters:
        """Both at nothing."""
        return Counters(spark_context.accumulator(0), spark_context.accumulator(0.0))


@dataclass(frozen=True)
class ReadSet:
    """The task's function: read an assignment, in batches, and tell the time."""

    decode: bool
    wanted: str
    """cold, or else the page cache is only looked at."""
    counters: Counters

    def __call__(self, assignment: Assignment) -> Row:
        """Read it once."""
        self.counters.sets_read.add(1)
        arrived_s = time.perf_counter()
        parameters = assignment.parameters
        paths = [path for path, _ in assignment.files]
        if self.wanted == page_cache.COLD:
            page_cache.prepare(paths, self.wanted)
        cache = page_cache.residency(paths)
        limits = {path.rpartition("/")[2]: images for path, images in assignment.files}
        plan = ReadPlan(parameters.format, parameters.batch_size, self.decode, limits)
        started_s = time.perf_counter()
        self.counters.preparing_seconds.add(started_s - arrived_s)
        (part,) = reading.read_part(plan, local_files.contents(parameters.format, paths))
        return Row(parameters, time.perf_counter() - started_s, part, cache)


@dataclass(frozen=True)
class SumBy:
    """A row as a sum of one, by the value of one of its parameters; by nothing, all rows are one group."""

    parameter: str

    def __call__(self, row: Row) -> tuple[str | int, Sum]:
        """The parameter's value, and the sum."""
        group = getattr(row.parameters, self.parameter) if self.parameter else ""
        return group, Sum(row.seconds, row.part.tally)


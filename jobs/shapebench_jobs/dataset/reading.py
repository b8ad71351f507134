"""What Spark's executors do: turn the files of one task into batches of images, and tell what they held.

Executors import this module by name, so everything here must work without the driver. A damaged image is no exception
(Spark would try the task again, and lose the name) but a Damage in the task's answer, and reading goes on with the next
one that can be found: the driver decides whether it may be skipped.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shapebench_jobs.dataset import example, tfrecord
from shapebench_jobs.dataset.picture_batch import PictureBatch
from shapebench_jobs.dataset.picture_batch import (
    UndecodableImageError as UndecodableImageError,  # others know it from here
)
from shapebench_jobs.dataset.tally import Tally, image_checksum, total


@dataclass(frozen=True)
class ReadPlan:
    """How the files of a task are read."""

    format: str
    batch_size: int
    decode: bool
    limits: Mapping[str, int] = field(default_factory=dict)
    """Images to take from a file, by the file's name, where not all of them."""


@dataclass(frozen=True)
class Damage:
    """An image that cannot be read."""

    path: str
    number: int
    """Its place in its file, from 0."""
    why: str
    rest: bool = False
    """Whether all after it in the same file are lost too."""

    def __str__(self) -> str:
        return f"{self.path}: {self.why}" + (", and the rest of the file is lost" if self.rest else "")


@dataclass(frozen=True)
class Part:
    """What one task, or all of them together, read."""

    tally: Tally = field(default_factory=Tally)
    batches: int = 0
    damages: tuple[Damage, ...] = ()
    files: tuple[tuple[str, int], ...] = ()
    """Path of each file and how many images are in it; only where asked for."""
    places: tuple[str, ...] = ()
    """The executor of each task."""


def merge(parts: Iterable[Part]) -> Part:
    """All parts as one."""
    them = tuple(parts)
    return Part(
        tally=total(part.tally for part in them),
        batches=sum(part.batches for part in them),
        damages=tuple(damage for part in them for damage in part.damages),
        files=tuple(file for part in them for file in part.files),
        places=tuple(place for part in them for place in part.places),
    )


def executor_name() -> str:
    """The executor that this task runs in. The parent process, its own Python daemon, tells it from others here."""
    return f"{socket.gethostname()}/{os.getppid()}"


def read_part(plan: ReadPlan, files: Iterable[tuple[str, bytes]]) -> Iterator[Part]:
    """One task: read its files (path, content), batch by batch, into one Part."""
    tally, batches = Tally(), 0
    damages: list[Damage] = []
    batch, size = PictureBatch(plan.batch_size), 0
    for path, content in files:
        for number, image in enumerate(images_of(plan, path, content)):
            if isinstance(image, Damage):
                damages.append(image)
                continue
            if plan.decode:
                try:
                    batch.add(image.encoded)
                except UndecodableImageError as error:
                    damages.append(Damage(path, number, f"{_record(plan, number)}{error}"))
                    continue
            tally = tally + Tally(1, len(image.encoded), image_checksum(image.encoded, image.class_name))
            batches += size == 0
            size += 1
            if size == plan.batch_size:
                batch.clear()
                size = 0
    yield Part(tally, batches, tuple(damages), places=(executor_name(),))


def list_part(plan: ReadPlan, files: Iterable[tuple[str, bytes]]) -> Iterator[Part]:
    """One task: how many images each file holds, damaged ones too, without looking at them."""
    for path, content in files:
        yield Part(files=((path, sum(1 for _ in images_of(plan, path, content))),))


def images_of(plan: ReadPlan, path: str, content: bytes) -> Iterator[example.LabelledImage | Damage]:
    """The images in a file, up to the plan's limit for it, with each that cannot be read in its place."""
    parents, _, name = path.rpartition("/")
    if plan.format == "images":
        yield example.LabelledImage(content, 0, parents.rpartition("/")[2])
        return
    records = itertools.islice(tfrecord.spans_and_damage(content), plan.limits.get(name))
    for number, record in enumerate(records):
        if isinstance(record, tfrecord.CorruptRecordError):
            yield Damage(path, number, str(record), rest=record.resume_at is None)
            continue
        try:
            yield example.decode(content, *record)
        except example.MalformedExampleError as error:
            yield Damage(path, number, f"{_record(plan, number)}{error}")


def _record(plan: ReadPlan, number: int) -> str:
    return f"record {number}: " if plan.format == "tfrecord" else ""

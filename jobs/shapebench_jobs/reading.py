"""What Spark's executors do: turn the files of one task into batches of images, and tell what they held.

Executors import this module by name, so everything here must work without the driver. A damaged file is no exception
(Spark would try the task again, and lose the name) but a problem in the task's answer.
"""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, UnidentifiedImageError

from shapebench_jobs import example, tfrecord
from shapebench_jobs.drawing import Pixels
from shapebench_jobs.tally import Tally, image_checksum, total

PROBLEMS_KEPT = 5


@dataclass(frozen=True)
class ReadPlan:
    """How the files of a task are read."""

    format: str
    batch_size: int
    decode: bool
    limits: Mapping[str, int] = field(default_factory=dict)
    """Images to take from a file, by the file's name, where not all of them."""


@dataclass(frozen=True)
class Part:
    """What one task, or all of them together, read."""

    tally: Tally = field(default_factory=Tally)
    batches: int = 0
    problems: tuple[str, ...] = ()
    files: tuple[tuple[str, int], ...] = ()
    """Path of each file and how many images are in it; only where asked for."""
    places: tuple[str, ...] = ()
    """The executor of each task."""


def merge(parts: Iterable[Part]) -> Part:
    """All parts as one; only the first problems are kept."""
    them = tuple(parts)
    return Part(
        tally=total(part.tally for part in them),
        batches=sum(part.batches for part in them),
        problems=tuple(problem for part in them for problem in part.problems)[:PROBLEMS_KEPT],
        files=tuple(file for part in them for file in part.files),
        places=tuple(place for part in them for place in part.places),
    )


def executor_name() -> str:
    """The executor that this task runs in. The parent process, its own Python daemon, tells it from others here."""
    return f"{socket.gethostname()}/{os.getppid()}"


def read_part(plan: ReadPlan, files: Iterable[tuple[str, bytes]]) -> Iterator[Part]:
    """One task: read its files (path, content), batch by batch, into one Part."""
    tally, batches, problems = Tally(), 0, []
    batch: list[Pixels] = []
    size = 0
    for path, content in files:
        try:
            for image in images_of(plan, path, content):
                tally = tally + Tally(1, len(image.encoded), image_checksum(image.encoded, image.class_name))
                batches += size == 0
                if plan.decode:
                    batch.append(decode(image.encoded))
                size += 1
                if size == plan.batch_size:
                    assemble(batch)
                    batch, size = [], 0
        except (tfrecord.CorruptRecordError, example.MalformedExampleError, UndecodableImageError) as error:
            problems.append(f"{path}: {error}")
    assemble(batch)
    yield Part(tally, batches, tuple(problems[:PROBLEMS_KEPT]), places=(executor_name(),))


def list_part(plan: ReadPlan, files: Iterable[tuple[str, bytes]]) -> Iterator[Part]:
    """One task: how many images each file holds, without looking at them."""
    for path, content in files:
        try:
            yield Part(files=((path, sum(1 for _ in images_of(plan, path, content))),))
        except (tfrecord.CorruptRecordError, example.MalformedExampleError) as error:
            yield Part(problems=(f"{path}: {error}",))


def images_of(plan: ReadPlan, path: str, content: bytes) -> Iterator[example.LabelledImage]:
    """The images in a file, up to the plan's limit for it."""
    parents, _, name = path.rpartition("/")
    if plan.format == "images":
        yield example.LabelledImage(content, 0, parents.rpartition("/")[2])
        return
    limit = plan.limits.get(name)
    for number, payload in enumerate(tfrecord.payloads(content)):
        if number == limit:
            return
        yield example.decode(payload)


class UndecodableImageError(ValueError):
    """An encoded image that no picture can be made of."""


def decode(encoded: bytes) -> Pixels:
    """The picture in a JPEG, height x width x 3."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UndecodableImageError(f"no intact image ({error})") from error


def assemble(batch: list[Pixels]) -> Pixels | None:
    """The batch as one array, as a model would take it; None where the pictures differ in size."""
    if not batch or any(picture.shape != batch[0].shape for picture in batch):
        return None
    return np.stack(batch)

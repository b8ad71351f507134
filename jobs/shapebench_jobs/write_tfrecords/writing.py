"""What an executor does for one shard: decode, resize, crop, recompress its images and write them as TFRecords.

Executors import this module by name, so everything here must work without the driver. A shard is written under a
temporary name and renamed when it is whole and on the disk: a task that failed, was killed or lost a race to its own
speculative copy leaves no half of a shard, and the one that comes after it replaces what is there.
"""

from __future__ import annotations

import io
import itertools
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from shapebench_jobs.dataset import example, tfrecord
from shapebench_jobs.dataset.reading import UndecodableImageError, executor_name

_NOT_A_PICTURE = (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError)


@dataclass(frozen=True)
class WritePlan:
    """What every shard is made of, and where it goes."""

    root: str
    """The images' folder as Spark tells paths; what follows it, without the slash, is an image's key."""
    labels: Mapping[str, int]
    """By class name, which is the name of an image's folder."""
    folder: str
    """Where the shards go, on the executor's own file system."""
    shards: int
    resize: int
    crop: int
    quality: int
    first: int | None = None
    """Take no more images than these for each shard."""


@dataclass(frozen=True)
class Written:
    """One shard as its writer tells of it."""

    shard: str
    place: str
    """The executor that wrote it."""
    records: int
    bytes_read: int
    bytes_written: int
    seconds: float
    """From the task's first image to the shard's rename."""
    damaged: tuple[tuple[str, str], ...] = ()
    """Key of each image that could not be decoded, and why."""


def shard_name(index: int, shards: int) -> str:
    """A shard's file name: its number and how many there are, so that a missing one is seen."""
    return f"shard-{index:05d}-of-{shards:05d}.tfrecord"


def write_shard(plan: WritePlan, index: int, files: Iterable[tuple[str, bytes]]) -> Iterator[Written]:
    """One task, for mapPartitionsWithIndex: its images (path, content) become shard number `index`."""
    started_s = time.perf_counter()
    folder = Path(plan.folder)
    folder.mkdir(parents=True, exist_ok=True)  # an executor that replaces a lost one has no folder yet
    name = shard_name(index, plan.shards)
    temporary = folder / f".{name}.{socket.gethostname()}.{os.getpid()}"
    records = bytes_read = 0
    damaged = []
    try:
        with temporary.open("wb") as shard:
            for path, content in itertools.islice(files, plan.first):
                bytes_read += len(content)
                key = path[len(plan.root) + 1 :]
                try:
                    shard.write(tfrecord.frame(_example(plan, key, content)))
                    records += 1
                except UndecodableImageError as error:
                    damaged.append((key, str(error)))
            bytes_written = shard.tell()
            shard.flush()
            os.fsync(shard.fileno())  # else the time of writing to a disk is left for whoever comes next
        temporary.replace(folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    yield Written(name, executor_name(), records, bytes_read, bytes_written, time.perf_counter() - started_s,
                  tuple(damaged))


def _example(plan: WritePlan, key: str, content: bytes) -> bytes:
    class_name = key.split("/")[-2]
    return example.serialized({
        example.KEY_ENCODED: cut(content, plan.resize, plan.crop, plan.quality),
        example.KEY_LABEL: plan.labels[class_name],
        example.KEY_TEXT: class_name.encode(),
        "image/filename": key.encode(),
        "image/format": b"JPEG",
        "image/height": plan.crop,
        "image/width": plan.crop,
    })


def cut(encoded: bytes, resize: int, crop: int, quality: int) -> bytes:
    """The middle of a picture as a JPEG of crop x crop pixels, at the scale where its shorter side has `resize`.

    Only the part that stays is resampled, and a JPEG that is much larger than needed is decoded at a half, a quarter
    or an eighth of its size, which its format allows. UndecodableImageError where there is no intact picture.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            shorter = min(image.size)
            image.draft("RGB", (-(-image.width * resize // shorter), -(-image.height * resize // shorter)))
            picture = image.convert("RGB")
    except _NOT_A_PICTURE as error:
        raise UndecodableImageError(f"no intact image ({error})") from error
    side = crop * min(picture.size) / resize
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    middle = picture.resize((crop, crop), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    buffer = io.BytesIO()
    middle.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()

"""The files of a made data set: what is in its folder, how they are written, how their list is read back.

    images/<class>/<number>.jpg            one file an image
    tfrecord/shard-00000-of-00008.tfrecord the same bytes as tf.train.Examples, in the order of their numbers
    index.csv                              path, label, bytes and checksum of each image, in the same order
    manifest.json                          arguments, count, bytes, checksum, images of each shard; written last
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shapebench_jobs.dataset import drawing, example, tfrecord
from shapebench_jobs.dataset.tally import Tally, image_checksum, total

FORMAT_VERSION = 1
"""Raised when the same arguments would make other bytes, so that an old folder is not taken for a new one."""

MANIFEST_FILE = "manifest.json"
INDEX_FILE = "index.csv"


@dataclass(frozen=True)
class DatasetArguments:
    """What fully decides the bytes of a made data set."""

    images: int = 400
    width: int = 96
    height: int = 96
    classes: int = 5
    seed: int = 7
    shards: int = 8
    quality: int = 90

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in label order."""
        return tuple(drawing.PATTERNS)[: self.classes]

    @property
    def fingerprint(self) -> str:
        """A folder name: readable in front, unique by the hash behind."""
        text = json.dumps({**asdict(self), "version": FORMAT_VERSION}, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"{self.images}-images-{self.width}x{self.height}-{digest}"


@dataclass(frozen=True)
class IndexEntry:
    """One image of a data set."""

    path: str
    label: int
    tally: Tally


@dataclass(frozen=True)
class Shard:
    """One TFRecord file and how many images it holds."""

    path: str
    images: int


@dataclass(frozen=True)
class Contents:
    """What a data set says it holds: read from its manifest and index, trusted, and then checked against."""

    fingerprint: str
    classes: tuple[str, ...]
    tally: Tally
    shards: tuple[Shard, ...]
    index: tuple[IndexEntry, ...]

    def files(self, file_format: str) -> tuple[tuple[str, tuple[Tally, ...]], ...]:
        """The files of a format in order, each with the images in it."""
        if file_format == "images":
            return tuple((entry.path, (entry.tally,)) for entry in self.index)
        ends = tuple(itertools.accumulate(shard.images for shard in self.shards))
        return tuple((shard.path, tuple(entry.tally for entry in self.index[end - shard.images : end]))
                     for shard, end in zip(self.shards, ends, strict=True))


def write(folder: Path, arguments: DatasetArguments) -> None:
    """Make every file of the data set in an empty folder."""
    for name in arguments.class_names:
        (folder / "images" / name).mkdir(parents=True)
    (folder / "tfrecord").mkdir()
    images = _images(arguments)
    entries: list[IndexEntry] = []
    shards: list[Shard] = []
    for number in range(arguments.shards):
        path = f"tfrecord/shard-{number:05d}-of-{arguments.shards:05d}.tfrecord"
        size = _share(arguments.images, arguments.shards, number)
        with (folder / path).open("wb") as shard:
            for _ in range(size):
                image = next(images)
                entry = _entry(len(entries), image)
                (folder / entry.path).write_bytes(image.encoded)
                shard.write(tfrecord.frame(example.encode(image)))
                entries.append(entry)
        shards.append(Shard(path, size))
    (folder / INDEX_FILE).write_text(_index_text(entries))
    manifest = _manifest(arguments, total(entry.tally for entry in entries), shards)
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n")


def parse(manifest_text: str, index_text: str) -> Contents:
    """The contents told by the two files; ValueError when they are of another version or no such files."""
    manifest = json.loads(manifest_text)
    if manifest.get("version") != FORMAT_VERSION:
        raise ValueError(f"the data set has version {manifest.get('version')!r}, this program reads {FORMAT_VERSION}")
    rows = csv.DictReader(io.StringIO(index_text))
    index = tuple(IndexEntry(row["path"], int(row["label"]), Tally(1, int(row["bytes"]), int(row["checksum"])))
                  for row in rows)
    return Contents(
        fingerprint=manifest["fingerprint"],
        classes=tuple(manifest["classes"]),
        tally=Tally(manifest["count"], manifest["bytes"], manifest["checksum"]),
        shards=tuple(Shard(shard["path"], shard["images"]) for shard in manifest["shards"]),
        index=index,
    )


def _images(arguments: DatasetArguments) -> Iterator[example.LabelledImage]:
    """Every image in order; each has a generator of its own, so none depends on the ones before it."""
    names = arguments.class_names
    for number in range(arguments.images):
        label = number % len(names)
        random = np.random.default_rng((arguments.seed, number))
        pixels = drawing.draw(names[label], arguments.width, arguments.height, random)
        yield example.LabelledImage(drawing.jpeg(pixels, arguments.quality), label, names[label])


def _entry(number: int, image: example.LabelledImage) -> IndexEntry:
    tally = Tally(1, len(image.encoded), image_checksum(image.encoded, image.class_name))
    return IndexEntry(f"images/{image.class_name}/{number:07d}.jpg", image.label, tally)


def _share(count: int, parts: int, number: int) -> int:
    return count * (number + 1) // parts - count * number // parts


def _index_text(entries: list[IndexEntry]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "label", "bytes", "checksum"))
    writer.writerows((entry.path, entry.label, entry.tally.bytes, entry.tally.checksum) for entry in entries)
    return text.getvalue()


def _manifest(arguments: DatasetArguments, tally: Tally, shards: list[Shard]) -> dict[str, Any]:
    return {
        "version": FORMAT_VERSION,
        "fingerprint": arguments.fingerprint,
        "arguments": asdict(arguments),
        "classes": list(arguments.class_names),
        "count": tally.count,
        "bytes": tally.bytes,
        "checksum": tally.checksum,
        "shards": [asdict(shard) for shard in shards],
    }

"""What is read: a made data set, its shards' sizes, and its images in memory."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shapebench_jobs.dataset import example, making, tfrecord
from shapebench_jobs.dataset.files import DatasetArguments

SHARDS_OF_MANY = 8


@dataclass(frozen=True)
class Material:
    """A data set on this machine's disk, read once so that it is in the page cache."""

    made: making.Dataset
    arguments: DatasetArguments

    @cached_property
    def shards(self) -> tuple[str, ...]:
        """The TFRecord files."""
        return tuple(str(self.made.folder / shard.path) for shard in self.made.contents.shards)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The image files."""
        return tuple(str(self.made.folder / entry.path) for entry in self.made.contents.index)

    @cached_property
    def payloads(self) -> list[bytes]:
        """Every record's payload, each a bytes object of its own."""
        return [payload for path in self.shards for payload in tfrecord.payloads(Path(path).read_bytes())]

    @cached_property
    def encoded(self) -> list[bytes]:
        """Every image's JPEG."""
        return [example.decode(payload).encoded for payload in self.payloads]

    @cached_property
    def bytes(self) -> int:
        """Of the shards: what a reader of records goes through."""
        return sum(Path(path).stat().st_size for path in self.shards)

    @property
    def words(self) -> str:
        """For a heading: 256 JPEGs of 500x375, 61 kB on average."""
        kilobytes = sum(map(len, self.encoded)) / len(self.encoded) / 1000
        return (f"{len(self.encoded)} JPEGs of {self.arguments.width}x{self.arguments.height}, {kilobytes:.1f} kB on "
                f"average, in {len(self.shards)} shards of {self.bytes / len(self.shards) / 1e6:.1f} MB")


def many(material: Material, folder: Path, times: int) -> Path:
    """A folder with the same images many times: a Spark job has a cost of its own, whatever it reads. Images are hard
    links; shards are joined into `SHARDS_OF_MANY` larger ones, for a task costs some 50 ms whatever its shard holds."""
    for path in material.files:
        inside = Path(path).relative_to(material.made.folder)
        for number in range(times):
            link = folder / inside.parent / f"{number}-{inside.name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.hardlink_to(path)
    shutil.rmtree(folder / "tfrecord", ignore_errors=True)
    (folder / "tfrecord").mkdir()
    content = b"".join(Path(path).read_bytes() for path in material.shards)
    each, rest = divmod(times, SHARDS_OF_MANY)
    for number in range(SHARDS_OF_MANY):
        (folder / f"tfrecord/{number:03}.tfrecord").write_bytes(content * (each + (number < rest)))
    return folder


def make(folder: Path, arguments: DatasetArguments) -> Material:
    """The data set below `folder`, made where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    material = Material(making.ensure(folder, arguments), arguments)
    for path in (*material.shards, *material.files):
        Path(path).read_bytes()
    return material

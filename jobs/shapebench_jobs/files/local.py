"""Files of this machine's own file systems: found and opened without asking Spark.

Measured: on the way from the JVM to Python a 54 kB image costs about a millisecond of CPU, more than decoding it, and
a shard would have to fit into memory twice; listing a file costs the JVM 0.2 ms, and 0.01 here.
"""

from __future__ import annotations

import heapq
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shapebench_jobs.harness.run import BadArgumentsError

_LOCAL = "file:"
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".JPG", ".JPEG")
_OPENING_COSTS_BYTES = 100_000
"""What a file costs apart from its size, as bytes of size."""


def is_local(urls: Iterable[str]) -> bool:
    """Whether these are all files of the executors' own file systems."""
    return all(url.startswith(_LOCAL) for url in urls)


def path_of(url: str) -> str:
    """file:///a and file:/a are /a; a path stays as it is, and so does another file system's URL.

    Nothing is decoded, as Hadoop does not either.
    """
    return "/" + url.removeprefix(_LOCAL).lstrip("/") if url.startswith(_LOCAL) else url


def found(file_format: str, folder: str) -> dict[str, int]:
    """Path and bytes of each image below a folder, or of each TFRecord shard in it, in the order of their paths.

    A folder that is called like a shard (as Spark's writers of TFRecords leave it) is one of shards. What Spark does
    not take for data is none here. FileNotFoundError where there is no such folder, BadArgumentsError where it cannot
    be read.
    """
    images = file_format == "images"
    try:
        sizes = {entry.path: entry.stat().st_size for entry in (_images(folder) if images else _shards(folder))}
    except FileNotFoundError as error:
        raise FileNotFoundError(folder) from error
    except OSError as error:
        raise BadArgumentsError(f"{error.filename} cannot be read: {error.strerror}") from error
    return dict(sorted(sizes.items()))


def _images(folder: str) -> Iterator[os.DirEntry[str]]:
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _images(entry.path)
        elif entry.name.endswith(_IMAGE_SUFFIXES) and entry.is_file():
            yield entry


def _shards(folder: str) -> Iterator[os.DirEntry[str]]:
    for entry in _entries(folder):
        if ".tfrecord" not in entry.name:
            continue
        if entry.is_dir():
            yield from (part for part in _entries(entry.path) if part.is_file())
        elif entry.is_file():
            yield entry


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, but for what Spark passes over too, and what a disk's own check put there."""
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not _is_hidden(entry.name)]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or (name.startswith("_") and "=" not in name) or name == "lost+found"


def dealt(sizes: Mapping[str, int], number: int) -> list[list[str]]:
    """The files in so many groups of about equal work, or fewer where there are fewer files."""
    groups: list[tuple[int, int, list[str]]] = [(0, index, []) for index in range(min(number, len(sizes)))]
    for path, size in sorted(sizes.items(), key=lambda item: -item[1]):
        filled, index, group = groups[0]
        group.append(path)
        heapq.heapreplace(groups, (filled + size + _OPENING_COSTS_BYTES, index, group))
    return [sorted(group) for _, _, group in groups]


def contents(file_format: str, urls: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Each file's URL (or path) as it was given, and its bytes."""
    for url in urls:
        path = Path(path_of(url))
        yield url, path.read_bytes() if file_format == "images" else _mapped(path)


def _mapped(path: Path) -> Any:
    """A shard's bytes, read as they are asked for: a shard may be larger than memory, or only its start be wanted."""
    if not path.stat().st_size:
        return b""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

"""Files of an executor's own file system, which its tasks open by themselves.

Spark hands out such files' paths, not their bytes: on the way from the JVM to Python a 54 kB image costs about a
millisecond of CPU, twice what decoding it does (measured), and a shard would have to fit into memory twice.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_LOCAL = "file:"


def is_local(urls: Iterable[str]) -> bool:
    """Whether these are all files of the executors' own file systems."""
    return all(url.startswith(_LOCAL) for url in urls)


def path_of(url: str) -> str:
    """file:///a and file:/a are /a; nothing is decoded, as Hadoop does not either."""
    return "/" + url.removeprefix(_LOCAL).lstrip("/")


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

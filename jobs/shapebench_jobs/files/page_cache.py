"""What of some files lies in this machine's page cache: bring them in, drop them, and see what is true.

A read is called cold or warm by what the kernel says just before it (mincore), never by what was asked for: dropping
does nothing on a file system that lives in memory, and warming nothing for more data than the memory holds. Only the
page cache is meant. A disk's own cache, or a hypervisor's below a virtual disk, may still hold what was dropped here.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

AS_IS, COLD, WARM = "as-is", "cold", "warm"
WANTED = (WARM, COLD, AS_IS)
"""What can be asked for. What turns out to be true is cold, warm, partly or unknown."""

_COLD_AT_MOST = 0.01
_WARM_AT_LEAST = 0.99
_READ_BYTES = 1 << 20
_MOUNTS = Path("/proc/self/mounts")
_IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True)
class Residency:
    """How many of some files' pages are in the page cache, and why that cannot be told where it can't."""

    pages: int = 0
    resident: int = 0
    unknown: str = ""

    def __add__(self, other: Residency) -> Residency:
        return Residency(self.pages + other.pages, self.resident + other.resident, self.unknown or other.unknown)

    @property
    def fraction(self) -> float | None:
        """0 (nothing) to 1 (everything); None where it is unknown."""
        return None if self.unknown or not self.pages else self.resident / self.pages

    @property
    def state(self) -> str:
        """What a read from here on is: cold, warm, partly (in the cache) or unknown."""
        if self.fraction is None:
            return "unknown"
        if self.fraction <= _COLD_AT_MOST:
            return COLD
        return WARM if self.fraction >= _WARM_AT_LEAST else "partly"


def prepare(paths: Iterable[str], wanted: str) -> None:
    """Read the files (warm), drop them from the page cache (cold), or leave them as they are."""
    for path in paths:
        if wanted == WARM:
            _read(path)
        elif wanted == COLD:
            _drop(path)


def residency(paths: Iterable[str]) -> Residency:
    """How much of the files is in the page cache now."""
    result = Residency()
    for path in paths:
        result += _residency(path)
    return result


def explanation(wanted: str, found: Residency, path: str = "") -> str:
    """Why the page cache is not what was asked for; empty where it is. `path` is one of the files."""
    if wanted in (AS_IS, found.state):
        return ""
    asked = f"--page-cache={wanted}: "
    if found.fraction is None:
        return f"{asked}what the page cache holds is unknown: {found.unknown or 'no such files on the executors'}"
    here = f"{asked}{found.fraction:.1%} of the files is in the page cache before the read"
    system = file_system(path) if path else ""
    if wanted == COLD and system in _IN_MEMORY:
        return f"{here}: they lie on {system}, which is memory and cannot be dropped"
    return f"{here}, so it is {'not ' + wanted if found.state == 'partly' else found.state}"


def file_system(path: str, mounts: Path = _MOUNTS) -> str:
    """The type of the file system that a path lies on; empty where that cannot be found out."""
    best, kind = "", ""
    with contextlib.suppress(OSError):
        for line in mounts.read_text().splitlines():
            _, where, this, *_ = line.split(" ")
            prefix = where.rstrip("/") + "/"
            if path.startswith(prefix) and len(prefix) >= len(best):
                best, kind = prefix, this
    return kind


def _read(path: str) -> None:
    buffer = bytearray(_READ_BYTES)
    with Path(path).open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _drop(path: str) -> None:
    if sys.platform != "linux":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        if _residency(path).resident or _residency(path).unknown:
            # Dirty pages are never dropped. Not for every file: fsync of a clean one makes the disk flush, too.
            with contextlib.suppress(OSError):
                os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _residency(path: str) -> Residency:
    if sys.platform != "linux":
        return Residency(unknown=f"{sys.platform} is not asked")
    status = Path(path).stat()
    # Of files that this user may neither own nor write, the kernel says that all is resident, whatever is true.
    if status.st_uid != os.geteuid() and not os.access(path, os.W_OK, effective_ids=True):
        return Residency(unknown=f"the kernel tells only a file's owner or writer, and {path} is neither ours nor "
                         "writable")
    if not status.st_size:
        return Residency()
    pages = -(-status.st_size // mmap.PAGESIZE)
    return Residency(pages, _resident_pages(path, pages))


def _resident_pages(path: str, pages: int) -> int:
    """Mapping a file brings none of it in; a private writable mapping is what ctypes can take the address of."""
    answer = (ctypes.c_ubyte * pages)()
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        first = ctypes.c_char.from_buffer(mapped)
        address = ctypes.addressof(first)
        failed = ctypes.CDLL(None, use_errno=True).mincore(
            ctypes.c_void_p(address), ctypes.c_size_t(len(mapped)), answer)
        del first  # a mapping that something points into cannot be closed
        if failed:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), path)
    return int((np.frombuffer(bytes(answer), np.uint8) & 1).sum())

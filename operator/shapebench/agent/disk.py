"""Disk bytes and operations in the two forms in which a cgroup tells them.

v2's io.stat counts what reached a block device, buffered writes too once they are written back, so bytes still dirty
when the program ends are not in it. A device stacked on others (LVM, md, dm-crypt) and the disks below it both count
the same bytes: the stacked one is left out. v1's blkio.throttle files count reads and direct writes; since Linux 6.10
they stay at "Total 0" until somebody sets a throttle, so a zero there means "not told" (cgroup.py knows what then).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


_OPERATIONS = ("Read", "Write")


def parse_io_stat(text: str) -> dict[str, tuple[int, ...]]:
    """What each device (major:minor) in a cgroup v2 io.stat tells, in the order of Disk."""
    found = {}
    for line in text.splitlines():
        device, *fields = line.split()
        told = {key: int(number) for key, _, number in (field.partition("=") for field in fields) if number.isdigit()}
        found[device] = tuple(told.get(key, 0) for key in ("rbytes", "wbytes", "rios", "wios"))
    return found


def is_stacked(device: str, sysfs: Path) -> bool:
    """Whether a device (major:minor) lies on other block devices."""
    try:
        return any((sysfs / "dev" / "block" / device / "slaves").iterdir())
    except OSError:
        return False


def parse_blkio(moved: str | None, served: str | None) -> dict[str, tuple[int, ...]]:
    """The same of a cgroup v1's two blkio files: of bytes, and of operations."""
    found: dict[str, list[int]] = {}
    for first, text in ((0, moved), (2, served)):
        for words in map(str.split, (text or "").splitlines()):
            if len(words) == 3 and words[1] in _OPERATIONS:
                found.setdefault(words[0], [0] * 4)[first + _OPERATIONS.index(words[1])] = int(words[2])
    return {device: tuple(told) for device, told in found.items()}

"""Disk bytes and operations in the two forms in which a cgroup tells them.

v2's io.stat counts what reached a block device, buffered writes too once they are written back, so bytes still dirty
when the program ends are not in it. A device stacked on others (LVM, md, dm-crypt) and the disks below it both count
the same bytes: the stacked one is left out. v1's blkio.throttle files count reads and direct writes; since Linux 6.10
they stay at "Total 0" until somebody sets a throttle, so a zero there means "not told" (cgroup.py knows what then).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapebench.agent.counters import Disk

if TYPE_CHECKING:
    from pathlib import Path


def parse_io_stat(text: str, stacked: set[str]) -> Disk:
    """The sums over the devices in a cgroup v2 io.stat, without those named in `stacked`."""
    total: dict[str, int] = {}
    for line in text.splitlines():
        device, *fields = line.split()
        if device in stacked:
            continue
        for field in fields:
            key, _, number = field.partition("=")
            if number.isdigit():
                total[key] = total.get(key, 0) + int(number)
    return Disk(total.get("rbytes", 0), total.get("wbytes", 0), total.get("rios", 0), total.get("wios", 0))


def devices(io_stat: str) -> set[str]:
    """The major:minor numbers in an io.stat."""
    return {line.split()[0] for line in io_stat.splitlines() if line.strip()}


def is_stacked(device: str, sysfs: Path) -> bool:
    """Whether a device (major:minor) lies on other block devices."""
    try:
        return any((sysfs / "dev" / "block" / device / "slaves").iterdir())
    except OSError:
        return False


def parse_blkio(text: str | None, operation: str) -> int:
    """The sum over the devices of one operation ("Read", "Write") in a cgroup v1 blkio file."""
    total = 0
    for line in (text or "").splitlines():
        words = line.split()
        if len(words) == 3 and words[1] == operation:
            total += int(words[2])
    return total

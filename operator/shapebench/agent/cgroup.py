"""The counters of this container's own control group, version 1 or 2.

Inside a container the group's files lie at the mount's root. Outside (an agent started by hand) /proc/self/cgroup
names the group below it; that path is taken where it exists. The agent's own use is in these counters: it lives in
the group that it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shapebench.agent import disk
from shapebench.agent.counters import Cpu, Disk, Memory, read_text

if TYPE_CHECKING:
    ProcessDisk = Callable[[], Disk]


class CgroupV2:
    """The unified hierarchy."""

    kind = "cgroup-v2"

    def __init__(self, directory: Path, sysfs: Path, process_disk: ProcessDisk) -> None:
        self._directory = directory
        self._sysfs = sysfs
        self._process_disk = process_disk
        self._known_devices: set[str] = set()
        self._stacked: set[str] = set()

    def cpu(self) -> Cpu:
        """Seconds used; seconds throttled where the group has a CPU controller."""
        stat = _table(self._directory / "cpu.stat")
        return Cpu(_scaled(stat.get("usage_usec"), 1e-6), _scaled(stat.get("throttled_usec"), 1e-6))

    def memory(self) -> Memory:
        """Usage, working set (usage without the page cache that is easy to drop), peak (Linux >= 5.19)."""
        usage = _number(self._directory / "memory.current")
        inactive = _table(self._directory / "memory.stat").get("inactive_file")
        return Memory(usage, _working_set(usage, inactive), _number(self._directory / "memory.peak"),
                      _table(self._directory / "memory.events").get("oom_kill"))

    def disk(self) -> Disk:
        """From io.stat; from the processes where the group has no io controller."""
        text = read_text(self._directory / "io.stat")
        if text is None:
            return self._process_disk()
        for device in disk.devices(text) - self._known_devices:
            self._known_devices.add(device)
            if disk.is_stacked(device, self._sysfs):
                self._stacked.add(device)
        return disk.parse_io_stat(text, self._stacked)


class CgroupV1:
    """One hierarchy per controller."""

    kind = "cgroup-v1"

    def __init__(self, root: Path, own: dict[str, str], process_disk: ProcessDisk) -> None:
        self._cpuacct = _controller(root, own, "cpuacct")
        self._cpu = _controller(root, own, "cpu")
        self._memory = _controller(root, own, "memory")
        self._blkio = _controller(root, own, "blkio")
        self._process_disk = process_disk

    def cpu(self) -> Cpu:
        """Seconds used and throttled."""
        return Cpu(_scaled(_number(self._cpuacct / "cpuacct.usage"), 1e-9),
                   _scaled(_table(self._cpu / "cpu.stat").get("throttled_time"), 1e-9))

    def memory(self) -> Memory:
        """Usage, working set (usage without the page cache that is easy to drop), peak."""
        usage = _number(self._memory / "memory.usage_in_bytes")
        inactive = _table(self._memory / "memory.stat").get("total_inactive_file")
        return Memory(usage, _working_set(usage, inactive), _number(self._memory / "memory.max_usage_in_bytes"),
                      _table(self._memory / "memory.oom_control").get("oom_kill"))

    def disk(self) -> Disk:
        """The larger of what the group and what the processes tell, for each direction.

        The group misses buffered writes (the kernel's flusher does them) and, on new kernels, everything; the
        processes miss what a helper outside them did. Operations only the group knows: None where it tells 0.
        """
        moved, served = self._blkio_text("io_service_bytes"), self._blkio_text("io_serviced")
        processes = self._process_disk()
        return Disk(
            max(disk.parse_blkio(moved, "Read"), processes.read_bytes or 0),
            max(disk.parse_blkio(moved, "Write"), processes.written_bytes or 0),
            disk.parse_blkio(served, "Read") or None,
            disk.parse_blkio(served, "Write") or None,
        )

    def _blkio_text(self, name: str) -> str | None:
        for candidate in (f"blkio.throttle.{name}_recursive", f"blkio.throttle.{name}"):
            text = read_text(self._blkio / candidate)
            if text is not None:
                return text
        return None


def find(root: Path, proc: Path, sysfs: Path, process_disk: ProcessDisk) -> CgroupV1 | CgroupV2 | None:
    """The cgroup of this process below `root` (/sys/fs/cgroup), or None where none is mounted."""
    own = own_paths(read_text(proc / "self" / "cgroup") or "")
    if (root / "cgroup.controllers").exists():
        return CgroupV2(_own_directory(root, own.get("", "/")), sysfs, process_disk)
    if _controller(root, own, "cpuacct").is_dir():
        return CgroupV1(root, own, process_disk)
    return None


def own_paths(text: str) -> dict[str, str]:
    """The group's path by controller from a /proc/self/cgroup; the unified hierarchy has the empty name."""
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _controller(root: Path, own: dict[str, str], name: str) -> Path:
    """A v1 controller's directory; cpu and cpuacct are often mounted together under one joint name."""
    mounts = [root / name, root / "cpu,cpuacct", root / "cpuacct,cpu"]
    mount = next((m for m in mounts if m.is_dir()), mounts[0])
    return _own_directory(mount, own.get(name, "/"))


def _own_directory(mount: Path, path: str) -> Path:
    """The group below its mount, or the mount itself: in a container it is the group already."""
    below = mount / path.lstrip("/")
    return below if ".." not in path.split("/") and below.is_dir() else mount


def _number(path: Path) -> int | None:
    text = (read_text(path) or "").strip()
    return int(text) if text.isdigit() else None


def _table(path: Path) -> dict[str, int]:
    """A kernel file of `key number` lines."""
    rows: list[list[str]] = [line.split() for line in (read_text(path) or "").splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _scaled(number: int | None, unit: float) -> float | None:
    return None if number is None else number * unit


def _working_set(usage: int | None, inactive_file: int | None) -> int | None:
    return None if usage is None else max(0, usage - (inactive_file or 0))

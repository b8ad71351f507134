"""The counters of this container's own control group, version 1 or 2.

Inside a container the group's files lie at the mount's root. Outside (an agent started by hand) /proc/self/cgroup
names the group below it; that path is taken where it exists. The agent's own use is in these counters: it lives in
the group that it reads (sources.py takes it off).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shapebench.agent import disk
from shapebench.agent.counters import Cpu, Disk, Memory, Pressure, Sum
from shapebench.agent.files import KernelFile, read_text

if TYPE_CHECKING:
    ProcessDisk = Callable[[], Disk]


class CgroupV2:
    """The unified hierarchy."""

    kind = "cgroup-v2"

    def __init__(self, directory: Path, sysfs: Path, process_disk: ProcessDisk) -> None:
        self._cpu_stat = KernelFile(directory / "cpu.stat")
        self._memory = {name: KernelFile(directory / f"memory.{name}")
                        for name in ("current", "stat", "peak", "events", "swap.current", "swap.peak")}
        self._io_stat = KernelFile(directory / "io.stat")
        self._pressure = {name: KernelFile(directory / f"{name}.pressure") for name in ("cpu", "memory", "io")}
        self._sysfs = sysfs
        self._process_disk = process_disk
        self._disk = Sum(len(Disk._fields))
        self._is_stacked: dict[str, bool] = {}

    def cpu(self) -> Cpu:
        """Seconds used; seconds and periods throttled where the group has a CPU controller."""
        stat = self._cpu_stat.table()
        return Cpu(_scaled(stat.get("usage_usec"), 1e-6), _scaled(stat.get("throttled_usec"), 1e-6),
                   stat.get("nr_periods"), stat.get("nr_throttled"))

    def memory(self) -> Memory:
        """Usage, working set (usage without the page cache that is easy to drop), peak (Linux >= 5.19), swap."""
        files = self._memory
        usage = files["current"].number()
        inactive = files["stat"].table().get("inactive_file")
        return Memory(usage, _working_set(usage, inactive), files["peak"].number(),
                      files["events"].table().get("oom_kill"), files["swap.current"].number(),
                      files["swap.peak"].number())

    def usage_bytes(self) -> int | None:
        """The memory in use now."""
        return self._memory["current"].number()

    def disk(self) -> Disk:
        """From io.stat; from the processes where the group has no io controller."""
        text = self._io_stat.text()
        if text is None:
            return self._process_disk()
        told = disk.parse_io_stat(text)
        for device in told.keys() - self._is_stacked.keys():
            self._is_stacked[device] = disk.is_stacked(device, self._sysfs)
        return Disk(*self._disk.of({device: told[device] for device in told if not self._is_stacked[device]}))

    def pressure(self) -> Pressure:
        """The group's own; a kernel may leave it out (psi=0), and then the node's would not be the pod's."""
        return Pressure(*(pressure_s(self._pressure[name].text() or "") for name in ("cpu", "memory", "io")))


class CgroupV1:
    """One hierarchy per controller."""

    kind = "cgroup-v1"

    def __init__(self, root: Path, own: dict[str, str], process_disk: ProcessDisk) -> None:
        memory, self._blkio = _controller(root, own, "memory"), _controller(root, own, "blkio")
        self._cpu_usage = KernelFile(_controller(root, own, "cpuacct") / "cpuacct.usage")
        self._cpu_stat = KernelFile(_controller(root, own, "cpu") / "cpu.stat")
        self._memory = {name: KernelFile(memory / f"memory.{name}")
                        for name in ("usage_in_bytes", "stat", "max_usage_in_bytes", "oom_control")}
        self._blkio_files: dict[str, KernelFile] = {}
        self._disk = Sum(len(Disk._fields))
        self._process_disk = process_disk

    def cpu(self) -> Cpu:
        """Seconds used, seconds and periods throttled."""
        stat = self._cpu_stat.table()
        return Cpu(_scaled(self._cpu_usage.number(), 1e-9), _scaled(stat.get("throttled_time"), 1e-9),
                   stat.get("nr_periods"), stat.get("nr_throttled"))

    def memory(self) -> Memory:
        """Usage, working set (usage without the page cache that is easy to drop), peak, swap."""
        files = self._memory
        usage, stat = files["usage_in_bytes"].number(), files["stat"].table()
        return Memory(usage, _working_set(usage, stat.get("total_inactive_file")), files["max_usage_in_bytes"].number(),
                      files["oom_control"].table().get("oom_kill"), stat.get("total_swap"))

    def usage_bytes(self) -> int | None:
        """The memory in use now."""
        return self._memory["usage_in_bytes"].number()

    def disk(self) -> Disk:
        """The larger of what the group and what the processes tell, for each direction.

        The group misses buffered writes (the kernel's flusher does them) and, on new kernels, everything; the
        processes miss what a helper outside them did. Operations only the group knows: None where it tells 0.
        """
        group = Disk(*self._disk.of(disk.parse_blkio(self._blkio_text("io_service_bytes"),
                                                     self._blkio_text("io_serviced"))))
        processes = self._process_disk()
        return Disk(max(group.read_bytes or 0, processes.read_bytes or 0),
                    max(group.written_bytes or 0, processes.written_bytes or 0),
                    group.reads or None, group.writes or None)

    def pressure(self) -> Pressure:
        """This version has none."""
        return Pressure()

    def _blkio_text(self, name: str) -> str | None:
        if name not in self._blkio_files:
            candidates = (self._blkio / f"blkio.throttle.{name}_recursive", self._blkio / f"blkio.throttle.{name}")
            self._blkio_files[name] = KernelFile(next((path for path in candidates if path.exists()), candidates[-1]))
        return self._blkio_files[name].text()


def find(root: Path, proc: Path, sysfs: Path, process_disk: ProcessDisk) -> CgroupV1 | CgroupV2 | None:
    """The cgroup of this process below `root` (/sys/fs/cgroup), or None where none is mounted."""
    own = own_paths(read_text(proc / "self" / "cgroup") or "")
    if (root / "cgroup.controllers").exists():
        return CgroupV2(_own_directory(root, own.get("", "/")), sysfs, process_disk)
    if _controller(root, own, "cpuacct").is_dir():
        return CgroupV1(root, own, process_disk)
    return None


def cpu_limit(root: Path, proc: Path) -> tuple[float, float] | None:
    """CPUs that this process' own group may use, and the seconds of a period; None where it has no limit."""
    own = own_paths(read_text(proc / "self" / "cgroup") or "")
    if (root / "cgroup.controllers").exists():
        quota, _, period = (read_text(_own_directory(root, own.get("", "/")) / "cpu.max") or "").strip().partition(" ")
    else:
        folder = _controller(root, own, "cpu")
        quota, period = ((read_text(folder / f"cpu.cfs_{name}_us") or "").strip() for name in ("quota", "period"))
    if not quota.isdigit() or not period.isdigit() or not int(period):
        return None
    return int(quota) / int(period), int(period) * 1e-6


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


def pressure_s(text: str) -> float | None:
    """The seconds for which at least one waited, from a pressure file."""
    for line in text.splitlines():
        words = line.split()
        total = dict(word.split("=", 1) for word in words[1:] if "=" in word).get("total", "")
        if words[:1] == ["some"] and total.isdigit():
            return int(total) / 1e6
    return None


def _scaled(number: int | None, unit: float) -> float | None:
    return None if number is None else number * unit


def _working_set(usage: int | None, inactive_file: int | None) -> int | None:
    return None if usage is None else max(0, usage - (inactive_file or 0))

"""The counters of a process and all that it started, from /proc: what a machine without a cgroup per run can tell.

A dead process adds its CPU time and its disk bytes to the parent that waits for it, so the sum over the living and
the agent's own count of reaped children is everything, however short a child lived. What escapes: children of a
program that ignores SIGCHLD (the kernel adds those nowhere). Memory is the sum of the living processes' resident sets,
which counts shared pages once for each process. Disk bytes are the kernel's storage accounting per process: reads that
missed the page cache, and writes when the page becomes dirty. What is deleted before it reaches the disk stays in: the
kernel tells that of whoever deletes, later, so taking it off would make the counter fall, by as much as was looked at
in between. Operations are not counted anywhere: None.
"""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from shapebench.agent.counters import Counters, Cpu, Disk, Memory, Pressure
from shapebench.agent.files import KernelFile, read_text
from shapebench.agent.network import NetworkCounters

_SCHEDULED = 2
"""The clock of clock_getcpuclockid(3): Linux makes its number from the process' own and this."""


class Process(NamedTuple):
    """One line of /proc/PID/stat, the part that is needed. CPU in clock ticks: its own, and its dead children's."""

    pid: int
    state: str
    parent: int
    own_ticks: int
    children_ticks: int
    started: int
    resident_pages: int


class Reaped(NamedTuple):
    """What the agent's reaped children used, with everything that they had reaped themselves."""

    cpu_s: float
    largest_resident_bytes: int


def reaped_children() -> Reaped:
    """This process' own account of its dead children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Reaped(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def cpu_clock_s(pid: int) -> float | None:
    """What a living process has used itself, to the nanosecond (/proc tells ticks of 10 ms); None if it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULED)
    except OSError:
        return None


class _Files(NamedTuple):
    """What is read of a living member at every sample; to open /proc's files anew costs more than to read them."""

    started: int
    stat: KernelFile
    io: KernelFile


class ProcessTree:
    """The descendants of one process (the agent itself is not among them)."""

    def __init__(self, proc: Path, pid: int, most_kept_open: int = 200) -> None:
        """With more members than that their files are not kept open: a process may have 1024 at least."""
        self._most_kept_open = most_kept_open
        self._proc = proc
        self._pid = pid
        self._own_io = KernelFile(f"{proc}/{pid}/io")
        self._members: dict[int, _Files] = {}
        self._foreign: set[int] = set()
        self._own_read, self._own_written = 0, 0

    def living(self) -> list[Process]:
        """The descendants now, zombies that nobody waited for included.

        A process once seen stays a member while it lives, also if its parent died and init took it over. The
        machine's other processes are looked at once: a process does not become a descendant later.
        """
        listed = self._listed()
        members = {}
        for pid, files in list(self._members.items()):
            text = self._read(files.stat) if pid in listed else None
            process = parse_stat(text) if text else None
            if process is not None and process.started == files.started:
                members[pid] = process
            else:
                self._forget(pid)
        members.update(self._join(listed))
        return list(members.values())

    def disk(self, processes: list[Process] | None = None) -> Disk:
        """Bytes that the agent's process, with all it reaped, and its living descendants moved."""
        if processes is None:
            listed = self._listed()
            for pid in self._members.keys() - listed:
                self._forget(pid)
            self._join(listed)
        texts = {pid: self._read(files.io) for pid, files in self._members.items()}
        if processes is None:
            for pid in [pid for pid, text in texts.items() if text is None]:
                self._forget(pid)  # dead, and its number may be another's: the next look tells
        told = [parse_io(text) for text in (self._own_io.text(), *texts.values()) if text]
        if not told:
            return Disk()
        return Disk(read_bytes=sum(read for read, _ in told) - self._own_read,
                    written_bytes=sum(written for _, written in told) - self._own_written)

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """What this process moves meanwhile is not the tree's. Nobody may be waited for in here."""
        before = self._own_io.text()
        try:
            yield
        finally:
            after = self._own_io.text()
            if before and after:
                (read, written), (read_then, written_then) = parse_io(after), parse_io(before)
                self._own_read += read - read_then
                self._own_written += written - written_then

    def swap_bytes(self, processes: list[Process]) -> int:
        """What of these processes lies in swap."""
        return sum(parse_swap(read_text(f"{self._proc}/{p.pid}/status") or "") for p in processes)

    def _read(self, file: KernelFile) -> str | None:
        text = file.text()
        if len(self._members) > self._most_kept_open:
            file.close()
        return text

    def _listed(self) -> set[int]:
        """All processes of the machine now; those that are gone are foreign no more."""
        listed = {int(name) for name in os.listdir(self._proc) if name.isdigit()}  # noqa: PTH208 (half the price)
        self._foreign &= listed
        return listed

    def _join(self, listed: set[int]) -> dict[int, Process]:
        """Take in those that were not looked at yet and descend from a member; the others are foreign."""
        # In the order of their numbers, so parents mostly before children: see TreeSource.
        texts = ((pid, read_text(f"{self._proc}/{pid}/stat"))
                 for pid in sorted(listed - self._foreign - self._members.keys() - {self._pid}))
        new = {pid: parse_stat(text) for pid, text in texts if text}
        joined: dict[int, Process] = {}
        while True:
            found = {pid: p for pid, p in new.items()
                     if pid not in joined and (p.parent == self._pid or p.parent in self._members)}
            if not found:
                break
            joined.update(found)
            for pid, process in found.items():
                folder = f"{self._proc}/{pid}"
                self._members[pid] = _Files(process.started, KernelFile(f"{folder}/stat"), KernelFile(f"{folder}/io"))
        self._foreign |= new.keys() - joined.keys()
        return joined

    def _forget(self, pid: int) -> None:
        files = self._members.pop(pid)
        files.stat.close()
        files.io.close()


class TreeSource:
    """The counters of a process tree, with the machine's network."""

    kind = "processes"

    def __init__(self, tree: ProcessTree, network: NetworkCounters, reaped: Callable[[], Reaped],
                 cpu_clock: Callable[[int], float | None], *, with_swap: bool = False) -> None:
        """`with_swap`: the machine has any, so that each process is asked for its part."""
        self._cpu_clock = cpu_clock
        self._with_swap = with_swap
        self._tree = tree
        self._network = network
        self._reaped = reaped
        self._tick_s = 1 / os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._cpu_s = 0.0
        self._disk = Disk()

    def read(self) -> Counters:
        """The counters now. CPU is exact but for what a living descendant's dead children used: that is told in ticks.

        A child that dies between the look at its parent and the look at itself is missed by that one reading, so
        a counter that seems to fall keeps its last value until the truth has passed it.
        """
        reaped = self._reaped()
        living = self._tree.living()
        cpu_s = reaped.cpu_s + sum(self._cpu_of(p) for p in living)
        disk = self._tree.disk(living)
        if living:
            cpu_s = max(cpu_s, self._cpu_s)
            disk = Disk(read_bytes=_larger(disk.read_bytes, self._disk.read_bytes),
                        written_bytes=_larger(disk.written_bytes, self._disk.written_bytes))
        self._cpu_s, self._disk = cpu_s, disk
        resident = sum(p.resident_pages for p in living) * self._page_bytes
        memory = Memory(usage_bytes=resident, working_set_bytes=resident,
                        peak_bytes=reaped.largest_resident_bytes, peak_is_of_one=True,
                        swap_bytes=self._tree.swap_bytes(living) if self._with_swap else None)
        return Counters(Cpu(used_s=cpu_s), memory, self._network.read(), disk)

    def _cpu_of(self, process: Process) -> float:
        own_s = self._cpu_clock(process.pid)
        ticks = process.children_ticks + (process.own_ticks if own_s is None else 0)
        return ticks * self._tick_s + (own_s or 0.0)

    def memory_bytes(self) -> int | None:
        """Every process would have to be asked."""
        return None

    def pressure(self) -> Pressure:
        """The kernel tells it of groups alone."""
        return Pressure()


def parse_stat(text: str) -> Process:
    """A /proc/PID/stat; the name in brackets may hold spaces and brackets itself."""
    pid = int(text[:text.index("(")])
    fields = text[text.rindex(")") + 1:].split()
    return Process(pid, fields[0], int(fields[1]), int(fields[11]) + int(fields[12]),
                   int(fields[13]) + int(fields[14]), int(fields[19]), int(fields[21]))


def parse_io(text: str) -> tuple[int, int]:
    """The bytes read from and written to storage in a /proc/PID/io."""
    rows = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return int(rows.get("read_bytes", 0)), int(rows.get("write_bytes", 0))


def parse_swap(text: str) -> int:
    """The bytes in swap in a /proc/PID/status; a process that is dead already has none."""
    _, found, rest = text.partition("VmSwap:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else 0


def _larger(now: int | None, before: int | None) -> int | None:
    known = [number for number in (now, before) if number is not None]
    return max(known) if known else None

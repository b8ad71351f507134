"""What is counted: the values, and the one method that a source of them has.

Every field may be None: "this kernel does not tell" is not 0. The fields of `Counters` grow from an unknown start,
so only differences of two readings mean something; `Window` takes those differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    class CounterSource(Protocol):
        """Something whose counters can be read again and again."""

        @property
        def kind(self) -> str:
            """cgroup-v1, cgroup-v2 or processes."""

        def read(self) -> Counters:
            """The counters now; never raises for a file that is not there."""


class Cpu(NamedTuple):
    """Seconds of one core."""

    used_s: float | None = None
    throttled_s: float | None = None


class Memory(NamedTuple):
    """Bytes now, the peak so far, and how often the kernel killed a process for want of memory."""

    usage_bytes: int | None = None
    working_set_bytes: int | None = None
    peak_bytes: int | None = None
    oom_kills: int | None = None


class Network(NamedTuple):
    """Bytes and packets of all counted interfaces together."""

    receive_bytes: int | None = None
    receive_packets: int | None = None
    transmit_bytes: int | None = None
    transmit_packets: int | None = None


class Disk(NamedTuple):
    """Bytes and operations of all block devices together."""

    read_bytes: int | None = None
    written_bytes: int | None = None
    reads: int | None = None
    writes: int | None = None


class Counters(NamedTuple):
    """One reading of everything."""

    cpu: Cpu = Cpu()
    memory: Memory = Memory()
    network: Network = Network()
    disk: Disk = Disk()


class Usage(NamedTuple):
    """What was used between two readings; the fields are those of api.record.Usage."""

    cpu_seconds: float | None = None
    cpu_throttled_seconds: float | None = None
    memory_peak_bytes: int | None = None
    network_receive_bytes: int | None = None
    network_transmit_bytes: int | None = None
    network_receive_packets: int | None = None
    network_transmit_packets: int | None = None
    disk_read_bytes: int | None = None
    disk_written_bytes: int | None = None
    disk_reads: int | None = None
    disk_writes: int | None = None


class Window:
    """The usage from one reading to the latest that was shown to it."""

    def __init__(self, first: Counters) -> None:
        self._first = first
        self._last = first
        self._sampled_peak = first.memory.usage_bytes

    @property
    def oom_kills(self) -> int:
        """Processes that the kernel killed for memory in this window."""
        return _grown(self._first.memory.oom_kills, self._last.memory.oom_kills) or 0

    def observe(self, reading: Counters) -> None:
        """Extend the window to this reading."""
        self._last = _never_less(self._last, reading)
        seen = [b for b in (self._sampled_peak, reading.memory.usage_bytes) if b is not None]
        self._sampled_peak = max(seen) if seen else None

    def usage(self) -> Usage:
        """What was used in the window."""
        first, last = self._first, self._last
        return Usage(
            cpu_seconds=_grown_s(first.cpu.used_s, last.cpu.used_s),
            cpu_throttled_seconds=_grown_s(first.cpu.throttled_s, last.cpu.throttled_s),
            memory_peak_bytes=self._peak(),
            network_receive_bytes=_grown(first.network.receive_bytes, last.network.receive_bytes),
            network_transmit_bytes=_grown(first.network.transmit_bytes, last.network.transmit_bytes),
            network_receive_packets=_grown(first.network.receive_packets, last.network.receive_packets),
            network_transmit_packets=_grown(first.network.transmit_packets, last.network.transmit_packets),
            disk_read_bytes=_grown(first.disk.read_bytes, last.disk.read_bytes),
            disk_written_bytes=_grown(first.disk.written_bytes, last.disk.written_bytes),
            disk_reads=_grown(first.disk.reads, last.disk.reads),
            disk_writes=_grown(first.disk.writes, last.disk.writes),
        )

    def _peak(self) -> int | None:
        """The kernel's peak covers the whole life: it is this window's only if it rose in it.

        Otherwise the largest sample is the best there is, a lower bound.
        """
        before, after = self._first.memory.peak_bytes, self._last.memory.peak_bytes
        if after is not None and (before is None or after > before):
            return max(after, self._sampled_peak or 0)
        return self._sampled_peak


def _grown(before: int | None, after: int | None) -> int | None:
    """The growth of a counter; one that appears later counts from 0."""
    if after is None:
        return None
    return after - before if before is not None and after >= before else after


def _grown_s(before: float | None, after: float | None) -> float | None:
    """As _grown, in seconds, to the microsecond."""
    if after is None:
        return None
    return round(after - before if before is not None and after >= before else after, 6)


def read_text(path: Path) -> str | None:
    """A small kernel file's text, or None where it does not exist or may not be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None


def _never_less(before: Counters, now: Counters) -> Counters:
    """The reading, with no counter below what was seen already.

    A process tree forgets what a child used if nobody waits for that child (Spark's Python daemon does not).
    """
    return Counters(
        Cpu(*map(_higher, before.cpu, now.cpu)),
        now.memory,
        Network(*map(_higher, before.network, now.network)),
        Disk(*map(_higher, before.disk, now.disk)),
    )


def _higher(before: Any, now: Any) -> Any:
    return now if before is None or (now is not None and now > before) else before

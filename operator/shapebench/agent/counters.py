"""What is counted: the values, and the one method that a source of them has.

Every field may be None: "this kernel does not tell" is not 0. The fields of `Counters` grow from an unknown start,
so only differences of two readings mean something; `Window` takes those differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from typing import Protocol

    class CounterSource(Protocol):
        """Something whose counters can be read again and again."""

        @property
        def kind(self) -> str:
            """cgroup-v1, cgroup-v2 or processes."""

        def read(self) -> Counters:
            """The counters now; never raises for a file that is not there."""

        def memory_bytes(self) -> int | None:
            """The memory in use now, and nothing else; None where that costs as much as everything."""

        def pressure(self) -> Pressure:
            """How long its processes had to wait so far; asked for at a window's ends alone."""


class Cpu(NamedTuple):
    """Seconds of one core; the periods of the CPU limit in which something ran, and those of them that it cut short."""

    used_s: float | None = None
    throttled_s: float | None = None
    periods: int | None = None
    throttled_periods: int | None = None


class Memory(NamedTuple):
    """Bytes now, the kernel's peak so far, and how often it killed a process for want of memory.

    The peak has the agent's own bytes in it, or is only `of_one` process, the largest, not of all together.
    """

    usage_bytes: int | None = None
    working_set_bytes: int | None = None
    peak_bytes: int | None = None
    oom_kills: int | None = None
    swap_bytes: int | None = None
    swap_peak_bytes: int | None = None
    agent_bytes: int = 0
    peak_is_of_one: bool = False


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


class Sum:
    """Counters of several parts (interfaces, devices) as one: what each has grown by, so that one that goes away takes
    nothing along. One that is new, or begins anew, counts from 0."""

    def __init__(self, counters: int) -> None:
        self._nothing = self._total = (0,) * counters
        self._last: dict[str, tuple[int, ...]] = {}

    def of(self, parts: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
        """The sums by now, with what each part tells now. One that is missing may be back at the next reading."""
        for name, now in parts.items():
            self._total = tuple(map(_added, self._total, self._last.get(name, self._nothing), now))
        self._last.update(parts)
        return self._total


def _added(total: int, before: int, now: int) -> int:
    return total + (now - before if now >= before else now)


class Pressure(NamedTuple):
    """Seconds in which at least one process waited for a CPU, for memory, for a disk."""

    cpu_s: float | None = None
    memory_s: float | None = None
    io_s: float | None = None


class Counters(NamedTuple):
    """One reading of everything."""

    cpu: Cpu = Cpu()
    memory: Memory = Memory()
    network: Network = Network()
    disk: Disk = Disk()


class Usage(NamedTuple):
    """What was used between two readings; the fields are those of api.usage.Usage."""

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
        self._sampled_swap = first.memory.swap_bytes

    @property
    def first(self) -> Counters:
        """The reading that it starts from."""
        return self._first

    @property
    def oom_kills(self) -> int:
        """Processes that the kernel killed for memory in this window."""
        return grown(self._first.memory.oom_kills, self._last.memory.oom_kills) or 0

    @property
    def periods(self) -> tuple[int | None, int | None]:
        """The CPU limit's periods in this window, and those that it cut short."""
        before, after = self._first.cpu, self._last.cpu
        return grown(before.periods, after.periods), grown(before.throttled_periods, after.throttled_periods)

    @property
    def swap_peak_bytes(self) -> int | None:
        """The most that lay in swap at once."""
        return _peak(self._first.memory.swap_peak_bytes, self._last.memory.swap_peak_bytes, self._sampled_swap)

    @property
    def peak_is_sampled(self) -> bool | None:
        """Whether the peak is the largest sample, so that it may have been more in between; None if none is known."""
        before, after = self._first.memory, self._last.memory
        if self.usage().memory_peak_bytes is None:
            return None
        return after.peak_is_of_one or not _rose(before.peak_bytes, after.peak_bytes)

    def glance(self, memory_bytes: int) -> None:
        """Take the memory in use at a moment between two readings."""
        self._sampled_peak = _higher(self._sampled_peak, memory_bytes)

    def observe(self, reading: Counters) -> None:
        """Extend the window to this reading."""
        self._last = _never_less(self._last, reading)
        self._sampled_peak = _higher(self._sampled_peak, reading.memory.usage_bytes)
        self._sampled_swap = _higher(self._sampled_swap, reading.memory.swap_bytes)

    def usage(self) -> Usage:
        """What was used in the window."""
        first, last = self._first, self._last
        return Usage(
            cpu_seconds=grown_s(first.cpu.used_s, last.cpu.used_s),
            cpu_throttled_seconds=grown_s(first.cpu.throttled_s, last.cpu.throttled_s),
            memory_peak_bytes=_peak(first.memory.peak_bytes, last.memory.peak_bytes, self._sampled_peak,
                                    last.memory.agent_bytes),
            network_receive_bytes=grown(first.network.receive_bytes, last.network.receive_bytes),
            network_transmit_bytes=grown(first.network.transmit_bytes, last.network.transmit_bytes),
            network_receive_packets=grown(first.network.receive_packets, last.network.receive_packets),
            network_transmit_packets=grown(first.network.transmit_packets, last.network.transmit_packets),
            disk_read_bytes=grown(first.disk.read_bytes, last.disk.read_bytes),
            disk_written_bytes=grown(first.disk.written_bytes, last.disk.written_bytes),
            disk_reads=grown(first.disk.reads, last.disk.reads),
            disk_writes=grown(first.disk.writes, last.disk.writes),
        )


def _peak(before: int | None, after: int | None, sampled: int | None, agent_bytes: int = 0) -> int | None:
    """A window's peak: the kernel's where that rose in it, else the largest sample, a lower bound."""
    return max(after - agent_bytes, sampled or 0) if after is not None and _rose(before, after) else sampled


def _rose(before: int | None, after: int | None) -> bool:
    """Whether the kernel's peak, which covers the whole life, is that of the time between."""
    return after is not None and (before is None or after > before)


def grown(before: int | None, after: int | None) -> int | None:
    """The growth of a counter; one that appears later counts from 0."""
    if after is None:
        return None
    return after - before if before is not None and after >= before else after


def grown_s(before: float | None, after: float | None) -> float | None:
    """As `grown`, in seconds, to the microsecond."""
    if after is None:
        return None
    return round(after - before if before is not None and after >= before else after, 6)


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

"""What the kernel below the pod did meanwhile: how busy the node was, and how long the pod had to wait.

The node's files are long on a large machine and costly to make, so they are read at a window's two ends alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from shapebench.agent.counters import Pressure, Window, grown_s
from shapebench.agent.files import KernelFile, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from shapebench.agent.counters import CounterSource

_BUSY = (0, 1, 2, 5, 6)
"""user, nice, system, irq, softirq of a /proc/stat line; a guest's time is in user (in nice) already."""
_STEAL = 7


class Surroundings(NamedTuple):
    """The fields are those of api.usage.Surroundings."""

    boot_id: str = ""
    window_s: float | None = None
    node_cpus: int | None = None
    node_memory_bytes: int | None = None
    node_cpu_seconds: float | None = None
    node_steal_seconds: float | None = None
    cpu_periods: int | None = None
    cpu_throttled_periods: int | None = None
    cpu_pressure_seconds: float | None = None
    memory_pressure_seconds: float | None = None
    io_pressure_seconds: float | None = None
    swap_peak_bytes: int | None = None
    agent_cpu_seconds: float | None = None


class NodeCpu(NamedTuple):
    """The whole kernel's CPU time: at work, and taken away by the hypervisor. And how many CPUs there are."""

    busy_s: float | None = None
    steal_s: float | None = None
    cpus: int | None = None


class _Moment(NamedTuple):
    time_s: float
    node: NodeCpu
    pressure: Pressure
    own_cpu_s: float


class Survey:
    """Looks around at a window's ends. `stop` may come without `start`, and twice: the first one counts."""

    def __init__(self, proc: Path, source: CounterSource, clock: Callable[[], float],
                 own_cpu: Callable[[], float] = time.process_time) -> None:
        self._stat = KernelFile(proc / "stat")
        self._source = source
        self._clock = clock
        self._own_cpu = own_cpu
        self._boot_id = (read_text(proc / "sys" / "kernel" / "random" / "boot_id") or "").strip()
        memory = read_text(proc / "meminfo") or ""
        self._memory_bytes, self._swap_bytes = meminfo_bytes(memory, "MemTotal"), meminfo_bytes(memory, "SwapTotal")
        self._started: _Moment | None = None
        self._stopped: _Moment | None = None

    def start(self) -> None:
        """The window starts now; one before it is forgotten."""
        self._started, self._stopped = self._look(), None

    def stop(self) -> None:
        """The window ends now."""
        if self._stopped is None:
            self._stopped = self._look()

    def report(self, window: Window, *, goes_on: bool = False) -> Surroundings:
        """From start to stop, or to now; `window` has the pod's own counters of the same time.

        `goes_on`: more reports follow, so nobody looks around for this one; what is not known yet is left out.
        """
        swap_peak = window.swap_peak_bytes
        periods, throttled_periods = window.periods
        # Where there is nothing to swap to, nothing lay there, whoever does not tell.
        pod = Surroundings(self._boot_id, node_memory_bytes=self._memory_bytes, cpu_periods=periods,
                           cpu_throttled_periods=throttled_periods,
                           swap_peak_bytes=0 if swap_peak is None and self._swap_bytes == 0 else swap_peak)
        if goes_on and self._stopped is None:
            return pod._replace(node_cpus=self._started.node.cpus if self._started else None)
        after = self._stopped or self._look()
        before = self._started or after
        return pod._replace(
            window_s=round(after.time_s - before.time_s, 6),
            node_cpus=after.node.cpus,
            node_cpu_seconds=grown_s(before.node.busy_s, after.node.busy_s),
            node_steal_seconds=grown_s(before.node.steal_s, after.node.steal_s),
            cpu_pressure_seconds=grown_s(before.pressure.cpu_s, after.pressure.cpu_s),
            memory_pressure_seconds=grown_s(before.pressure.memory_s, after.pressure.memory_s),
            io_pressure_seconds=grown_s(before.pressure.io_s, after.pressure.io_s),
            agent_cpu_seconds=grown_s(before.own_cpu_s, after.own_cpu_s),
        )

    def _look(self) -> _Moment:
        return _Moment(self._clock(), node_cpu(self._stat.text() or ""), self._source.pressure(), self._own_cpu())


def node_cpu(stat: str) -> NodeCpu:
    """The node's CPU time in a /proc/stat."""
    lines = [line.split() for line in stat.splitlines() if line.startswith("cpu")]
    whole = next((line[1:] for line in lines if line[0] == "cpu"), [])
    if len(whole) <= _STEAL:
        return NodeCpu()
    ticks = os.sysconf("SC_CLK_TCK")
    return NodeCpu(sum(int(whole[at]) for at in _BUSY) / ticks, int(whole[_STEAL]) / ticks, len(lines) - 1)


def has_swap(proc: Path) -> bool:
    """Whether this machine can swap at all."""
    return bool(meminfo_bytes(read_text(proc / "meminfo") or "", "SwapTotal"))


def meminfo_bytes(text: str, name: str) -> int | None:
    """A row of a /proc/meminfo."""
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        if key == name:
            return int(rest.split()[0]) * 1024
    return None

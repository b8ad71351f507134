"""Which counters an agent reads: the pod's cgroup, or the process tree below itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shapebench.agent import cgroup, surroundings
from shapebench.agent.counters import Counters, Cpu, Memory, Pressure
from shapebench.agent.network import NetworkCounters
from shapebench.agent.own import OwnUse, Share
from shapebench.agent.processes import ProcessTree, TreeSource, cpu_clock_s, reaped_children

if TYPE_CHECKING:
    from shapebench.agent.counters import CounterSource


class Paths(NamedTuple):
    """Where the kernel's files are."""

    cgroup: Path = Path("/sys/fs/cgroup")
    proc: Path = Path("/proc")
    sysfs: Path = Path("/sys")


class PodSource:
    """A pod's counters: its cgroup without the agent's own share, and the network namespace that it has to itself."""

    def __init__(self, group: cgroup.CgroupV1 | cgroup.CgroupV2, network: NetworkCounters,
                 own: Callable[[], Share]) -> None:
        self._group = group
        self._network = network
        self._own = own

    @property
    def kind(self) -> str:
        """cgroup-v1 or cgroup-v2."""
        return self._group.kind

    def read(self) -> Counters:
        """The counters now."""
        group, own = self._group, self._own()
        return Counters(_cpu_without(group.cpu(), own), _memory_without(group.memory(), own), self._network.read(),
                        group.disk())

    def memory_bytes(self) -> int | None:
        """The group's usage now without the agent's own share."""
        return _less(self._group.usage_bytes(), self._own())

    def pressure(self) -> Pressure:
        """How long the group's processes had to wait so far."""
        return self._group.pressure()


def _cpu_without(cpu: Cpu, own: Share) -> Cpu:
    return cpu if cpu.used_s is None else cpu._replace(used_s=cpu.used_s - own.cpu_s)


def _memory_without(memory: Memory, own: Share) -> Memory:
    """The peak stays whole, so that it is seen to rise exactly when the kernel's does."""
    return memory._replace(usage_bytes=_less(memory.usage_bytes, own), agent_bytes=own.memory_bytes,
                           working_set_bytes=_less(memory.working_set_bytes, own))


def _less(number: int | None, own: Share) -> int | None:
    return None if number is None else max(0, number - own.memory_bytes)


def own_tree(paths: Paths) -> ProcessTree:
    """The tree below this process."""
    return ProcessTree(paths.proc, os.getpid())


def find(wanted: str, paths: Paths, tree: ProcessTree, own: Callable[[], Share] | None = None) -> CounterSource:
    """The source that is `wanted` ("cgroup" or "processes"); a pod without cgroup files tells by its processes.

    `own` tells the agent's share of its group; without it, this process is asked.
    """
    if wanted == "cgroup":
        group = cgroup.find(paths.cgroup, paths.proc, paths.sysfs, tree.disk)
        if group is not None:
            return PodSource(group, NetworkCounters(paths.proc, with_loopback=False), own or OwnUse(paths.proc).read)
    network = NetworkCounters(paths.proc, with_loopback=wanted != "cgroup")
    return TreeSource(tree, network, reaped_children, cpu_clock_s, with_swap=surroundings.has_swap(paths.proc))

"""Which counters an agent reads: the pod's cgroup, or the process tree below itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shapebench.agent import cgroup
from shapebench.agent.counters import Counters
from shapebench.agent.network import NetworkCounters
from shapebench.agent.processes import ProcessTree, TreeSource, reaped_children

if TYPE_CHECKING:
    from shapebench.agent.counters import CounterSource


class Paths(NamedTuple):
    """Where the kernel's files are."""

    cgroup: Path = Path("/sys/fs/cgroup")
    proc: Path = Path("/proc")
    sysfs: Path = Path("/sys")


class PodSource:
    """A pod's counters: its cgroup, and the network namespace that it has to itself."""

    def __init__(self, group: cgroup.CgroupV1 | cgroup.CgroupV2, network: NetworkCounters) -> None:
        self._group = group
        self._network = network

    @property
    def kind(self) -> str:
        """cgroup-v1 or cgroup-v2."""
        return self._group.kind

    def read(self) -> Counters:
        """The counters now."""
        group = self._group
        return Counters(group.cpu(), group.memory(), self._network.read(), group.disk())


def own_tree(paths: Paths) -> ProcessTree:
    """The tree below this process."""
    return ProcessTree(paths.proc, os.getpid())


def find(wanted: str, paths: Paths, tree: ProcessTree) -> CounterSource:
    """The source that is `wanted` ("cgroup" or "processes"); a pod without cgroup files tells by its processes."""
    if wanted == "cgroup":
        network = NetworkCounters(paths.proc, with_loopback=False)
        group = cgroup.find(paths.cgroup, paths.proc, paths.sysfs, tree.disk)
        if group is not None:
            return PodSource(group, network)
        return TreeSource(tree, network, reaped_children)
    return TreeSource(tree, NetworkCounters(paths.proc, with_loopback=True), reaped_children)

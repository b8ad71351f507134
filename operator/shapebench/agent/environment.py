"""What the record says about where the program ran."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shapebench.agent import cgroup
from shapebench.agent.files import read_start

if TYPE_CHECKING:
    from pathlib import Path

    from shapebench.agent.sources import Paths


_FIRST_PROCESSOR_BYTES = 4096
"""The kernel writes as much again for each of them, and a node may have hundreds."""


def describe(paths: Paths, counters: str, node: str | None) -> dict[str, str]:
    """Facts of the machine and of the agent, by name; what is unknown is empty: no program tells it instead."""
    system = os.uname()
    limit = cgroup.cpu_limit(paths.cgroup, paths.proc)
    return {
        "node": node or "",
        "kernel": f"{system.sysname} {system.release}",
        "machine": system.machine,
        "cpu_model": cpu_model(read_start(paths.proc / "cpuinfo", _FIRST_PROCESSOR_BYTES)) or "",
        "cpus": str(os.cpu_count() or ""),
        "cgroup": _cgroup_version(paths.cgroup) or "",
        "cpu_limit": f"{limit[0]:g}" if limit else "",
        "cpu_period_s": f"{limit[1]:g}" if limit else "",
        "agent_python": ".".join(str(part) for part in sys.version_info[:3]),
        "agent_counters": counters,
    }


def _cgroup_version(root: Path) -> str | None:
    """The machine's, whether or not it is read here."""
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "v1" if any((root / name).is_dir() for name in ("cpu", "cpuacct", "cpu,cpuacct")) else None


def cpu_model(cpuinfo: str) -> str | None:
    """The first processor's name in a /proc/cpuinfo (ARM's has none)."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "cpu model", "Model"):
            return value.strip()
    return None

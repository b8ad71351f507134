"""What the record says about where the program ran."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shapebench.agent.files import read_start

if TYPE_CHECKING:
    from pathlib import Path


_FIRST_PROCESSOR_BYTES = 4096
"""The kernel writes as much again for each of them, and a node may have hundreds."""


def describe(proc: Path, counters: str, node: str | None) -> dict[str, str]:
    """Facts of the machine and of the agent, by name; what is unknown is left out."""
    system = os.uname()
    facts = {
        "node": node,
        "kernel": f"{system.sysname} {system.release}",
        "machine": system.machine,
        "cpu_model": cpu_model(read_start(proc / "cpuinfo", _FIRST_PROCESSOR_BYTES)),
        "cpus": str(os.cpu_count() or ""),
        "agent_python": ".".join(str(part) for part in sys.version_info[:3]),
        "agent_counters": counters,
    }
    return {name: value for name, value in facts.items() if value}


def cpu_model(cpuinfo: str) -> str | None:
    """The first processor's name in a /proc/cpuinfo (ARM's has none)."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "cpu model", "Model"):
            return value.strip()
    return None

"""What the agent itself uses, to be taken off a container's counters: it lives in the group that it reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from shapebench.agent.files import KernelFile

if TYPE_CHECKING:
    from pathlib import Path

_LOOK_AGAIN_S = 5.0
"""The agent's memory hardly changes, and the kernel walks all its pages to tell."""


class Share(NamedTuple):
    """CPU seconds since the agent's start, and the bytes that nobody shares with it now."""

    cpu_s: float = 0.0
    memory_bytes: int = 0


class OwnUse:
    """The agent's own account."""

    def __init__(self, proc: Path, cpu: Callable[[], float] = time.process_time,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._rollup = KernelFile(proc / "self" / "smaps_rollup")
        self._cpu = cpu
        self._clock = clock
        self._memory_bytes = 0
        self._look_again_s = clock()

    def read(self) -> Share:
        """The share now. Reading the own CPU clock also makes the kernel charge the group with it, to this moment."""
        now_s = self._clock()
        if now_s >= self._look_again_s:
            self._memory_bytes = anonymous_bytes(self._rollup.text() or "")
            self._look_again_s = now_s + _LOOK_AGAIN_S
        return Share(self._cpu(), self._memory_bytes)


def anonymous_bytes(rollup: str) -> int:
    """The memory of a process that is no file's, from its smaps_rollup; 0 where that does not say (Linux < 4.14)."""
    for line in rollup.splitlines():
        key, _, rest = line.partition(":")
        if key == "Anonymous":
            return int(rest.split()[0]) * 1024
    return 0

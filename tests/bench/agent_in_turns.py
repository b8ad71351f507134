"""The agent of a running program stopped and let go in turns, and the program's steps with and without it.

Two runs of one program differ by ten per cent on a machine that is a guest of another; steps of one process seconds
apart do not. A stopped agent samples nothing and answers nobody: that is the same program without it.
"""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

BLOCK_S = 3.0
_SETTLES_S = 0.1
"""After a turn, the agent catches up with what it missed."""


@dataclass(frozen=True)
class Block:
    """A stretch of time (monotonic clock) with the agent running, or stopped."""

    from_s: float
    to_s: float
    runs: bool


@dataclass
class Turns:
    """Stops and lets go all agents of this process, until `stop`."""

    blocks: list[Block] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def go(self) -> None:
        """The thread's work."""
        runs = True
        while not self._over.is_set():
            for process in agents():
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT if runs else signal.SIGSTOP)
            began_s = time.perf_counter()
            self._over.wait(BLOCK_S)
            self.blocks.append(Block(began_s + _SETTLES_S, time.perf_counter(), runs))
            runs = not runs
        for process in agents():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def stop(self) -> None:
        """No more turns; all agents run."""
        self._over.set()


def agents() -> list[int]:
    """The agents that this process started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"shapebench.agent" in (process / "cmdline").read_bytes().split(b"\0")[:3]:
                found.append(int(process.name))
    return found


def during(run: Callable[[], object]) -> list[Block]:
    """Do `run`, and tell the turns that its agents took meanwhile."""
    turns = Turns()
    thread = threading.Thread(target=turns.go)
    thread.start()
    try:
        run()
    finally:
        turns.stop()
        thread.join()
    return turns.blocks


def overheads(blocks: Sequence[Block], steps: Sequence[tuple[float, float]]) -> list[float]:
    """What the agent adds to a step, as a share, from every two stretches: one with it and one without.

    `steps` are (start on the monotonic clock, seconds); those that are not wholly within a stretch do not count.
    """
    typical = [(block.runs, _median(block, steps)) for block in blocks]
    found = []
    for (runs, one), (_, other) in zip(typical[::2], typical[1::2], strict=False):
        if one is not None and other is not None:
            found.append((one / other if runs else other / one) - 1)
    return found


def _median(block: Block, steps: Sequence[tuple[float, float]]) -> float | None:
    inside = [seconds for began_s, seconds in steps
              if block.from_s <= began_s and began_s + seconds <= block.to_s]
    return statistics.median(inside) if len(inside) >= 3 else None

"""A gang of local processes: started together, watched together, and ended together.

Each member is an agent with its program. The agent ends its program and all that the program left behind when it is
asked to (SIGTERM), and writes its record even then; only an agent that does not answer is killed with its session.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shapebench.local import cores

POLL_S = 0.1
AGENT_GRACE_S = 15.0
"""The agent itself gives its program 5 s after SIGTERM, and what the program left behind another 4 s."""


@dataclass(frozen=True)
class Member:
    """One process of a gang. `serves`: it never ends by itself and is ended when all others have."""

    role: str
    index: int
    command: tuple[str, ...]
    env: Mapping[str, str]
    cores: tuple[int, ...]
    log: Path
    record: Path
    serves: bool = False


@dataclass(frozen=True)
class Ending:
    """How a gang ended. `failed` is the first member that ended badly by itself, with its exit code."""

    failed: Member | None = None
    exit_code: int = 0
    timed_out: bool = False


def run(members: Sequence[Member], timeout_s: float, tick: Callable[[float], None]) -> Ending:
    """Start all members and wait; `tick` is called with the seconds so far, some times a second.

    Whatever happens, KeyboardInterrupt included, nothing is left running.
    """
    started = time.monotonic()
    running: list[tuple[Member, subprocess.Popen[bytes]]] = []
    try:
        for member in members:
            running.append((member, _start(member)))
        while True:
            elapsed = time.monotonic() - started
            ending = _state(running)
            if ending is not None:
                return ending
            if elapsed >= timeout_s:
                return Ending(timed_out=True)
            tick(elapsed)
            time.sleep(POLL_S)
    finally:
        _end([process for _, process in running])


def _state(running: Sequence[tuple[Member, subprocess.Popen[bytes]]]) -> Ending | None:
    """How it ended, or None while it goes on: the first failure ends it, and so does the last program."""
    codes = [(member, process.poll()) for member, process in running]
    for member, code in codes:
        if code is not None and code != 0:
            return Ending(failed=member, exit_code=code)
    return Ending() if all(code == 0 for member, code in codes if not member.serves) else None


def _start(member: Member) -> subprocess.Popen[bytes]:
    member.log.parent.mkdir(parents=True, exist_ok=True)
    with member.log.open("wb") as log, cores.pinned(member.cores):
        return subprocess.Popen(member.command, env=dict(member.env), stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT, start_new_session=True)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End what still runs; a second Ctrl-C while this waits kills at once."""
    living = [process for process in processes if process.poll() is None]
    for process in living:
        process.terminate()
    deadline = time.monotonic() + AGENT_GRACE_S
    try:
        for process in living:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
    finally:
        for process in living:
            _kill_session(process.pid)
            process.wait()


def _kill_session(leader: int) -> None:
    """Kill every process of the session: some programs (PySpark's daemon) make process groups of their own."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(entry.name)) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
    with suppress(OSError):
        os.killpg(leader, signal.SIGKILL)

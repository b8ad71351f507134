"""From a gang's ending to the run's reason."""

from __future__ import annotations

import os
import re
from pathlib import Path

from shapebench.api import last_words, quantity, wire
from shapebench.api.assemble import Outcome
from shapebench.api.record import Reason
from shapebench.local.gang import Ending

_KILLED = (-9, 137)
_ATTEMPT = 1
"""Its only one: there are no nodes here that could be lost."""
_LOG_END_BYTES = 2**18
"""Far more than what is quoted of it: a JVM may write much while it dies."""


def judge(ending: Ending, run_timeout_s: float, kernel_killed_for_memory: bool, message: str) -> Outcome:
    """The outcome of a run. `message` is the failed agent's own sentence on its program's end, if it had one."""
    if ending.timed_out:
        return Outcome(_ATTEMPT, Reason.RUN_TIMEOUT,
                       f"did not end within limits.runTimeout ({quantity.duration_text(run_timeout_s)})")
    if ending.failed is None:
        return Outcome(_ATTEMPT)
    who = f"{ending.failed.role} {ending.failed.index}"
    detail = message or f"ended with exit code {ending.exit_code}"
    if ending.exit_code == wire.EXIT_AWAIT_TIMEOUT:
        return Outcome(_ATTEMPT, Reason.START_TIMEOUT, f"{who}: {detail}")
    if ending.exit_code in _KILLED and kernel_killed_for_memory:
        return Outcome(_ATTEMPT, Reason.OUT_OF_MEMORY, f"{who}: the kernel killed it, this machine's memory ran out")
    said = last_words.of_log(_end_of(ending.failed.log))
    told = f"{who}: {detail}; its log is {ending.failed.log.name}"
    return Outcome(_ATTEMPT, Reason.PROGRAM_FAILED, f"{told}\n{said}" if said else told)


def _end_of(log: Path) -> str:
    """The end of a log; empty where there is none any more."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_END_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def oom_kills(vmstat: Path = Path("/proc/vmstat")) -> int:
    """How many processes this machine's kernel has killed for memory since it started; 0 where it does not tell."""
    try:
        match = re.search(r"^oom_kill ([0-9]+)$", vmstat.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0

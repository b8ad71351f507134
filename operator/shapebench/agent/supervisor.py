"""The program's life as the agent's child: start, signals, exit code, and nobody left behind.

The agent may be PID 1 of a container, so it waits for every orphan; elsewhere it asks the kernel to be made the
subreaper of its descendants, so that their CPU time ends up in its own account. The program stays in the agent's
process group: who kills that group kills the program too.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from shapebench.agent.wakeups import FORWARDED

if TYPE_CHECKING:
    from shapebench.agent.processes import ProcessTree
    from shapebench.agent.wakeups import Wakeups

TERM_GRACE_S = 5.0
"""How long the program may take to end after SIGTERM: less than the pod's own grace period (10 s)."""
ORPHAN_GRACE_S = 2.0
"""How long what the program left behind may take to end after SIGTERM."""

_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_SLEEP_S = 3600.0


class CannotStartError(OSError):
    """The program can't be started; the message says what was tried and why it failed."""


class Exit(NamedTuple):
    """How the program ended. `code` is 128 + n after signal n, as in a shell and as the kubelet reports it."""

    code: int
    signal: int | None = None
    asked: bool = False
    """Whether it lived when it was sent SIGTERM, and ended in a way that SIGTERM, or SIGKILL later, explains."""


class Duty(NamedTuple):
    """What is to be done besides while the program runs: something to read, and something on time."""

    readable: list[int]
    on_readable: Callable[[], None]
    due_in_s: Callable[[], float]
    on_time: Callable[[], None]


def become_subreaper() -> None:
    """Orphans of the tree become this process' children; best effort (Linux with a C library that has prctl)."""
    if os.getpid() == 1:
        return
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(argv: list[str], env: dict[str, str]) -> int:
    """Start the program and return its process number; raises CannotStartError."""
    try:
        # Not a fork: the agent has threads. SIGPIPE and SIGXFSZ are ignored by Python, not by the program.
        return os.posix_spawnp(argv[0], argv, env, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
    except OSError as error:
        looked = f" (PATH={env.get('PATH', '')})" if "/" not in argv[0] else ""
        raise CannotStartError(f"cannot start {argv[0]!r}{looked}: {error.strerror}") from error


class Supervisor:
    """Watches one program, then ends what it left behind."""

    def __init__(self, wakeups: Wakeups, tree: ProcessTree, clock: Callable[[], float]) -> None:
        self._wakeups = wakeups
        self._tree = tree
        self._clock = clock
        self._sent: set[int] = set()

    def watch(self, pid: int, duty: Duty) -> Exit:
        """Sleep until the program has ended: pass signals on, do the duty when it is due."""
        kill_at_s: float | None = None
        poll = select.poll()  # select() knows no descriptor above 1023, and followers may have come before the pipe
        for fd in (self._wakeups.fileno(), *duty.readable):
            poll.register(fd, select.POLLIN)
        while True:
            sleep_s = min(duty.due_in_s(), _LONGEST_SLEEP_S)
            if kill_at_s is not None:
                sleep_s = min(sleep_s, max(0.0, kill_at_s - self._clock()))
            ready = {fd for fd, _ in poll.poll(1000 * sleep_s)}
            # The job's lines first: the end of the measured part must not wait for the end of the program.
            if any(fd in ready for fd in duty.readable):
                duty.on_readable()
            for number in self._wakeups.signals():
                if number in FORWARDED:
                    self._forward(pid, number)
                if number is signal.SIGTERM and kill_at_s is None:
                    kill_at_s = self._clock() + TERM_GRACE_S
            ended = self._reap(pid)
            if ended is not None:
                return ended._replace(asked=self._has_asked_for(ended))
            if kill_at_s is not None and self._clock() >= kill_at_s:
                self._send(pid, signal.SIGKILL)
                kill_at_s = None
            duty.on_time()

    def sweep(self) -> int:
        """End all descendants that are left, politely and then not; returns how many there were."""
        asked: dict[int, int] = {}
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = self._clock() + ORPHAN_GRACE_S
            while self._clock() < deadline:
                self._reap(None)
                living = self._tree.living()
                if not living:
                    return len(asked)
                for process in living:
                    if asked.get(process.pid) != number:
                        asked[process.pid] = number
                        with contextlib.suppress(OSError):
                            os.kill(process.pid, number)
                select.select([self._wakeups], [], [], 0.05)
                self._wakeups.signals()
        self._reap(None)
        return len(asked)

    def _forward(self, pid: int, number: signal.Signals) -> None:
        if number in (signal.SIGINT, signal.SIGQUIT) and _from_terminal():
            return
        self._send(pid, number)

    def _send(self, pid: int, number: signal.Signals) -> None:
        if _lives(pid):
            self._sent.add(number)
        os.kill(pid, number)

    def _has_asked_for(self, ended: Exit) -> bool:
        """See Exit.asked. Any exit code will do: a program may tidy up and choose one."""
        return signal.SIGTERM in self._sent and (ended.signal is None or ended.signal in self._sent)

    def _reap(self, main: int | None) -> Exit | None:
        """Wait for whoever is dead already; the main program's end, if it is among them."""
        ended = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == main:
                    ended = _exit(status)
        return ended


def _lives(pid: int) -> bool:
    """Whether this child has not ended; if it has, its end is still there to be waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _exit(status: int) -> Exit:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Exit(128 + number, number)
    return Exit(os.WEXITSTATUS(status))


def _from_terminal() -> bool:
    """Whether the terminal itself has sent Ctrl-C to the whole process group, the program included."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False

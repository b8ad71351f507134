"""One file descriptor that becomes readable when the agent must wake up: for a signal, or because a thread asks.

So the main thread can sleep in one select call for signals, the harness' lines and the next sample together, and
uses no CPU in between. Python's own handlers do nothing here: they only run so that the C level writes the signal's
number to the pipe (signal.set_wakeup_fd).
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that are passed on to the program."""

_POKE = b"\0"


class Wakeups:
    """The main thread's alarm clock; a context that puts the old handlers back."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._readable, self._writable = -1, -1

    def __enter__(self) -> Wakeups:
        self._readable, self._writable = os.pipe()
        for end in (self._readable, self._writable):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._writable, warn_on_full_buffer=False)
        for number in (*FORWARDED, signal.SIGCHLD):
            # What is ignored from outside stays ignored (nohup), for the program as for the agent.
            if number is signal.SIGCHLD or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, lambda _number, _frame: None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._readable)
        os.close(self._writable)

    def fileno(self) -> int:
        """For select."""
        return self._readable

    def poke(self) -> None:
        """Wake the main thread, from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._writable, _POKE)

    def signals(self) -> list[signal.Signals]:
        """The signals that came since the last call, oldest first."""
        numbers = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                numbers += os.read(self._readable, 4096)
        return [signal.Signals(number) for number in numbers if number != _POKE[0]]

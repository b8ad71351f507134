"""How many files the agent may have open: a driver's agent holds a connection of every executor that follows it."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator


class OpenFiles:
    """The soft limit of this process, raised to the hard one; the program is started under the one from before."""

    def __init__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def most(self) -> None:
        """As many as the kernel allows from now on."""
        _limit(self._before[1], self._before[1])

    @contextlib.contextmanager
    def as_before(self) -> Iterator[None]:
        """The old limit for a moment, which is what a process that is started now inherits. Open files stay open."""
        _limit(*self._before)
        try:
            yield
        finally:
            self.most()


def _limit(soft: int, hard: int) -> None:
    """Best effort: where a container may not, nothing changes in either direction."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

"""Tells the agents that follow this one when the measured part starts and ends, over connections kept open.

Pods whose programs mark nothing (executors, parameter servers) read their counters at the same two moments, within
what one small packet takes.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

from shapebench.agent import marks
from shapebench.agent.marks import Mark
from shapebench.api import wire

_MOST_FOLLOWERS = 10_000
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"


class Announcer:
    """Holds the followers' connections. `follow` is called by the server's thread, `tell` by the main one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._followers: dict[int, socket.socket] = {}
        self._poll = select.poll()
        self._told = 0
        self._state: list[Mark] = []

    def follow(self, connection: socket.socket, _query: str = "") -> None:
        """Take over this connection: answer with the present state, and tell it all that comes."""
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.let_closed_go()
        with self._lock:
            now_s = self._clock()
            state = b"".join(marks.line(mark, now_s) for mark in self._state)
            if len(self._followers) < _MOST_FOLLOWERS and _sent(connection, _HEAD + state):
                self._followers[connection.fileno()] = connection
                self._poll.register(connection, select.POLLRDHUP)
            else:
                connection.close()

    def tell(self, event: str, ago_s: float = 0.0) -> None:
        """It happened so long ago. Who does not take it is let go: it comes back for the state."""
        with self._lock:
            self._told += 1
            now_s = self._clock()
            mark = Mark(self._told, event, now_s - ago_s)
            self._state = _state(self._state, mark)
            text = marks.line(mark, now_s)
            for fd, follower in list(self._followers.items()):
                if not _sent(follower, text):
                    self._let_go(fd)

    def let_closed_go(self) -> None:
        """Free the sockets of those that have gone: nobody else notices before the next mark, which may never come."""
        with self._lock:
            for fd, _ in self._poll.poll(0):
                self._let_go(fd)

    def close(self) -> None:
        """Let all go."""
        with self._lock:
            for fd in list(self._followers):
                self._let_go(fd)

    def _let_go(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._followers.pop(fd).close()


def _state(before: list[Mark], mark: Mark) -> list[Mark]:
    """What somebody who comes now must be told: of each kind the last, and no finish from before the start."""
    if mark.event == wire.EVENT_MEASURED_STARTED:
        return [mark]
    return [*(one for one in before if one.event != mark.event), mark]


def _sent(connection: socket.socket, text: bytes) -> bool:
    """Whether the whole text went out at once, as a few hundred bytes do unless the other side takes nothing."""
    with contextlib.suppress(OSError):
        return connection.send(text) == len(text)
    return False

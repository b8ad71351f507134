"""Tells the agents that follow this one when the measured part starts and ends, over connections kept open.

Pods whose programs mark nothing (executors, parameter servers) read their counters at the same two moments, within
what one small packet takes.
"""

from __future__ import annotations

import contextlib
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
        self._followers: list[socket.socket] = []
        self._told = 0
        self._state: list[Mark] = []

    def follow(self, connection: socket.socket) -> None:
        """Take over this connection: answer with the present state, and tell it all that comes."""
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        with self._lock:
            now_s = self._clock()
            state = b"".join(marks.line(mark, now_s) for mark in self._state)
            if len(self._followers) < _MOST_FOLLOWERS and _sent(connection, _HEAD + state):
                self._followers.append(connection)
            else:
                connection.close()

    def tell(self, event: str) -> None:
        """It happens now. Who does not take it is let go: it comes back for the state."""
        with self._lock:
            self._told += 1
            mark = Mark(self._told, event, self._clock())
            self._state = _state(self._state, mark)
            text = marks.line(mark, mark.at_s)
            kept = []
            for follower in self._followers:
                if _sent(follower, text):
                    kept.append(follower)
                else:
                    follower.close()
            self._followers = kept

    def close(self) -> None:
        """Let all go."""
        with self._lock:
            for follower in self._followers:
                follower.close()
            self._followers = []


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

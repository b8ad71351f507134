"""Finds out when the programs of all agents that this pod serves have ended, in one thread however many they are."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from shapebench.agent import follower, marks
from shapebench.api import wire

if TYPE_CHECKING:
    from shapebench.agent.settings import Peer

_LOOK_AGAIN_S = 0.5
"""How long after a connection that failed or broke the next is made."""

_GONE_AFTER_S = 5.0
"""An agent that was there and has refused every connection for so long has ended without a word: it was killed."""


class Served:
    """`over` once each has told so; `done` is called then, in that thread. Who is never heard keeps it from that.

    `connected` is called there whenever one of them is there.
    """

    def __init__(self, peers: tuple[Peer, ...], done: Callable[[], None],
                 connected: Callable[[], None] = lambda: None) -> None:
        self._left = set(peers)
        self._connections: dict[Peer, socket.socket] = {}
        self._rests: dict[Peer, bytes] = {}
        self._last_there_s: dict[Peer, float] = {}
        self._done = done
        self._connected = connected
        self._met = threading.Event()

    @property
    def over(self) -> bool:
        """Whether all have ended."""
        return not self._left

    def knows(self, peer: Peer) -> bool:
        """Whether this one has been there, so that its end is told."""
        return peer in self._last_there_s

    def start(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._run, name="served", daemon=True).start()

    def meet(self, timeout_s: float) -> None:
        """Wait until all are connected, but not longer than that: a short program's agent is soon gone."""
        self._met.wait(timeout_s)

    def _run(self) -> None:
        while self._left:
            for peer in self._left - self._connections.keys():
                self._connect(peer)
            if not self._left:
                break
            whole = self._left <= self._connections.keys()
            if whole:
                self._met.set()
            poll = select.poll()  # select() knows no descriptor above 1023
            peers = {connection.fileno(): peer for peer, connection in self._connections.items()}
            for fd in peers:
                poll.register(fd, select.POLLIN)
            ready = poll.poll(None if whole else 1000 * _LOOK_AGAIN_S)
            broken = [self._take(peers[fd]) for fd, _ in ready]
            if any(broken):
                time.sleep(_LOOK_AGAIN_S)
        self._done()

    def _connect(self, peer: Peer) -> None:
        now_s = time.monotonic()
        try:
            self._connections[peer] = follower.connect(peer)
        except OSError:
            if now_s - self._last_there_s.get(peer, now_s) > _GONE_AFTER_S:
                self._left.discard(peer)
        else:
            self._last_there_s[peer] = now_s
            self._connected()

    def _take(self, peer: Peer) -> bool:
        """What this one has sent; whether its connection has broken before it told of its end."""
        chunk = b""
        with contextlib.suppress(OSError):
            chunk = self._connections[peer].recv(4096)
        *lines, self._rests[peer] = (self._rests.get(peer, b"") + chunk).split(b"\n")
        heard = (marks.parse(line, 0.0) for line in lines)
        over = any(mark is not None and mark.event == wire.EVENT_PROGRAM_OVER for mark in heard)
        if over:
            self._left.discard(peer)
        if over or not chunk:
            self._last_there_s[peer] = time.monotonic()
            self._connections.pop(peer).close()
            self._rests.pop(peer)
        return not over and not chunk

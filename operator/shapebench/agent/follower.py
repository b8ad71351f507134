"""Hears from another agent when its measured part starts and ends.

Whatever happens to that agent, the program here does not notice: a leader that is late, gone or talks nonsense only
means that nothing is heard.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from shapebench.agent import marks
from shapebench.agent.marks import Mark
from shapebench.api import wire

if TYPE_CHECKING:
    from shapebench.agent.settings import Peer

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 1.0
_CONNECT_TIMEOUT_S = 2.0
_LONGEST_LINE_BYTES = 4096


def connect(leader: Peer) -> socket.socket:
    """A connection to this agent on which it tells its marks; raises OSError."""
    connection = socket.create_connection(leader, timeout=_CONNECT_TIMEOUT_S)
    # The next mark may be hours away; keep-alive finds out when nobody is there any more.
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.sendall(f"GET {wire.MEASURED_PATH} HTTP/1.1\r\nHost: {leader[0]}\r\n\r\n".encode())
    return connection


class Follower:
    """Listens in a thread of its own, for as long as the process lives.

    `heard` is called there at every mark, `connected` when the leader is there, and again after each broken connection.
    """

    def __init__(self, leader: Peer, clock: Callable[[], float], heard: Callable[[], None],
                 connected: Callable[[], None] = lambda: None) -> None:
        self._leader = leader
        self._clock = clock
        self._heard = heard
        self._tell_connected = connected
        self.connected = False
        """Whether the leader was ever there: it then tells all that it knows, and how long ago it was."""
        self._waiting: deque[Mark] = deque()
        self._last = 0

    def start(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._run, name="follower", daemon=True).start()

    def marks(self) -> list[Mark]:
        """What was heard since the last call, oldest first, in times of this agent's own clock."""
        found = []
        with contextlib.suppress(IndexError):
            while True:
                found.append(self._waiting.popleft())
        return found

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            with contextlib.suppress(OSError), connect(self._leader) as connection:
                pause_s = _FIRST_PAUSE_S
                self.connected = True
                self._tell_connected()
                self._listen(connection)
            time.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.2)

    def _listen(self, connection: socket.socket) -> None:
        """Take lines until the other side ends. The answer's head is passed over: no line of it is a mark."""
        rest = b""
        while chunk := connection.recv(4096):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE_BYTES:
                return
            now_s = self._clock()
            for text in lines:
                mark = marks.parse(text, now_s)
                # Whoever comes back after a broken connection is told again what it knows.
                if mark is not None and mark.number > self._last:
                    self._last = mark.number
                    self._waiting.append(mark)
                    self._heard()

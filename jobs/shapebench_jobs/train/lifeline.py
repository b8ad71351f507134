"""One connection from each serving task to the task that coordinates, so that all of them end together.

TensorFlow's parameter servers never end by themselves, and its coordinator waits for ever for a worker that is gone.
Here each serving task holds a connection to the coordinator's address (worker 0 of TF_CONFIG) for as long as it lives:
whoever goes, however it goes, the other end of the connection is closed by the kernel, and the rest ends. Until then
the connection carries the coordinator's words, a line each.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

STARTED, FINISHED = "measured-started", "measured-finished"
"""The coordinator's words."""
MEET_TIMEOUT_S = 300.0
_PAUSE_S = 0.2
_HELLO_LIMIT = 64


class NeverMetError(Exception):
    """Some of the tasks did not come in time; the message names them."""


class Leader:
    """The coordinator's end: who has come, and what is told to all."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("", port))
        self._members: dict[str, socket.socket] = {}
        self._closing = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def meet(self, names: set[str], timeout_s: float = MEET_TIMEOUT_S) -> None:
        """Wait until all of these have said their names; NeverMetError after the timeout."""
        deadline = time.monotonic() + timeout_s
        while missing := names - set(self._members):
            self._listener.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                connection, _ = self._listener.accept()
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                name = connection.makefile().readline(_HELLO_LIMIT).strip()
            except OSError:
                if time.monotonic() >= deadline:
                    raise NeverMetError(f"{', '.join(sorted(missing))} did not come within {timeout_s:g} s") from None
                continue
            if name in missing:
                connection.settimeout(None)
                self._members[name] = connection
            else:
                connection.close()

    def watch(self, lost: Callable[[str], None]) -> None:
        """Call `lost` (in a thread) with the name of a member that goes before `close`."""
        for name, connection in self._members.items():
            threading.Thread(target=self._watch, args=(name, connection, lost), daemon=True).start()

    def tell(self, word: str) -> None:
        """Send one word to all; a member that is gone is `lost`'s matter."""
        for connection in self._members.values():
            with suppress(OSError):
                connection.sendall(f"{word}\n".encode())

    def close(self) -> None:
        """Let all members go."""
        self._closing.set()
        for connection in (*self._members.values(), self._listener):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _watch(self, name: str, connection: socket.socket, lost: Callable[[str], None]) -> None:
        with suppress(OSError):
            while connection.recv(1):
                pass
        if not self._closing.is_set():
            lost(name)


def follow(address: str, name: str, timeout_s: float = MEET_TIMEOUT_S) -> Iterator[str]:
    """Say our name to the coordinator at host:port; then its words, until it lets us go or is gone."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
            break
        except OSError:
            if time.monotonic() >= deadline:
                raise NeverMetError(f"worker 0 at {address} did not come within {timeout_s:g} s") from None
            time.sleep(_PAUSE_S)
    with connection:
        # A machine that vanishes closes nothing: after some minutes without an answer the kernel does.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.settimeout(None)
        connection.sendall(f"{name}\n".encode())
        with suppress(OSError):
            for line in connection.makefile():
                yield line.strip()

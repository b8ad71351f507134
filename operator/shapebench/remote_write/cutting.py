"""A bound on a whole request: an HTTP library's timeouts start anew with every byte that an endpoint sends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_AGAIN_S = 0.1
"""While it connects there is nothing to cut yet, or no longer: the next address is tried."""


class Deadline:
    """Cuts the connection of a pool that has one at a time and is used by one thread at a time."""

    def __init__(self, pool: PoolManager) -> None:
        self._connection: HTTPConnection | None = None
        self._connected: socket.socket | None = None
        self.passed = False
        pool.pool_classes_by_scheme = {
            "http": type("Plain", (HTTPConnectionPool,), {"ConnectionCls": self._watched(HTTPConnection)}),
            "https": type("Tls", (HTTPSConnectionPool,), {"ConnectionCls": self._watched(HTTPSConnection)})}

    @contextmanager
    def after(self, timeout_s: float) -> Iterator[None]:
        """What is done within ends by an error soon after this time; `passed` tells whether it came to that."""
        self.passed = False
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done, timeout_s), name="remote-write-deadline", daemon=True)
        watch.start()
        try:
            yield
        finally:
            done.set()
            watch.join()

    def _watch(self, done: threading.Event, timeout_s: float) -> None:
        wait_s = timeout_s
        while not done.wait(wait_s):
            self.passed = True
            wait_s = _AGAIN_S
            # A connection forgets its socket when an answer says that it is the last; one that is not connected yet
            # may still be busy with a proxy.
            sock = self._connected or (self._connection.sock if self._connection is not None else None)
            if isinstance(sock, socket.socket):
                with suppress(OSError):  # not connected yet, or not any more
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not TLS' own, which takes the reader's state away

    def _watched(self, kind: type[HTTPConnection]) -> type[HTTPConnection]:
        def connect(connection: HTTPConnection) -> None:
            self._connection, self._connected = connection, None
            kind.connect(connection)
            self._connected = connection.sock

        return type(f"Watched{kind.__name__}", (kind,), {"connect": connect})

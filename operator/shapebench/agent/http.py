"""The agent's HTTP server: /metrics, /healthz, /measured and /found, in one thread that sleeps in accept().

The standard library's http.server would do, at the price of 6 MB of e-mail and HTML parsing in every pod. This one
answers GET and HEAD, one connection at a time, and gives a slow client two seconds. A peer that looks for this agent
(the gang's rendezvous) is accepted by the kernel as soon as the socket listens, even while another is served.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

_BACKLOG = 128
_CLIENT_TIMEOUT_S = 2.0
_LONGEST_REQUEST_BYTES = 16384
_PAUSE_S = 0.1
"""How long is waited after a connection that could not be taken, most often for want of file descriptors."""


class Page(NamedTuple):
    """What a path answers with."""

    content_type: str
    body: Callable[[], bytes]


class Server:
    """Serves pages by their paths from a daemon thread; a connection that asks for a stream is handed over.

    Whoever takes it gets what stands behind the `?`, too, and closes it.
    """

    def __init__(self, port: int, pages: dict[str, Page],
                 streams: dict[str, Callable[[socket.socket, str], None]] | None = None,
                 complain: Callable[[OSError], None] = lambda _: None) -> None:
        """Bind and listen (port 0: any that is free); raises OSError if the port is taken.

        `complain` is called in the server's thread whenever a connection cannot be taken; it may free what it can.
        """
        self._pages = pages
        self._streams = streams or {}
        self._complain = complain
        self._closed = False
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]

    def start(self) -> None:
        """Answer from now on, as long as the process lives."""
        threading.Thread(target=self._serve, name="http", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._closed = True
        with contextlib.suppress(OSError):
            # accept() in the other thread does not return when a socket is only closed.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except ConnectionError:
                continue
            except OSError as error:
                if self._closed:
                    return
                self._complain(error)
                time.sleep(_PAUSE_S)
                continue
            with contextlib.suppress(OSError):
                if self._handed_over(connection):
                    continue
            connection.close()

    def _handed_over(self, connection: socket.socket) -> bool:
        """Answer one request; true if somebody else has the connection now."""
        connection.settimeout(_CLIENT_TIMEOUT_S)
        request = _request(connection)
        method, _, rest = request.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        path, _, query = rest.split(" ")[0].partition("?")
        if method == "GET" and path in self._streams:
            self._streams[path](connection, query)
            return True
        if request:
            connection.sendall(self._answer(method, path))
        return False

    def _answer(self, method: str, path: str) -> bytes:
        page = self._pages.get(path)
        if method not in ("GET", "HEAD"):
            return _response("405 Method Not Allowed", "text/plain", b"only GET and HEAD\n", head=False)
        if page is None:
            known = " ".join(sorted([*self._pages, *self._streams]))
            return _response("404 Not Found", "text/plain", f"try {known}\n".encode(), head=method == "HEAD")
        try:
            body = page.body()
        except Exception as error:  # the server must outlive a page's mistake
            return _response("500 Internal Server Error", "text/plain", f"{error!r}\n".encode(),
                             head=method == "HEAD")
        return _response("200 OK", page.content_type, body, head=method == "HEAD")


def _listen(port: int) -> socket.socket:
    """A listening socket, for both IP versions where the machine has both."""
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True,
                                        backlog=_BACKLOG)
    return socket.create_server(("", port), backlog=_BACKLOG)


def _request(connection: socket.socket) -> bytes:
    """The request's head; empty if the client says nothing."""
    request = b""
    while b"\r\n\r\n" not in request and len(request) < _LONGEST_REQUEST_BYTES:
        chunk = connection.recv(4096)
        if not chunk:
            return b""
        request += chunk
    return request


def _response(status: str, content_type: str, body: bytes, *, head: bool) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}",
             "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if head else body)

"""The operator's small HTTP endpoints: /metrics for Prometheus, /readyz for the readiness probe, and, where records are
kept in a volume that only this pod mounts, /records/.

Liveness is kopf's own endpoint, on a port of its own, so that a slow scrape cannot make the operator look dead. What
clients can take is bounded: threads, the time for which one of them waits for its client, and records under way.
All of them listen on both versions of IP: a cluster may have only one, and either.
"""

from __future__ import annotations

import logging
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from shapebench.api import places

log = logging.getLogger(__name__)

Answer = tuple[int, str, bytes | BinaryIO]
"""Status, content type, body; a file is sent in pieces and closed."""

CLIENT_TIMEOUT_S = 10.0
"""For a client to send its request, and to take each piece of the answer."""
CONNECTIONS = 32
"""At one time; more are closed unanswered."""
RECORDS = 2
"""That are sent at one time; who asks for more waits in a row."""
TURN_S = 20.0
_PIECE_BYTES = 65536

_TEXT = "text/plain; charset=utf-8"


def any_host(port: int) -> str:
    """The host of a URL that stands, for asyncio, for all addresses of this machine.

    "::" would not do: asyncio makes such a socket take IPv6 alone. glibc has a name for the addresses of both versions;
    where the C library is another, it is IPv4's.
    """
    try:
        socket.getaddrinfo("*", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        return "0.0.0.0"
    return "*"


class Endpoints:
    """Serves until stopped. `problem` says why the operator is not ready (None: it is)."""

    def __init__(self, metrics: Callable[[], bytes], problem: Callable[[], str | None], port: int,
                 records: Callable[[str], Answer] | None = None, client_timeout_s: float = CLIENT_TIMEOUT_S,
                 turn_s: float = TURN_S) -> None:
        self._metrics = metrics
        self._problem = problem
        self._records = records
        self._turns = threading.BoundedSemaphore(RECORDS)
        self._turn_s = turn_s
        self._server = _serving(port, _handler(self.answering, client_timeout_s))
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoints", daemon=True)

    @property
    def port(self) -> int:
        """The port that is served; of use when 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def answering(self, path: str) -> Iterator[Answer]:
        """What a GET of the path is answered with; a record takes one of a few turns for as long."""
        if not path.startswith(places.SERVED):
            yield self._answer(path)
        elif not self._turns.acquire(timeout=self._turn_s):
            yield 503, _TEXT, f"{RECORDS} other records are being sent; try again\n".encode()
        else:
            try:
                yield self._answer(path)
            finally:
                self._turns.release()

    def _answer(self, path: str) -> Answer:
        match path.split("?", 1)[0]:
            case "/metrics":
                return 200, CONTENT_TYPE_PLAIN_0_0_4, self._metrics()
            case "/readyz":
                problem = self._problem()
                return (200, _TEXT, b"ok\n") if problem is None else (503, _TEXT, f"{problem}\n".encode())
            case record if self._records is not None and record.startswith(places.SERVED):
                return self._records(record.removeprefix(places.SERVED))
            case _:
                return 404, _TEXT, b"here are /metrics and /readyz\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = CONNECTIONS

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (it is socketserver's)
        """A client that went away is its own affair; anything else is a fault of ours."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            log.exception("an answer to %s failed", client_address)


class _DualStack(_Server):
    """For clients of both IP versions."""

    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def _serving(port: int, handler: type[BaseHTTPRequestHandler]) -> _Server:
    """For IPv4 alone where the kernel has no IPv6. Raises OSError when the port is taken."""
    if socket.has_dualstack_ipv6():
        with suppress(OSError):
            return _DualStack(("", port), handler)
    return _Server(("", port), handler)


def _handler(answering: Callable[[str], AbstractContextManager[Answer]],
             client_timeout_s: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = client_timeout_s

        def do_GET(self) -> None:
            with answering(self.path) as (status, content_type, body):
                if isinstance(body, bytes):
                    self._head(status, content_type, len(body))
                    self.wfile.write(body)
                else:
                    with body:
                        self._head(status, content_type, body.seek(0, 2))
                        body.seek(0)
                        shutil.copyfileobj(body, self.wfile, _PIECE_BYTES)

        def _head(self, status: int, content_type: str, length: int) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Probes and scrapes come every few seconds; they are not worth a line each."""

    return Handler

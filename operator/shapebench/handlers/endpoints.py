"""The operator's small HTTP endpoints: /metrics for Prometheus, /readyz for the readiness probe, and, where records are
kept in a volume that only this pod mounts, /records/.

Liveness is kopf's own endpoint, on a port of its own, so that a slow scrape cannot make the operator look dead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from shapebench.api import places

Answer = tuple[int, str, bytes]
"""Status, content type, body."""

_TEXT = "text/plain; charset=utf-8"


class Endpoints:
    """Serves until stopped. `problem` says why the operator is not ready (None: it is)."""

    def __init__(self, metrics: Callable[[], bytes], problem: Callable[[], str | None], port: int,
                 records: Callable[[str], Answer] | None = None) -> None:
        self._metrics = metrics
        self._problem = problem
        self._records = records
        self._server = ThreadingHTTPServer(("", port), _handler(self.answer))
        self._server.daemon_threads = True
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

    def answer(self, path: str) -> Answer:
        """What a GET of the path is answered with."""
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


def _handler(answer: Callable[[str], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes and scrapes come every few seconds; they are not worth a line each."""

    return Handler

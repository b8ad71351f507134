"""A scripted API server on loopback: answers in order, remembers what was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    content_type: str
    body: Any


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


def status(code: int, reason: str = "", message: str = "", causes: tuple[str, ...] = ()) -> Answer:
    """A refusal as Kubernetes words it."""
    details = {"causes": [{"reason": cause} for cause in causes]}
    return Answer(code, json.dumps({"kind": "Status", "reason": reason, "message": message,
                                    "details": details}).encode())


def found(body: Any) -> Answer:
    return Answer(200, json.dumps(body).encode())


class FakeApi:
    """What the server says next, and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.by_path: dict[str, Answer] = {}
        """Answers to calls whose order is not known beforehand."""
        self.asked: list[Asked] = []
        self.url = ""

    def client(self) -> ApiClient:
        configuration = Configuration(host=self.url)
        configuration.retries = False
        return ApiClient(configuration)


@contextmanager
def serving() -> Iterator[FakeApi]:
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.asked.append(Asked(self.command, self.path, self.headers.get("Content-Type", ""),
                                   json.loads(raw) if raw else None))
            scripted = api.by_path.get(self.path.split("?")[0])
            answer = scripted or (api.answers.pop(0) if api.answers else Answer())
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 (the standard library's names)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

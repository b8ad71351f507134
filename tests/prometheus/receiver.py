"""A small real HTTP server in the place of Prometheus: answers remote writes as a test tells it, or not at all."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """What a request is answered with, after so many seconds, or when the test lets it."""

    status: int = 204
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    let: threading.Event | None = None


@dataclass(frozen=True)
class Asked:
    """A request that came, and when."""

    headers: Mapping[str, str]
    body: bytes
    at_s: float


class Receiver:
    """What the server says: the scripted answers first, then `usual`."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{port}/api/v1/write"
        self.tls = tls
        self.script: list[Answer] = []
        self.usual = Answer()
        self.asked: list[Asked] = []

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        self.asked.append(Asked(headers, body, time.monotonic()))
        return self.script.pop(0) if self.script else self.usual


@contextmanager
def listening(receiver: Receiver) -> Iterator[Receiver]:
    """Let the receiver listen on its port for a while; before and after, connections are refused."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = receiver.answer(dict(self.headers), body)
            time.sleep(answer.after_s)
            if answer.let is not None:
                answer.let.wait()
            text = answer.text.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(text)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that did not wait for the answer."""

    port = int(receiver.url.split(":")[2].split("/")[0])
    server = Server(("127.0.0.1", port), Handler)
    if receiver.tls is not None:
        server.socket = receiver.tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

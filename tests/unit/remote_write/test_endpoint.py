"""One request: it ends in time whatever the endpoint does, and goes through the proxy that is set."""

from __future__ import annotations

import re
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shapebench.remote_write.endpoint import Endpoint, Target
from shapebench.remote_write.protocol import Accepted, Again, Answer, Trouble

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"

Serve = Callable[[socket.socket], None]


@contextmanager
def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that does this with each connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(line: socket.socket) -> None:
        try:
            with tls.wrap_socket(line, server_side=True) if tls else line as plain:
                serve(plain)
        except OSError:
            pass  # the client has gone

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(line,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def request(line: socket.socket) -> bytes:
    """A whole request; empty at the end of the line."""
    told = b""
    while (more := line.recv(65536)):
        told += more
        head, end, body = told.partition(b"\r\n\r\n")
        if end and len(body) == int((re.findall(rb"(?i)content-length: (\d+)", head) or [0])[0]):
            return told
    return b""


def dripping(at_once: bytes, then: bytes) -> Serve:
    def serve(line: socket.socket) -> None:
        while request(line):
            line.sendall(at_once)
            for byte in then:
                time.sleep(0.1)
                line.sendall(bytes([byte]))

    return serve


def answering(line: socket.socket) -> None:
    while request(line):
        line.sendall(DONE)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-out", folder / "ca.crt", "-keyout", folder / "key"],
                   check=True, capture_output=True)
    return folder / "ca.crt"


@pytest.fixture(scope="module")
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key"))
    return context


def cut(answer: Answer) -> None:
    """It took too long; on a busy machine not even the first byte came in that time."""
    assert isinstance(answer, Again)
    assert answer.trouble is Trouble.TIMEOUT
    assert re.match(r"no (whole )?answer within 0\.5 s", answer.message)


@pytest.mark.parametrize("serve", [
    pytest.param(dripping(b"", HEAD), id="head"),
    pytest.param(dripping(HEAD, b"x" * 3000), id="body"),
    pytest.param(dripping(b"HTTP/1.1 204 No Content\r\n", b"X: x\r\n" * 500), id="headers"),
    pytest.param(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 3000), id="body-without-length"),
])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_an_answer_byte_by_byte_does_not_hold_it(
        serve: Serve, secure: bool, tls: ssl.SSLContext, certificate: Path) -> None:
    with serving(serve, tls if secure else None) as port:
        endpoint = Endpoint(Target(f"http{'s' * secure}://127.0.0.1:{port}/", 0.5, ca_file=certificate))
        started_s = time.monotonic()
        cut(endpoint.post(b"abc"))
        assert time.monotonic() - started_s < 5
        assert not [one for one in threading.enumerate() if one.name == "remote-write-deadline"]


def test_a_proxy_that_answers_byte_by_byte_does_not_hold_it_either() -> None:
    with serving(dripping(b"", HEAD)) as port:
        target = Target("https://metrics.example.org/", 0.5, proxies={"https": f"http://127.0.0.1:{port}"})
        cut(Endpoint(target).post(b"abc"))


def test_slow_and_in_time_is_taken_and_the_next_request_has_its_own_time() -> None:
    with serving(dripping(DONE[:-3], DONE[-3:])) as port:
        endpoint = Endpoint(Target(f"http://127.0.0.1:{port}/", 20))
        assert [endpoint.post(b"abc") for _ in range(3)] == [Accepted()] * 3


def test_after_a_cut_the_same_endpoint_is_asked_anew() -> None:
    slow = iter([True, False])

    def serve(line: socket.socket) -> None:
        (dripping(b"", HEAD) if next(slow) else answering)(line)

    with serving(serve) as port:
        endpoint = Endpoint(Target(f"http://127.0.0.1:{port}/", 1))
        assert [type(endpoint.post(b"abc")) for _ in range(2)] == [Again, Accepted]


def proxying(asked: list[bytes]) -> Serve:
    """A proxy: it lets TLS through after CONNECT, and asks for http:// itself."""

    def serve(line: socket.socket) -> None:
        head = line.recv(65536)
        asked.append(head)
        method, target, _ = head.split(b" ", 2)
        place = target if method == b"CONNECT" else target.split(b"/")[2]
        host, port = place.decode().split(":")
        with socket.create_connection((host, int(port))) as other:
            if method == b"CONNECT":
                line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                other.sendall(head)
            while True:
                for one in select.select([line, other], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    (other if one is line else line).sendall(data)

    return serve


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_it_goes_through_the_proxy(secure: bool, tls: ssl.SSLContext, certificate: Path) -> None:
    asked: list[bytes] = []
    with serving(answering, tls if secure else None) as port, serving(proxying(asked)) as between:
        proxy = f"http://me:p%40ss@127.0.0.1:{between}"
        url = f"http{'s' * secure}://127.0.0.1:{port}/"
        target = Target(url, 5, ca_file=certificate, proxies={"http": proxy, "https": proxy})
        assert Endpoint(target).post(b"abc") == Accepted()
        told = Endpoint(Target(url, 5, ca_file=certificate, proxies={**target.proxies, "no": "127.0.0.0/8"}))
        assert told.post(b"abc") == Accepted()
    (head,) = asked  # not of the second, which needs no proxy
    assert head.startswith(f"CONNECT 127.0.0.1:{port} ".encode() if secure else f"POST {url} ".encode())
    assert b"proxy-authorization: basic bwu6cebzcw==" in head.lower()  # me:p@ss


def test_a_credential_that_cannot_be_sent_is_not_told_and_drops_nothing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\nof-two-lines")
    answer = Endpoint(Target("http://127.0.0.1:9/", 5, credentials=tmp_path)).post(b"abc")
    assert isinstance(answer, Again)
    assert "remoteWrite.headers" in answer.message
    assert "secret\n" not in answer.message


@pytest.mark.parametrize(("proxy", "said"), [
    pytest.param("http://127.0.0.1:9", "the proxy: Failed to establish a new connection", id="away"),
    pytest.param("socks5://127.0.0.1:9", "HTTP_PROXY or HTTPS_PROXY cannot be used: .*socks5", id="another-protocol"),
])
def test_a_proxy_that_does_not_work_is_named(proxy: str, said: str) -> None:
    answer = Endpoint(Target("http://127.0.0.1:9/", 5, proxies={"http": proxy})).post(b"abc")
    assert isinstance(answer, Again)
    assert answer.trouble is Trouble.UNREACHABLE
    assert re.search(said, answer.message)


@pytest.mark.parametrize("proxy", [
    pytest.param("http://user:s3cr#et@proxy:8080", id="fragment"),
    pytest.param("http://user:s3cr/et@proxy:8080", id="path"),
    pytest.param("user:s3cr?et@proxy:8080", id="query-and-no-scheme"),
    pytest.param("http://user:s3cret@[proxy:8080", id="host"),
    pytest.param("http://user:s3cret%E2%82%AC@proxy:8080", id="not-latin-1"),
])
def test_of_a_proxy_that_is_no_url_nothing_is_told(proxy: str) -> None:
    answer = Endpoint(Target("http://127.0.0.1:9/", 5, proxies={"http": proxy})).post(b"abc")
    assert isinstance(answer, Again)
    assert "HTTP_PROXY or HTTPS_PROXY cannot be used: it is no URL of one: percent-encode" in answer.message
    assert "s3cr" not in answer.message

"""/metrics and /readyz."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import socket
import threading
import time
import urllib.error
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import kopf
import ports
import pytest
from fakes.clock import until
from kopf._core.engines import probing

from shapebench.handlers import endpoints as served
from shapebench.handlers.endpoints import Endpoints
from shapebench.metrics.registry import Metrics


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def url(problems: list[str]) -> Iterator[str]:
    endpoints = Endpoints(Metrics(time.time).text, lambda: problems[0] if problems else None, port=0)
    endpoints.start()
    yield f"http://127.0.0.1:{endpoints.port}"
    endpoints.stop()


def test_metrics_in_prometheus_text(url: str) -> None:
    with urlopen(f"{url}/metrics", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"\nshapebench_last_event_age_seconds " in answer.read()


def test_ready(url: str) -> None:
    with urlopen(f"{url}/readyz", timeout=5) as answer:
        assert answer.read() == b"ok\n"


BOTH = [pytest.param("127.0.0.1", id="ipv4"), pytest.param("[::1]", id="ipv6")]


@pytest.mark.parametrize("host", BOTH)
def test_clients_of_both_versions_of_ip(url: str, host: str) -> None:
    """The kubelet of an IPv6-only cluster asks by IPv6."""
    with urlopen(url.replace("127.0.0.1", host) + "/readyz", timeout=5) as answer:
        assert answer.read() == b"ok\n"


@pytest.fixture
def no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that was built or started without IPv6."""
    class OnlyIPv4(socket.socket):
        def __init__(self, family: int = -1, *others: Any, **named: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            super().__init__(family, *others, **named)

    monkeypatch.setattr(socket, "socket", OnlyIPv4)


def test_a_kernel_without_ipv6(no_ipv6: None, url: str) -> None:
    with urlopen(f"{url}/readyz", timeout=5) as answer:
        assert answer.read() == b"ok\n"


def liveness(host: str) -> bytes:
    """What kopf's own endpoint answers where main has it listen."""
    async def asked() -> bytes:
        port = ports.free(1)[0]
        serving = asyncio.create_task(probing.health_reporter(
            f"http://{served.any_host(port)}:{port}/healthz", memo=kopf.Memo(), indices={},  # type: ignore[arg-type]
            registry=kopf.OperatorRegistry(), settings=kopf.OperatorSettings(), ready_flag=(ready := asyncio.Event())))
        await asyncio.wait_for(ready.wait(), 5)
        try:
            return await asyncio.to_thread(lambda: urlopen(f"http://{host}:{port}/healthz", timeout=5).read())
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    return asyncio.run(asked())


@pytest.mark.parametrize("host", BOTH)
def test_liveness_for_both_versions_of_ip(host: str) -> None:
    assert liveness(host) == b"{}"


def test_liveness_on_a_kernel_without_ipv6(no_ipv6: None) -> None:
    assert liveness("127.0.0.1") == b"{}"


@pytest.mark.parametrize(("path", "status", "text"), [
    pytest.param("/readyz", 503, b"not listed yet\n", id="not-ready"),
    pytest.param("/", 404, b"here are /metrics and /readyz\n", id="elsewhere"),
])
def test_refusals(url: str, problems: list[str], path: str, status: int, text: bytes) -> None:
    problems.append("not listed yet")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urlopen(url + path, timeout=5)
    with refused.value as answer:
        assert (answer.code, answer.read()) == (status, text)


@pytest.fixture
def large() -> Iterator[tuple[Endpoints, list[io.BytesIO]]]:
    """A server of records that fill every buffer between it and its client, and the files it opened."""
    opened: list[io.BytesIO] = []

    def record(_: str) -> tuple[int, str, io.BytesIO]:
        opened.append(io.BytesIO(bytes(64_000_000)))
        return 200, "application/gzip", opened[-1]

    endpoints = Endpoints(lambda: b"", lambda: None, 0, record, client_timeout_s=3.0, turn_s=0.2)
    endpoints.start()
    yield endpoints, opened
    endpoints.stop()


def test_few_records_are_sent_at_a_time_and_one_who_takes_none_loses_its_turn(
        large: tuple[Endpoints, list[io.BytesIO]]) -> None:
    endpoints, opened = large
    slow = [socket.create_connection(("127.0.0.1", endpoints.port)) for _ in range(served.RECORDS)]
    for one in slow:
        one.sendall(b"GET /records/x HTTP/1.0\r\n\r\n")
    until(lambda: len(opened) == served.RECORDS)
    with pytest.raises(urllib.error.HTTPError, match="503") as refused:
        urlopen(f"http://127.0.0.1:{endpoints.port}/records/x", timeout=5)
    refused.value.close()
    with urlopen(f"http://127.0.0.1:{endpoints.port}/readyz", timeout=5) as answer:
        assert answer.status == 200
    until(lambda: all(file.closed for file in opened))
    with urlopen(f"http://127.0.0.1:{endpoints.port}/records/x", timeout=5) as answer:
        assert len(answer.read()) == 64_000_000
    for one in slow:
        one.close()


def answering() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_clients_that_say_nothing_take_a_bounded_number_of_threads_for_a_while(
        large: tuple[Endpoints, list[io.BytesIO]]) -> None:
    endpoints, _ = large
    until(lambda: answering() == 0)
    silent = [socket.create_connection(("127.0.0.1", endpoints.port)) for _ in range(served.CONNECTIONS + 8)]
    try:
        for one in silent[served.CONNECTIONS:]:
            one.settimeout(10)
            assert one.recv(1) == b""
        with pytest.raises(BlockingIOError):  # this one is not given up yet: the others were never begun with
            silent[0].recv(1, socket.MSG_DONTWAIT)
        assert answering() <= served.CONNECTIONS
        until(lambda: answering() == 0)
    finally:
        for one in silent:
            one.close()
    with urlopen(f"http://127.0.0.1:{endpoints.port}/readyz", timeout=5) as answer:
        assert answer.status == 200

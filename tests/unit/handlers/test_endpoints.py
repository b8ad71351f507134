"""/metrics and /readyz."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

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

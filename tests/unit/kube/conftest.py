"""A scripted API server, and a transport to it that never really waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from unit.kube import fake_api

from shapebench.kube.cluster import KubeCluster
from shapebench.kube.retry import Retry
from shapebench.kube.transport import Transport


@pytest.fixture
def api() -> Iterator[fake_api.FakeApi]:
    with fake_api.serving() as serving:
        yield serving


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def transport(api: fake_api.FakeApi, slept: list[float]) -> Iterator[Transport]:
    client = api.client()
    yield Transport(client, Retry(sleep=slept.append, chance=lambda: 1.0))
    client.close()


@pytest.fixture
def cluster(transport: Transport) -> KubeCluster:
    return KubeCluster(transport, "shapebench-driver", clock=lambda: 1_700_000_000.0)

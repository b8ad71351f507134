"""/records/: what is served of a store in a volume, and what is not."""

from __future__ import annotations

import gzip
import urllib.error
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from shapebench.handlers import records
from shapebench.handlers.endpoints import Endpoints
from shapebench.results import stores
from shapebench.results.keeper import Keeper

PLACE = "lab/one/1f2e-3d/one-1-1.json.gz"
PACKED = gzip.compress(b"record", mtime=0)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "secret.json.gz").write_bytes(b"not below the store")
    store = (tmp_path / "store").as_uri()
    keeper = Keeper(store, stores.opened(store))
    keeper.keep(PLACE, lambda: PACKED)
    endpoints = Endpoints(lambda: b"", lambda: None, 0, partial(records.answer, keeper))
    endpoints.start()
    yield f"http://127.0.0.1:{endpoints.port}"
    endpoints.stop()


def test_a_record_is_served_by_its_path(url: str) -> None:
    with urlopen(f"{url}/records/{PLACE}", timeout=5) as answer:
        assert (answer.headers["Content-Type"], answer.read()) == ("application/gzip", PACKED)


@pytest.mark.parametrize("path", [
    pytest.param("/records/lab/one/1f2e-3d/one-1-2.json.gz", id="no-such-run"),
    pytest.param("/records/lab/one/another/one-1-1.json.gz", id="another-uid"),
    pytest.param("/records/lab/one/1f2e-3d/", id="no-listing"),
    pytest.param("/records/", id="nothing"),
    pytest.param("/records/../../secret.json.gz", id="above"),
    pytest.param("/records/lab/one/..%2f..%2f..%2f..%2fsecret.json.gz", id="above-encoded"),
    pytest.param("/records/lab/%2e%2e/%2e%2e/secret.json.gz", id="dots-encoded"),
    pytest.param("/records//etc/passwd", id="absolute"),
])
def test_nothing_else_is_served(url: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urlopen(url + path, timeout=5)
    with refused.value as answer:
        assert answer.code == 404

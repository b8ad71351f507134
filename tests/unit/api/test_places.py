"""URLs of results stores."""

from __future__ import annotations

import pytest

from shapebench.api import places


@pytest.mark.parametrize(("store", "folder"), [
    pytest.param("file:///results", "/results", id="folder"),
    pytest.param("file:///a%20b/c", "/a b/c", id="escaped"),
    pytest.param("file:/results", "/results", id="one-slash"),
    pytest.param("s3://bucket/results", None, id="bucket"),
    pytest.param("files://x/y", None, id="another-scheme"),
    pytest.param("", None, id="none"),
])
def test_the_folder_of_a_store(store: str, folder: str | None) -> None:
    assert places.folder_of(store) == folder

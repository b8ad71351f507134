"""Where the operator is told to keep records: refused at its start, with the way out, where that cannot work."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shapebench.api.settings import Settings, from_environment


@pytest.mark.parametrize("url", ["", "file:///results", "file:///a/b", "s3://bucket", "s3://bucket/a/b", "gs://x",
                                 "az://x", "abfs://x", "abfss://x"])
def test_places_that_can_be(url: str) -> None:
    assert from_environment({"SHAPEBENCH_RESULTS_URL": f"{url}/" if url else ""}).results_url == url


@pytest.mark.parametrize(("url", "words"), [
    pytest.param("/results", "write a URL such as file:///results", id="path"),
    pytest.param("bucket", "write a URL such as", id="name"),
    pytest.param("s3://", "write a URL such as", id="no-bucket"),
    pytest.param("s3:bucket", "write a URL such as", id="no-slashes"),
    pytest.param("s4://bucket", "at s4://: write file://, abfs://, abfss://, az://, gs://, s3://", id="misspelt"),
    pytest.param("https://host/x", "cannot be kept at https://", id="nothing-can-be-written-there"),
    pytest.param("memory://x", "cannot be kept at memory://", id="nothing-stays-there"),
    pytest.param("file://results", "three slashes: file://results names a machine", id="two-slashes"),
    pytest.param("s3://key:secret@bucket/x", "credentials and options do not belong in the URL", id="credentials"),
    pytest.param("s3://bucket/x?secret=1", "credentials and options do not belong in the URL", id="options"),
])
def test_places_that_cannot_be(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(results_url=url)


def test_a_service_has_a_namespace_and_a_port() -> None:
    assert Settings(results_service="shapebench-system/shapebench:9090")
    with pytest.raises(ValidationError, match="write namespace/name:port"):
        Settings(results_service="shapebench")

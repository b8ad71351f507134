"""A store in a folder and behind fsspec: whole files or none, and words for what goes wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shapebench.api import places
from shapebench.results import stores
from shapebench.results.stores import Store, StoreError

PATH = places.record("lab", "one", "1f2e-3d", "one-1-1")


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return stores.opened((tmp_path / "a b").as_uri() if request.param == "file" else f"memory://{tmp_path.name}")


def test_what_is_written_is_read_and_listed(store: Store) -> None:
    assert store.read(PATH) is None
    store.write(PATH, b"first")
    store.write(PATH, b"second")
    store.write(places.record("lab", "one", "1f2e-3d", "one-1-2"), b"")
    assert store.read(PATH) == b"second"
    assert list(store.paths()) == ["lab/one/1f2e-3d/one-1-1.json.gz", "lab/one/1f2e-3d/one-1-2.json.gz"]


@pytest.mark.parametrize(("url", "words"), [
    pytest.param("nonsense://x", "no store for nonsense:// URLs: .*file://, .*s3://", id="unknown-scheme"),
    pytest.param("hdfs://x/y", "no store for hdfs:// URLs|cannot", id="needs-a-package"),
])
def test_a_url_that_nothing_opens_is_refused_at_once(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        stores.opened(url).read("x")


def test_a_path_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    store = stores.opened((tmp_path / "store").as_uri())
    for path in ("../secret", "a/../../secret", "/etc/passwd"):
        with pytest.raises(StoreError, match="leads out of the store"):
            store.read(path)


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "lab").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot write .*one-1-1.json.gz: (Not a directory|File exists)"):
        stores.opened(tmp_path.as_uri()).write(PATH, b"x")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.fail("this test mounts a tmpfs of 64 KiB to fill: run it as root, or with unshare -Ur --mount")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_told_and_leaves_what_was_there(tiny_disk: Path) -> None:
    store = stores.opened(tiny_disk.as_uri())
    store.write(PATH, b"small")
    with pytest.raises(StoreError, match=r"cannot write .*No space left on device"):
        store.write(PATH, os.urandom(100_000))
    assert store.read(PATH) == b"small"
    assert [file.name for file in tiny_disk.rglob("*") if file.is_file()] == ["one-1-1.json.gz"]
    store.write(PATH, b"small again")
    assert store.read(PATH) == b"small again"

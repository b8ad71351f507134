"""A store by its URL: file:///folder, s3://bucket/prefix, gs://…, az://…, or, to read from, whatever else fsspec knows.

Libraries are imported when a URL needs them: an operator without a store stays as small as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from shapebench.api import places


class StoreError(Exception):
    """The store did not do it; the text says what and why, for a person."""


class OtherStoreError(ValueError):
    """A record is in another store than the one that is set; the text says where, and what to set."""

    def __init__(self, url: str, current: str) -> None:
        now = f"the results store is now {current}" if current else "no results store is set now"
        super().__init__(f"its record is at {url}, and {now}: set results.url to the store that holds it")


class Store(Protocol):
    """Whole files by their path below the store's URL. Every method raises StoreError."""

    def write(self, path: str, data: bytes) -> None:
        """Put the file there, whole or not at all; one that is there already is replaced."""
        ...

    def read(self, path: str) -> bytes | None:
        """The file's content; None when there is none."""
        ...

    def opened(self, path: str) -> BinaryIO | None:
        """The file, to be read in pieces and closed; None when there is none."""
        ...

    def paths(self) -> Iterator[str]:
        """The paths of all files, sorted."""
        ...


def opened(url: str) -> Store:
    """The store at a URL, which is not asked anything yet. Raises StoreError for a URL that nothing here can open."""
    folder = places.folder_of(url)
    if folder is not None:
        from shapebench.results.folder import Folder
        return Folder(folder)
    if urlsplit(url).scheme in places.BUCKETS:
        from shapebench.results.bucket import Bucket
        return Bucket(url)
    from shapebench.results.remote import Remote
    return Remote(url)

"""A store by its URL: file:///folder, s3://bucket/prefix, gs://…, az://…, or whatever else fsspec knows.

Libraries are imported when a URL needs them: an operator without a store stays as small as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from urllib.parse import unquote, urlsplit


class StoreError(Exception):
    """The store did not do it; the text says what and why, for a person."""


class Store(Protocol):
    """Whole files by their path below the store's URL. Every method raises StoreError."""

    def write(self, path: str, data: bytes) -> None:
        """Put the file there, whole or not at all; one that is there already is replaced."""
        ...

    def read(self, path: str) -> bytes | None:
        """The file's content; None when there is none."""
        ...

    def paths(self) -> Iterator[str]:
        """The paths of all files, sorted."""
        ...


def opened(url: str) -> Store:
    """The store at a URL, which is not asked anything yet. Raises StoreError for a URL that nothing here can open."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        from shapebench.results.folder import Folder
        return Folder(unquote(parts.path))
    from shapebench.results.remote import Remote
    return Remote(url)

"""A store behind fsspec: buckets through obstore, which is one wheel for S3, Google's and Azure's, all else as fsspec
finds it.

Credentials are the environment's, never the URL's: URLs are written into statuses.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, BinaryIO

from shapebench.results.stores import StoreError

BUCKETS = frozenset({"s3", "gs", "az", "abfs", "abfss"})
"""Schemes that obstore serves."""
_ATTEMPT_S, _CONNECT_S, _RETRIES, _RETRY_S = 15, 3, 2, 10


class Remote:
    """Implements `shapebench.results.stores.Store`. One object is put whole by one request, so nobody sees half."""

    def __init__(self, url: str) -> None:
        self._scheme, _, self._root = url.rstrip("/").partition("://")
        self._files = _file_system(self._scheme)

    def write(self, path: str, data: bytes) -> None:
        """Put the object."""
        target = f"{self._root}/{path}"
        try:
            if self._scheme not in BUCKETS:  # what has folders wants them to be there
                self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(target, data)
        except Exception as error:  # each file system of fsspec has errors of its own
            raise StoreError(f"cannot write {self._scheme}://{target}: {_words(error)}") from None

    def read(self, path: str) -> bytes | None:
        """The object's content; None when there is none."""
        target = f"{self._root}/{path}"
        try:
            return bytes(self._files.cat_file(target))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise StoreError(f"cannot read {self._scheme}://{target}: {_words(error)}") from None

    def opened(self, path: str) -> BinaryIO | None:
        """The object's content as a file, whole in memory: buckets are read by users, not served by the operator."""
        data = self.read(path)
        return None if data is None else io.BytesIO(data)

    def paths(self) -> Iterator[str]:
        """The paths of all objects below the URL, sorted."""
        try:
            found = self._files.find(self._root)
        except Exception as error:
            raise StoreError(f"cannot list {self._scheme}://{self._root}: {_words(error)}") from None
        root = self._root.strip("/") + "/"
        yield from sorted(name.strip("/").removeprefix(root) for name in found)


def _file_system(scheme: str) -> Any:
    import fsspec

    if scheme not in BUCKETS:
        try:
            return fsspec.filesystem(scheme)
        except (ImportError, ValueError) as error:
            raise StoreError(f"no store for {scheme}:// URLs: {error}. Known without more packages: file://, "
                             f"{', '.join(f'{one}://' for one in sorted(BUCKETS))}") from None
    from obstore.fsspec import FsspecStore

    # Plain http is taken where AWS_ENDPOINT_URL says so: a store inside the cluster often has no certificate.
    store: Any = FsspecStore
    return store(scheme, client_options={"allow_http": True, "connect_timeout": f"{_CONNECT_S}s",
                                         "timeout": f"{_ATTEMPT_S}s"},
                 retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
                 skip_instance_cache=True)


def _words(error: Exception) -> str:
    """The error in one line, without the server's answer where that may quote an access key."""
    text = str(error).partition("Debug source:")[0]  # the same once more, as a program's structure
    for sign, words in _KNOWN:
        if sign in text:
            return words
    return " ".join(text.split())[:300] or type(error).__name__


_KNOWN = (
    ("InvalidAccessKeyId", "the store does not know the access key (AWS_ACCESS_KEY_ID)"),
    ("SignatureDoesNotMatch", "the secret key is wrong (AWS_SECRET_ACCESS_KEY)"),
    ("AccessDenied", "access is denied to these credentials"),
    ("NoSuchBucket", "there is no such bucket"),
    ("169.254.169.254", "there are no credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role of the pod)"),
)

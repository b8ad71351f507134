"""A store in a bucket, through obstore: one wheel for S3's, Google's and Azure's.

Its blocking calls are used, not its file system for fsspec: that one answers a Python thread from threads of its own,
which abort a program that ends right after a call (exit code 134 instead of its own).

Credentials are the environment's, never the URL's: URLs are written into statuses.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from shapebench.results.stores import StoreError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_ATTEMPT_S, _CONNECT_S, _RETRIES, _RETRY_S = 15, 3, 2, 10


class Bucket:
    """Implements `shapebench.results.stores.Store`. One object is put whole by one request, so nobody sees half."""

    def __init__(self, url: str) -> None:
        self._scheme, _, place = url.rstrip("/").partition("://")
        self._name, _, self._prefix = place.partition("/")

    def write(self, path: str, data: bytes) -> None:
        """Put the object."""
        try:
            self._bucket.put(self._key(path), data)
        except Exception as error:
            raise self._refused("write", path, error) from None

    def read(self, path: str) -> bytes | None:
        """The object's content; None when there is none."""
        try:
            return bytes(self._bucket.get(self._key(path)).bytes())
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._refused("read", path, error) from None

    def opened(self, path: str) -> BinaryIO | None:
        """The object's content as a file, whole in memory: buckets are read by users, not served by the operator."""
        data = self.read(path)
        return None if data is None else io.BytesIO(data)

    def paths(self) -> Iterator[str]:
        """The paths of all objects below the URL, sorted."""
        try:
            found = [one["path"] for chunk in self._bucket.list(self._prefix or None) for one in chunk]
        except Exception as error:
            raise self._refused("list", "", error) from None
        yield from sorted(path.removeprefix(f"{self._prefix}/") for path in found)

    @cached_property
    def _bucket(self) -> ObjectStore:
        """Made when it is first asked: what is wrong with its settings is then the answer to a call."""
        from obstore.store import from_url

        # Plain http is taken where AWS_ENDPOINT_URL says so: a store inside the cluster often has no certificate.
        return from_url(f"{self._scheme}://{self._name}",
                        client_options={"allow_http": True, "connect_timeout": f"{_CONNECT_S}s",
                                        "timeout": f"{_ATTEMPT_S}s"},
                        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)})

    def _key(self, path: str) -> str:
        return "/".join(filter(None, (self._prefix, path)))

    def _refused(self, verb: str, path: str, error: Exception) -> StoreError:
        place = f"{self._scheme}://{'/'.join(filter(None, (self._name, self._key(path))))}"
        return StoreError(f"cannot {verb} {place}: {_words(error)}")


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

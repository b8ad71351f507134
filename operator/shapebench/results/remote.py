"""A store behind fsspec, for every place that is neither a folder nor a bucket of the great clouds: what fsspec or a
package beside it finds by the URL's scheme.

Credentials are the environment's, never the URL's: URLs are written into statuses.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from shapebench.api import places
from shapebench.results.stores import StoreError


class Remote:
    """Implements `shapebench.results.stores.Store`."""

    def __init__(self, url: str) -> None:
        self._scheme, _, self._root = url.rstrip("/").partition("://")
        self._files = _file_system(self._scheme)

    def write(self, path: str, data: bytes) -> None:
        """Put the file, and the folders above it."""
        target = f"{self._root}/{path}"
        try:
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(target, data)
        except Exception as error:  # each file system of fsspec has errors of its own
            raise self._refused("write", target, error) from None

    def read(self, path: str) -> bytes | None:
        """The file's content; None when there is none."""
        target = f"{self._root}/{path}"
        try:
            return bytes(self._files.cat_file(target))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._refused("read", target, error) from None

    def opened(self, path: str) -> BinaryIO | None:
        """The file, whole in memory: such stores are read by users, not served by the operator."""
        data = self.read(path)
        return None if data is None else io.BytesIO(data)

    def paths(self) -> Iterator[str]:
        """The paths of all files below the URL, sorted."""
        try:
            found = self._files.find(self._root)
        except Exception as error:
            raise self._refused("list", self._root, error) from None
        root = self._root.strip("/") + "/"
        yield from sorted(name.strip("/").removeprefix(root) for name in found)

    def _refused(self, verb: str, target: str, error: Exception) -> StoreError:
        words = " ".join(str(error).split())[:300] or type(error).__name__
        return StoreError(f"cannot {verb} {self._scheme}://{target}: {words}")


def _file_system(scheme: str) -> Any:
    import fsspec

    if scheme in ("http", "https"):
        raise StoreError(f"no store for {scheme}:// URLs: a web server does not list its files; fetch a runs.json and "
                         "give its path")
    try:
        return fsspec.filesystem(scheme)
    except (ImportError, ValueError) as error:
        raise StoreError(f"no store for {scheme}:// URLs: {error}. Known without more packages: file://, "
                         f"{', '.join(f'{one}://' for one in sorted(places.BUCKETS))}") from None

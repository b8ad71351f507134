"""The operator's way to its store: bounded in time, and quiet for a while after a failure.

A store that is away costs one run's end a few seconds, not every run's: until `PAUSE_S` later records go where they go
without a store.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import BinaryIO

from prometheus_client import Counter

from shapebench.api import packing, places
from shapebench.results.patience import Patience
from shapebench.results.stores import OtherStoreError, Store, StoreError

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
PAUSE_S = 30.0


class Keeper:
    """Writes and reads records of one store. Safe to share between threads."""

    def __init__(self, url: str, store: Store, clock: Callable[[], float] = time.monotonic,
                 timeout_s: float = TIMEOUT_S) -> None:
        self.url = url
        self._store = store
        self._clock = clock
        self._patience = Patience(timeout_s)
        self._problem = ""
        self._resume_at = clock()
        self.writes = Counter(
            "shapebench_results_writes", "Records for the results store, by what came of it: done, failed, skipped "
            "(soon after a failure). What is not done is kept in a ConfigMap.", ("result",), registry=None)
        for result in ("done", "failed", "skipped"):
            self.writes.labels(result)  # a series that begins with its first failure shows no increase to a rule

    def keep(self, path: str, packed: Callable[[], bytes]) -> str:
        """Put a record at a path of the store and return its URL; the same again does no harm. Raises StoreError."""
        if self._is_paused():
            self.writes.labels("skipped").inc()
            raise StoreError(self._problem)
        data = packed()
        if packing.unpacked_bytes(data) > packing.IN_STORE.text_bytes:
            self.writes.labels("failed").inc()
            limit_mib = packing.IN_STORE.text_bytes >> 20
            raise StoreError(f"the record unpacks to more than the {limit_mib} MiB that are read")
        try:
            url = self._put(path, data)
        except StoreError as error:
            self.writes.labels("failed").inc()
            log.warning("results store: %s", error)
            raise
        self.writes.labels("done").inc()
        return url

    def take_over(self, path: str, data: bytes, is_better: Callable[[bytes], bool] | None = None) -> str:
        """As `keep`, for a record that was kept elsewhere meanwhile: `writes` counts the ends of runs alone.

        What is at the path already and `is_better` stays: a write that was given up may have ended after all.
        """
        if self._is_paused():
            raise StoreError(self._problem)
        if is_better is not None and (there := self._there(path)) is not None and is_better(there):
            return places.url(self.url, path)
        return self._put(path, data)

    def _there(self, path: str) -> bytes | None:
        """None also where it cannot be read: of an object that is missing S3 says so only to those who may list."""
        try:
            return self._patience.call(lambda: self._store.read(path))
        except StoreError:
            return None

    def packed(self, path: str) -> BinaryIO | None:
        """The gzipped record at a path of the store, to be closed; None when there is none. Raises StoreError."""
        return self._patience.call(lambda: self._store.opened(path))

    def _is_paused(self) -> bool:
        return bool(self._problem) and self._clock() < self._resume_at

    def _put(self, path: str, data: bytes) -> str:
        try:
            self._patience.call(lambda: self._store.write(path, data))
        except StoreError as error:
            self._problem, self._resume_at = str(error), self._clock() + PAUSE_S
            raise
        self._problem = ""
        return places.url(self.url, path)

    def read(self, url: str) -> bytes | None:
        """The gzipped record at a URL of this store; None when there is none.

        Raises StoreError, and OtherStoreError for another store's URL.
        """
        path = url.removeprefix(self.url.rstrip("/") + "/")
        if path == url:
            raise OtherStoreError(url, self.url)
        return self._patience.call(lambda: self._store.read(path))

"""Records of a results store, read from somebody's machine.

A bucket is read with that person's own credentials. A volume is mounted in the operator's pod alone: the operator
serves its records, and the API server hands them on (`services/proxy`), so no mount and no port is needed here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from shapebench.api import packing, places
from shapebench.api.record import RunRecord
from shapebench.kube import errors, paths
from shapebench.kube.transport import RefusedError, Request, Transport, explained
from shapebench.results import stores

_BELOW_STORE = 4
"""Parts of a record's path below its store's URL."""


class Stored:
    """The records of one Benchmark that are in a store. Safe to share between threads."""

    def __init__(self, transport: Transport, benchmark: dict[str, Any]) -> None:
        self._transport = transport
        self._benchmark = benchmark
        self._lock = threading.Lock()
        self._stores: dict[str, stores.Store] = {}

    def record(self, url: str) -> RunRecord | None:
        """The record at this URL; None when it is not there (any more).

        Raises `shapebench.kube.errors.KubeError`, saying which right or credential is missing, and ValueError for a
        damaged record.
        """
        root, below = _split(url)
        try:
            data = self._read(root, below)
        except stores.StoreError as error:
            raise errors.UnavailableError(str(error)) from error
        return None if data is None else packing.unpacked(data)

    def _read(self, root: str, below: str) -> bytes | None:
        data = self._store(root).read(below)  # a folder may be mounted here, too
        if data is not None or places.folder_of(root) is None:
            return data
        served_at = self._served_at()
        if not served_at:
            raise errors.UnavailableError(
                f"the records are in the operator's own volume ({root}), and its Service is not known: "
                "copy the folder here and give it with --from DIR")
        return self._proxied(f"{served_at}/{below.rpartition('/')[2]}")

    def _served_at(self) -> str:
        """What the Benchmark's status says; asked again where it said nothing, since a first record may have moved."""
        metadata, known = self._benchmark["metadata"], _records_path(self._benchmark)
        if known:
            return known
        try:
            return _records_path(self._transport.parsed(
                Request("GET", paths.item("Benchmark", metadata["namespace"], metadata["name"]))))
        except RefusedError as refused:
            raise explained(refused) from refused

    def _store(self, root: str) -> stores.Store:
        """One for all records of a place: each has connections of its own."""
        with self._lock:
            if root not in self._stores:
                self._stores[root] = stores.opened(root)
            return self._stores[root]

    def _proxied(self, where: str) -> bytes | None:
        try:
            return self._transport.raw(Request("GET", where, accept="*/*"))
        except RefusedError as refused:
            if refused.status == 404:
                return None
            if refused.status == 403:
                namespace, service = where.split("/")[4], where.split("/")[6]
                raise errors.ForbiddenError(
                    f"the records are in the operator's volume, and you may not read through its Service: it takes "
                    f"the verb get on services/proxy, name {service}, in namespace {namespace} "
                    f"(the chart's results.readers grants it). {refused}") from refused
            raise explained(refused) from refused


def _records_path(benchmark: Mapping[str, Any]) -> str:
    return (benchmark.get("status") or {}).get("recordsPath") or ""


def _split(url: str) -> tuple[str, str]:
    parts = url.rsplit("/", _BELOW_STORE)
    return parts[0], "/".join(parts[1:])

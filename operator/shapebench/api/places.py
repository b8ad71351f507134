"""Where a record lies in a store: {store}/{namespace}/{benchmark}/{uid}/{run}.json.gz.

The Benchmark's uid keeps apart what was applied again under the same name, so that no result is ever overwritten by
another Benchmark's; and it makes the path one that only those can know who may read the Benchmark.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

from shapebench.api import packing

SERVED = "/records/"
"""Below this the operator serves the records of a volume, by their paths in the store."""

BUCKETS = frozenset({"s3", "gs", "az", "abfs", "abfss"})
"""Schemes of the great clouds' buckets."""


def folder(namespace: str, benchmark: str, uid: str) -> str:
    """The path of all records of a Benchmark, below the store's URL."""
    return f"{namespace}/{benchmark}/{uid}"


def record(namespace: str, benchmark: str, uid: str, run: str) -> str:
    """The path of a run's record, below the store's URL."""
    return f"{folder(namespace, benchmark, uid)}/{run}{packing.SUFFIX}"


def url(store: str, path: str) -> str:
    """The whole URL of a path in a store."""
    return f"{store.rstrip('/')}/{path}"


def served(service: str, namespace: str, benchmark: str, uid: str) -> str:
    """The API server's path of a Benchmark's records through the operator's Service, written as namespace/name:port."""
    operator, _, name = service.partition("/")
    return (f"/api/v1/namespaces/{quote(operator)}/services/{quote(name, safe=':')}/proxy{SERVED}"
            f"{folder(namespace, benchmark, uid)}")


def folder_of(store: str) -> str | None:
    """The folder of a store whose URL is file:///folder; None for a bucket's, or any other."""
    parts = urlsplit(store)
    return unquote(parts.path) if parts.scheme == "file" else None


def is_url(place: str) -> bool:
    """Whether a run's `status.record` names a place in a store; otherwise it is the name of a ConfigMap."""
    return "://" in place

"""Reading a Benchmark's results back from the cluster, for the command line."""

from __future__ import annotations

import base64
import gzip
from typing import Any

from shapebench.api import keys
from shapebench.api.record import RunRecord
from shapebench.kube import connect, errors, listing
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.transport import Transport


def load(namespace: str | None, name: str, context: str | None = None) -> tuple[dict[str, Any], list[RunRecord]]:
    """The Benchmark's body and the records of its runs that have ended, in the order in which they ran.

    Without a namespace it is the context's.
    Raises `shapebench.kube.errors.KubeError`, and pydantic.ValidationError for a record of another version.
    """
    return read(Transport(connect.client(context)), namespace or connect.namespace(context), name)


def read(transport: Transport, namespace: str, name: str) -> tuple[dict[str, Any], list[RunRecord]]:
    """As `load`, through a transport that is there already."""
    benchmark = KubeCluster(transport, driver_service_account="").benchmark(namespace, name)
    if benchmark is None:
        raise errors.GoneError(f"there is no Benchmark {name} in namespace {namespace}")
    selector = f"{keys.LABEL_BENCHMARK}={name},{keys.LABEL_RECORD}=true"
    found = [record(body) for body in listing.objects(transport, "ConfigMap", namespace, selector)]
    return benchmark, sorted(found, key=lambda one: (one.block, one.position))


def record(config_map: dict[str, Any]) -> RunRecord:
    """The record that a config map holds, gzipped."""
    packed = base64.b64decode(config_map["binaryData"][keys.RECORD_KEY])
    return RunRecord.model_validate_json(gzip.decompress(packed))

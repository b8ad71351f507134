"""Reading runs' records back: from their ConfigMaps, or from the results store that their statuses name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from shapebench.api import keys, packing, places
from shapebench.api.record import OVER, RunRecord
from shapebench.api.streamed import StreamedRecord
from shapebench.kube import connect, errors, listing, paths, served
from shapebench.kube.cluster import KubeCluster, packed_record
from shapebench.kube.transport import Transport
from shapebench.results import ahead
from shapebench.results.stores import OtherStoreError, StoreError

T = TypeVar("T")

_NAMED = 10


def of_run(cluster: KubeCluster, body: Mapping[str, Any]) -> StreamedRecord | None:
    """In the operator: the record of a BenchmarkRun that is over; None when there is none (any more).

    Raises `shapebench.kube.errors.KubeError` while its place does not answer, ValueError for one that is in another
    store than the operator's (OtherStoreError).
    """
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    return _wherever(cluster.transport, namespace, name, place_of(body), lambda place: _at(cluster, namespace, place))


def place_of(body: Mapping[str, Any]) -> str:
    """Where the record of a BenchmarkRun that is over is: the URL in a store, or the name of a ConfigMap."""
    return (body.get("status") or {}).get("record") or keys.record_name(body["metadata"]["name"])


def _at(cluster: KubeCluster, namespace: str, place: str) -> StreamedRecord | None:
    if places.is_url(place):
        if cluster.results is None:
            raise OtherStoreError(place, "")
        try:
            data = cluster.results.read(place)
        except StoreError as error:
            raise errors.UnavailableError(str(error)) from error
    else:
        data = _packed(cluster.transport, namespace, place)
    return None if data is None else StreamedRecord(data)


def load(namespace: str | None, name: str, context: str | None,
         tell: Callable[[str], None]) -> tuple[dict[str, Any], Iterator[RunRecord]]:
    """For the command line: the Benchmark's body and its runs' records, read one by one in the order of the runs.

    Without a namespace it is the context's. `tell` is given a line at the end if records are missing. Both raise
    `shapebench.kube.errors.KubeError`, and ValueError for a record that this version cannot read.
    """
    return read(Transport(connect.client(context)), namespace or connect.namespace(context), name, tell)


def read(transport: Transport, namespace: str, name: str,
         tell: Callable[[str], None]) -> tuple[dict[str, Any], Iterator[RunRecord]]:
    """As `load`, through a transport that is there already."""
    benchmark = KubeCluster(transport, driver_service_account="").benchmark(namespace, name)
    if benchmark is None:
        raise errors.GoneError(f"there is no Benchmark {name} in namespace {namespace}")
    runs = listing.objects(transport, "BenchmarkRun", namespace, f"{keys.LABEL_BENCHMARK}={name}", keep=_place)
    ended = sorted((run for run in runs if run["over"]), key=lambda run: (run["block"], run["position"]))
    stored = served.Stored(transport, benchmark)

    def at(place: str) -> RunRecord | None:
        return stored.record(place) if places.is_url(place) else _in_config_map(transport, namespace, place)

    def record(run: dict[str, Any]) -> RunRecord | None:
        return _wherever(transport, namespace, run["name"], run["place"], at)

    def there() -> Iterator[RunRecord]:
        missing = []
        for run, found in zip(ended, ahead.in_order(record, ended), strict=True):
            if found is None:
                missing.append(run["name"])
            else:
                yield found
        if missing:
            tell(_lost(missing, len(ended)))

    return benchmark, there()


def _lost(missing: list[str], of: int) -> str:
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return (f"{len(missing)} of {of} ended runs have no record (any more), so they are left out: "
            f"{', '.join(missing[:_NAMED])}{more}")


def _place(body: dict[str, Any]) -> dict[str, Any]:
    """Of a BenchmarkRun: its name, whether it is over, where its record is, and where it stands among the others."""
    status, spec = body.get("status") or {}, body["spec"]
    name = body["metadata"]["name"]
    return {"name": name, "over": status.get("phase") in OVER, "block": spec["block"], "position": spec["position"],
            "place": place_of(body)}


def _wherever(transport: Transport, namespace: str, name: str, place: str,
              at: Callable[[str], T | None]) -> T | None:
    """The record of a run at its place; at the one that its status has now, if it was moved since that was read."""
    found = at(place)
    if found is not None or places.is_url(place):
        return found
    body = transport.found(paths.item("BenchmarkRun", namespace, name))
    now = place if body is None else place_of({"metadata": {"name": name}} | body)
    return None if now == place else at(now)


def _in_config_map(transport: Transport, namespace: str, name: str) -> RunRecord | None:
    try:
        data = _packed(transport, namespace, name)
        return None if data is None else packing.unpacked(data, packing.IN_CONFIG_MAP)
    except ValueError as error:
        raise ValueError(f"ConfigMap {namespace}/{name}: {error}") from error


def _packed(transport: Transport, namespace: str, name: str) -> bytes | None:
    body = transport.found(paths.item("ConfigMap", namespace, name))
    return None if body is None else packed_record(body)

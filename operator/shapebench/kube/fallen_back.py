"""Records that had to go into ConfigMaps while the results store was away: from there into the store.

The record can be read at every moment, and the operator may die after any line: the store has it before the run's
status names the place there, and the same patch notes the ConfigMap, which is known by that until it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from shapebench.api import packing, places
from shapebench.api.record import OVER, RunRecord
from shapebench.api.streamed import StreamedRecord
from shapebench.kube import paths, records
from shapebench.kube.cluster import KubeCluster, controller_uid, packed_record
from shapebench.kube.transport import MERGE_PATCH, RefusedError, Request, explained
from shapebench.reconcile.keeping import LEFT_OUT
from shapebench.results.keeper import Keeper


class NotYetError(Exception):
    """This record has to wait, whatever becomes of others; the text says for what, or that something changed."""


class FallenBack:
    """The operator's way to these records. What is done already is done again without harm."""

    def __init__(self, cluster: KubeCluster, results: Keeper, served: bool) -> None:
        """`served`: users read the store through the operator, by the path that a Benchmark's status says."""
        self._transport = cluster.transport
        self._results = results
        self._served = served

    def move(self, namespace: str, name: str) -> str:
        """Move the record of a run into the store, and return its URL; empty where there is nothing to move.

        Raises `shapebench.results.stores.StoreError` while the store does not take it,
        `shapebench.kube.errors.KubeError` while the cluster does not answer, NotYetError while users could not read it
        there or where something changed meanwhile, and ValueError for what is better left where it is.
        """
        run = self._get("BenchmarkRun", namespace, name)
        if run is None or not is_to_move(run):
            return ""
        place, copy = records.place_of(run), run["status"].get("recordCopy", "")
        if not places.is_url(place):
            config_map = self._get("ConfigMap", namespace, place)
            if config_map is None:
                return ""
            record, path, data = _of(run, config_map)
            self._require_served(run)
            better = partial(is_whole, record) if LEFT_OUT in record.environment else None
            place, copy = self._results.take_over(path, data, better), place
            self._patch(run, {"record": place, "recordCopy": copy}, "uid", "resourceVersion")
        self._delete_copy(run, copy)
        self._patch(run, {"recordCopy": ""}, "uid")
        return place

    def _require_served(self, run: Mapping[str, Any]) -> None:
        if not self._served:
            return
        benchmark = self._get("Benchmark", run["metadata"]["namespace"], run["spec"]["benchmark"])
        if not ((benchmark or {}).get("status") or {}).get("recordsPath"):
            raise NotYetError(f"the status of Benchmark {run['spec']['benchmark']} has no recordsPath yet")

    def _delete_copy(self, run: Mapping[str, Any], name: str) -> None:
        config_map = self._get("ConfigMap", run["metadata"]["namespace"], name)
        if config_map is None or controller_uid(config_map) != run["metadata"]["uid"]:
            return
        options = {"apiVersion": "v1", "kind": "DeleteOptions",
                   "preconditions": {"uid": config_map["metadata"]["uid"]}}
        self._unless_missing(Request("DELETE", paths.item("ConfigMap", run["metadata"]["namespace"], name),
                                     body=options))

    def _patch(self, run: Mapping[str, Any], status: Mapping[str, str], *unchanged: str) -> None:
        """Refused by the API server where one of these in the run's metadata is not what was read."""
        metadata = run["metadata"]
        self._unless_missing(Request(
            "PATCH", paths.item("BenchmarkRun", metadata["namespace"], metadata["name"], "status"),
            body={"metadata": {key: metadata[key] for key in unchanged}, "status": dict(status)},
            content_type=MERGE_PATCH))

    def _get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self._transport.found(paths.item(kind, namespace, name))

    def _unless_missing(self, request: Request) -> None:
        try:
            self._transport.raw(request)
        except RefusedError as refused:
            if refused.status == 409:  # not what was read: others annotate runs that are over, too
                raise NotYetError(str(refused)) from refused
            if refused.status != 404:
                raise explained(refused) from refused


def is_to_move(run: Mapping[str, Any]) -> bool:
    """Whether this BenchmarkRun is over and its record, or a copy of it, is in a ConfigMap."""
    status = run.get("status") or {}
    return status.get("phase") in OVER and bool(
        status.get("recordCopy") or not places.is_url(records.place_of(run)))


def is_whole(record: RunRecord, there: bytes) -> bool:
    """Whether this is the same record, without the losses that it had to take to fit into a ConfigMap."""
    found = StreamedRecord(there)
    try:
        found.check()
        return LEFT_OUT not in found.head.environment and _told_by(found.head) == _told_by(record)
    except ValueError:
        return False


def _told_by(record: RunRecord) -> tuple[object, ...]:
    """Whose record it is and what the run was, of what `shapebench.reconcile.keeping` never changes to make it fit."""
    return (record.namespace, record.benchmark, record.run, record.attempt, record.phase, record.times, record.usage,
            record.cost, record.cost_spent)


def _of(run: dict[str, Any], config_map: dict[str, Any]) -> tuple[RunRecord, str, bytes]:
    """The record, its path in the store and its bytes. Raises ValueError for what is no record of this run."""
    metadata, benchmark = run["metadata"], run["spec"]["benchmark"]
    what = f"ConfigMap {config_map['metadata']['name']}"
    owner = controller_uid(run)
    if owner is None or controller_uid(config_map) != metadata["uid"]:
        raise ValueError(f"{what} does not belong to the run, or the run to no Benchmark")
    data = packed_record(config_map)
    try:
        record = packing.unpacked(data, packing.IN_CONFIG_MAP)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error
    if (record.namespace, record.benchmark, record.run) != (metadata["namespace"], benchmark, metadata["name"]):
        raise ValueError(f"{what} has the record of another run: {record.namespace}/{record.run}")
    return record, places.record(metadata["namespace"], benchmark, owner, metadata["name"]), data

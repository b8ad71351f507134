"""The cluster as a reconciliation sees it: read everything afresh, apply one action, read one pod's log.

Applying is idempotent: what exists already under our owner, or is gone already, counts as done.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any, assert_never

from shapebench.api import keys, places
from shapebench.api.workload import ENGINE_KINDS, EngineKind
from shapebench.kube import errors, events, listing, logs, offers, paths
from shapebench.kube.transport import MERGE_PATCH, RefusedError, Request, Transport, explained
from shapebench.plan import actions
from shapebench.results.keeper import Keeper
from shapebench.results.stores import StoreError

READY = actions.Offer.READY


class KubeCluster:
    """Implements `shapebench.plan.actions.Cluster` on the Kubernetes API; safe to share between threads.

    Every method raises `shapebench.kube.errors.KubeError` when the cluster does not do it.
    """

    def __init__(self, transport: Transport, driver_service_account: str,
                 clock: Callable[[], float] = time.time, results: Keeper | None = None) -> None:
        self._transport = transport
        self.results = results
        self._driver_service_account = driver_service_account
        self._events = events.Events(transport, clock)

    @property
    def transport(self) -> Transport:
        """The way to the API server."""
        return self._transport

    def snapshot(self, namespace: str, name: str) -> actions.Snapshot:
        """The Benchmark and its objects; when it is gone, they go with it and are not read."""
        benchmark = self.benchmark(namespace, name)
        if benchmark is None:
            return actions.Snapshot(benchmark=None)
        selector = f"{keys.LABEL_BENCHMARK}={name}"
        engine_kind, queue = engine_of(benchmark), benchmark.get("spec", {}).get("queueName")
        kind = engine_kind or ("Workload" if queue else None)
        offer, applications = offers.applications(self._transport, kind, namespace, selector) if kind else (READY, ())
        own_gangs = READY if engine_kind else offer
        asks_kueue = bool(engine_kind and queue and applications)
        return actions.Snapshot(
            benchmark=benchmark,
            runs=listing.objects(self._transport, "BenchmarkRun", namespace, selector),
            pods=listing.objects(self._transport, "Pod", namespace, selector),
            driver_account_exists=self._driver_account_exists(benchmark),
            applications=applications,
            flavors=() if engine_kind else offers.flavors(self._transport, applications),
            workloads=offers.workloads(self._transport, namespace, applications) if asks_kueue else None,
            engine=offer if engine_kind else READY,
            queue=offers.queue(self._transport, namespace, queue) if queue and own_gangs is READY else own_gangs)

    def benchmark(self, namespace: str, name: str) -> actions.KubeObject | None:
        """The Benchmark alone; None when there is none."""
        return self._get("Benchmark", namespace, name)

    def benchmarks(self, namespaces: tuple[str, ...]) -> tuple[actions.KubeObject, ...]:
        """Every Benchmark in these namespaces (none named: in all)."""
        return tuple(found for namespace in namespaces or (None,)
                     for found in listing.objects(self._transport, "Benchmark", namespace))

    def run_uids(self, namespaces: tuple[str, ...]) -> frozenset[str]:
        """Of every BenchmarkRun in these namespaces (none named: in all)."""
        return frozenset(found["uid"] for namespace in namespaces or (None,)
                         for found in listing.objects(self._transport, "BenchmarkRun", namespace,
                                                      keep=lambda body: {"uid": body["metadata"]["uid"]}))

    def apply(self, action: actions.Action) -> actions.Kept | None:
        """Do one action; done already is fine. What came of a Keep."""
        match action:
            case actions.Create():
                self._create(action.body)
            case actions.Delete():
                self._delete(action)
            case actions.PatchStatus():
                self._patch_status(action)
            case actions.Emit():
                self._events.post(action)
            case actions.Keep():
                return self._keep(action)
            case _:
                assert_never(action)
        return None

    def log(self, namespace: str, pod: str, container: str) -> str:
        """The end of the container's log; empty when there is none (any more).

        Raises `shapebench.plan.actions.LogUnavailableError` while it cannot be read.
        """
        return logs.tail(self._transport, namespace, pod, container)

    def kept(self, namespace: str, config_map: str, owner_uid: str) -> bytes:
        """The packed record in the ConfigMap; empty when there is none (any more), or none of this owner's."""
        found = self._get("ConfigMap", namespace, config_map)
        return packed_record(found) if found is not None and controller_uid(found) == owner_uid else b""

    def serves_own_kinds(self) -> bool:
        """Whether the CustomResourceDefinitions are installed."""
        answer = self._transport.found(paths.OWN) or {}
        served = {resource["name"] for resource in answer.get("resources", ())}
        return {keys.BENCHMARKS, keys.BENCHMARK_RUNS} <= served

    def _get(self, kind: str, namespace: str, name: str) -> actions.KubeObject | None:
        return self._transport.found(paths.item(kind, namespace, name))

    def _driver_account_exists(self, benchmark: actions.KubeObject) -> bool:
        spark = benchmark.get("spec", {}).get("workload", {}).get("spark")
        if spark is None:
            return True
        account = (spark.get("driver") or {}).get("serviceAccountName") or self._driver_service_account
        return self._get("ServiceAccount", benchmark["metadata"]["namespace"], account) is not None

    def _create(self, body: actions.KubeObject) -> None:
        kind, metadata = body["kind"], body["metadata"]
        try:
            self._transport.raw(Request("POST", paths.collection(kind, metadata["namespace"]), body=body))
        except RefusedError as refused:
            if refused.status == 404 and not refused.reason:  # no Status object: nothing is served at this path
                raise errors.InvalidError(f"cannot create {kind} {metadata['name']}: "
                                          "its CustomResourceDefinition is not installed (any more)") from refused
            if refused.reason != "AlreadyExists":
                raise explained(refused) from refused
            existing = self._get(kind, metadata["namespace"], metadata["name"])
            if existing is None:
                raise errors.UnavailableError(f"{refused}: it was just deleted") from refused
            require_same_owner(existing, body)

    def _keep(self, action: actions.Keep) -> actions.Kept:
        path = places.record(action.namespace, action.benchmark, action.benchmark_uid, action.run)
        if self.results is None:
            return actions.Kept(action.record, problem="the operator has no results store")
        try:
            return actions.Kept(action.record, url=self.results.keep(path, action.packed))
        except StoreError as error:
            return actions.Kept(action.record, problem=str(error))

    def _delete(self, action: actions.Delete) -> None:
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if action.grace_s is not None:
            options["gracePeriodSeconds"] = action.grace_s
        path = paths.item(action.kind, action.namespace, action.name)
        self._unless_missing(Request("DELETE", path, body=options))

    def _patch_status(self, action: actions.PatchStatus) -> None:
        path = paths.item(action.kind, action.namespace, action.name, "status")
        body = {"status": dict(action.status)}
        self._unless_missing(Request("PATCH", path, body=body, content_type=MERGE_PATCH))

    def _unless_missing(self, request: Request) -> None:
        try:
            self._transport.raw(request)
        except RefusedError as refused:
            if refused.status != 404:
                raise explained(refused) from refused


def engine_of(benchmark: actions.KubeObject) -> EngineKind | None:
    """The kind of another operator's objects that the Benchmark is launched through. The spec may be invalid."""
    workload = benchmark.get("spec", {}).get("workload", {})
    named = {(workload.get(kind) or {}).get("engine") for kind in ("spark", "tensorflow")}
    return next((engine for engine in ENGINE_KINDS if engine in named), None)


def require_same_owner(existing: actions.KubeObject, wanted: actions.KubeObject) -> None:
    """Raise unless the object that exists is the one that was to be created: same controller by uid."""
    metadata = existing["metadata"]
    if controller_uid(existing) == controller_uid(wanted):
        return
    what = f"{wanted['kind']} {metadata['namespace']}/{metadata['name']}"
    if metadata.get("deletionTimestamp") or controller_name(existing) == controller_name(wanted):
        raise errors.UnavailableError(f"cannot create {what}: an earlier one of that name is still being deleted")
    raise errors.ConflictError(f"cannot create {what}: one of that name exists and is not this Benchmark's; "
                               "delete or rename it, or give the Benchmark another name")


def packed_record(config_map: actions.KubeObject) -> bytes:
    """The record in a ConfigMap that has one; empty for any other."""
    return base64.b64decode((config_map.get("binaryData") or {}).get(keys.RECORD_KEY, ""))


def controller_uid(body: actions.KubeObject) -> str | None:
    """The uid of the object's controller; None when it has none."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def controller_name(body: actions.KubeObject) -> tuple[str, str] | None:
    """The kind and name of the object's controller: the same for a Benchmark that was deleted and applied again."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next(((owner["kind"], owner["name"]) for owner in owners if owner.get("controller")), None)

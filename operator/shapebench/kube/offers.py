"""What the cluster has of other operators: their objects of a Benchmark, and a queue of Kueue's.

An answer tells what is missing apart: 404 is a kind that is not installed (or an object that is not there), 403 is a
role that the chart did not give. RBAC answers before the server looks whether it serves a kind, so after a 403 the
discovery document, which everybody may read, says which of the two it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from shapebench.api import keys
from shapebench.kube import listing, paths
from shapebench.kube.transport import RefusedError, Request, Transport, explained
from shapebench.plan.actions import KubeObject, Offer

_KUEUE = "/apis/kueue.x-k8s.io"


def applications(transport: Transport, kind: str, namespace: str,
                 selector: str) -> tuple[Offer, tuple[KubeObject, ...]]:
    """The objects of another operator's kind with these labels. Raises `shapebench.kube.errors.KubeError`."""
    try:
        return Offer.READY, listing.pages(transport, kind, namespace, selector)
    except RefusedError as refused:
        if refused.status == 404:
            return Offer.NOT_INSTALLED, ()
        if refused.status != 403:
            raise explained(refused) from refused
    served = transport.found(paths.root(kind)) is not None
    return (Offer.FORBIDDEN if served else Offer.NOT_INSTALLED), ()


def queue(transport: Transport, namespace: str, name: str) -> Offer:
    """Whether Kueue's LocalQueue is there. Raises `shapebench.kube.errors.KubeError`."""
    group = transport.found(_KUEUE)
    if group is None:
        return Offer.NOT_INSTALLED
    version = group["preferredVersion"]["groupVersion"]
    try:
        transport.raw(Request("GET", f"/apis/{version}/namespaces/{namespace}/localqueues/{name}"))
    except RefusedError as refused:
        if refused.status == 404:
            return Offer.ABSENT
        if refused.status == 403:
            return Offer.FORBIDDEN
        raise explained(refused) from refused
    return Offer.READY


def workloads(transport: Transport, namespace: str, objects: Iterable[KubeObject]) -> tuple[KubeObject, ...] | None:
    """The Workloads that Kueue made for these objects of other operators; None where they may not be read."""
    uids = sorted(body["metadata"]["uid"] for body in objects)
    try:
        return listing.pages(transport, "Workload", namespace, f"{keys.LABEL_JOB_UID} in ({','.join(uids)})")
    except RefusedError as refused:
        if refused.status == 403:
            return None
        if refused.status == 404:
            return ()
        raise explained(refused) from refused


def flavors(transport: Transport, workloads: Iterable[KubeObject]) -> tuple[KubeObject, ...]:
    """The ResourceFlavors that these Workloads were assigned, without those that are gone or may not be read.

    They belong to no namespace, so an operator that is limited to some sees none.
    """
    assigned = sorted({flavor for workload in workloads
                       for one in ((workload.get("status") or {}).get("admission") or {}).get("podSetAssignments", ())
                       for flavor in (one.get("flavors") or {}).values()})
    found = []
    for name in assigned:
        try:
            found.append(transport.parsed(Request("GET", paths.item("ResourceFlavor", None, name))))
        except RefusedError as refused:
            if refused.status not in (403, 404):
                raise explained(refused) from refused
    return tuple(found)

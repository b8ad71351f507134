"""The nodes of a cluster, for `shapebench plan`."""

from __future__ import annotations

from shapebench.kube import connect, errors, listing
from shapebench.kube.transport import Transport
from shapebench.plan import placement
from shapebench.plan.placement import Node


def load(context: str | None = None) -> tuple[Node, ...] | None:
    """All nodes that can be read; None where the user may not list them. Raises `shapebench.kube.errors.KubeError`."""
    return read(Transport(connect.client(context)))


def read(transport: Transport) -> tuple[Node, ...] | None:
    """As `load`, through a transport that is there already."""
    try:
        bodies = listing.objects(transport, "Node", None)
    except errors.ForbiddenError:
        return None
    return tuple(found for body in bodies if (found := placement.node(body)) is not None)

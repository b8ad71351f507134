"""Lists of objects, in pages, so that neither side holds a large cluster's list at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapebench.kube import errors, paths
from shapebench.kube.transport import RefusedError, Request, Transport, explained

PAGE = 500
Keep = Callable[[dict[str, Any]], dict[str, Any]]
"""What is taken of an object while the list is read: ten thousand whole ones are more than a laptop need hold."""
EXPIRED = 410
"""The answer to a page's token that is older than the API server's memory."""


def objects(transport: Transport, kind: str, namespace: str | None, selector: str = "",
            keep: Keep = dict) -> tuple[dict[str, Any], ...]:
    """All objects of a kind with these labels, or of each what `keep` takes.

    Raises `shapebench.kube.errors.KubeError`.
    """
    try:
        return pages(transport, kind, namespace, selector, keep)
    except RefusedError as refused:
        if refused.status == 404:
            raise errors.UnavailableError(
                f"{refused}: are the CustomResourceDefinitions of Shapebench installed?") from refused
        raise explained(refused) from refused


def pages(transport: Transport, kind: str, namespace: str | None, selector: str,
          keep: Keep = dict) -> tuple[dict[str, Any], ...]:
    """As `objects`, with the server's refusal as it is: RefusedError."""
    try:
        return _all_pages(transport, kind, namespace, selector, keep)
    except RefusedError as refused:
        if refused.status != EXPIRED:
            raise
        return _all_pages(transport, kind, namespace, selector, keep)


def _all_pages(transport: Transport, kind: str, namespace: str | None, selector: str,
               keep: Keep) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
    path = paths.collection(kind, namespace)
    token = ""
    while True:
        answer = transport.parsed(Request("GET", path, query | ({"continue": token} if token else {})))
        # The items of a list of pods do not say what they are; alone they would.
        common = {"apiVersion": answer.get("apiVersion", "v1"), "kind": kind}
        found.extend(keep(common | one) for one in answer.get("items", ()))
        token = answer.get("metadata", {}).get("continue", "")
        if not token:
            return tuple(found)

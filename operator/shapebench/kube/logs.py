"""The end of a pod's log, where its agent leaves the record."""

from __future__ import annotations

import dataclasses
import logging

from shapebench.kube import errors, paths
from shapebench.kube.transport import TRANSIENT_STATUS, RefusedError, Request, Transport, explained
from shapebench.plan.actions import LogUnavailableError

log = logging.getLogger(__name__)

TAIL_LINES = 400
"""A record of 1 MB takes about 130 lines of 8,000 characters."""
LIMIT_BYTES = 8 * 2**20
"""More than TAIL_LINES lines of 16 KiB, at which runtimes cut: it guards memory and never cuts a record."""
NODE_RETRY_S = 6.0


def tail(transport: Transport, namespace: str, pod: str, container: str) -> str:
    """The last lines of the container's log; empty when the pod or its container is gone.

    Raises `shapebench.plan.actions.LogUnavailableError` when the pod's node, or the API server itself, does not answer
    for NODE_RETRY_S, and `shapebench.kube.errors.KubeError` when the API server refuses.
    """
    query = {"container": container, "tailLines": str(TAIL_LINES), "limitBytes": str(LIMIT_BYTES)}
    request = Request("GET", paths.item("Pod", namespace, pod, "log"), query, accept="*/*")
    try:
        answer = transport.raw(request, dataclasses.replace(transport.waits, total_s=NODE_RETRY_S))
    except RefusedError as refused:
        if refused.status in (400, 404):
            return ""
        if refused.status not in TRANSIENT_STATUS:
            raise explained(refused) from refused
        raise _unavailable(namespace, pod, f"HTTP {refused.status}: {refused.message}") from refused
    except errors.UnavailableError as error:
        raise _unavailable(namespace, pod, str(error)) from error
    return answer.decode(errors="replace")


def _unavailable(namespace: str, pod: str, why: str) -> LogUnavailableError:
    log.warning("no log of pod %s/%s: %s", namespace, pod, why)
    return LogUnavailableError(why)

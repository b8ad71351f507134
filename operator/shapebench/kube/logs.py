"""The end of a pod's log, where its agent leaves the record."""

from __future__ import annotations

import dataclasses
import logging

from shapebench.kube import paths
from shapebench.kube.transport import RefusedError, Request, Transport, explained

log = logging.getLogger(__name__)

TAIL_LINES = 400
"""A record of 1 MB takes about 130 lines of 8,000 characters."""
LIMIT_BYTES = 8 * 2**20
"""More than TAIL_LINES lines of 16 KiB, at which runtimes cut: it guards memory and never cuts a record."""
NODE_RETRY_S = 6.0
_NODE_STATUS = frozenset({500, 502, 504})
"""What the API server answers when it is well and the pod's kubelet is not."""


def tail(transport: Transport, namespace: str, pod: str, container: str) -> str:
    """The last lines of the container's log; empty when the pod, its container or its node is gone.

    Raises `shapebench.kube.errors.KubeError` when the API server itself does not answer.
    """
    query = {"container": container, "tailLines": str(TAIL_LINES), "limitBytes": str(LIMIT_BYTES)}
    request = Request("GET", paths.item("Pod", namespace, pod, "log"), query, accept="*/*")
    try:
        answer = transport.raw(request, dataclasses.replace(transport.waits, total_s=NODE_RETRY_S))
    except RefusedError as refused:
        if refused.status in (400, 404):
            return ""
        if refused.status in _NODE_STATUS:
            log.warning("no log of pod %s/%s: %s", namespace, pod, refused.message)
            return ""
        raise explained(refused) from refused
    return answer.decode(errors="replace")

"""Events for people. They may be lost: a refused or slow post is logged once and never holds up the work.

An event's name is a function of what it says about whom, so that the operator's successor finds its predecessor's
event and counts on, and a repeat within a minute is not sent at all.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shapebench.api import moments
from shapebench.kube import errors, paths, retry
from shapebench.kube.transport import MERGE_PATCH, RefusedError, Request, Transport, explained
from shapebench.plan import actions

log = logging.getLogger(__name__)

QUIET_S = 60.0
"""An identical event is not sent again within this time."""
REMEMBERED = 1000
TIMEOUT_S = 2.0
MESSAGE_LIMIT = 1024
"""The API server's limit for an event's message."""


@dataclass
class _Sent:
    at_s: float
    count: int


class Events:
    """Posts events about objects."""

    def __init__(self, transport: Transport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._sent: OrderedDict[str, _Sent] = OrderedDict()
        self._lock = threading.Lock()

    def post(self, emit: actions.Emit) -> None:
        """Send the event, or count up the one that is there. Never raises."""
        body = event_body(emit, self._clock())
        count = self._next_count(body["metadata"]["name"])
        if count is None:
            return
        try:
            self._send(body, count)
        except RefusedError as refused:
            error = explained(refused)
            if not isinstance(error, errors.GoneError):  # in a namespace that is going nobody reads events
                log.warning("event %s lost: %s", emit.reason, error)
        except errors.KubeError as error:
            log.warning("event %s lost: %s", emit.reason, error)

    def _next_count(self, name: str) -> int | None:
        """How often this one was sent, with this time; None: too soon to say it again."""
        now = self._clock()
        with self._lock:
            before = self._sent.pop(name, None)
            quiet = before is not None and now - before.at_s < QUIET_S
            self._sent[name] = before if quiet and before else _Sent(now, (before.count if before else 0) + 1)
            while len(self._sent) > REMEMBERED:
                self._sent.popitem(last=False)
            return None if quiet else self._sent[name].count

    def _send(self, body: dict[str, Any], count: int) -> None:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        if count == 1:
            try:
                self._call(Request("POST", paths.collection("Event", namespace), body=body, read_timeout_s=TIMEOUT_S))
                return
            except RefusedError as refused:
                if refused.status != 409:
                    raise
                count = 2  # an operator before this one said so; how often it did is not worth another call
        patch = {"count": count, "lastTimestamp": body["lastTimestamp"]}
        try:
            self._call(Request("PATCH", paths.item("Event", namespace, name), body=patch, content_type=MERGE_PATCH,
                               read_timeout_s=TIMEOUT_S))
        except RefusedError as refused:
            if refused.status != 404:
                raise
            self._call(Request("POST", paths.collection("Event", namespace), body=body, read_timeout_s=TIMEOUT_S))

    def _call(self, request: Request) -> None:
        self._transport.raw(request, retry.NEVER)


def event_body(emit: actions.Emit, now_s: float) -> dict[str, Any]:
    """The Event object, seen once, at `now_s` (Unix seconds)."""
    metadata = emit.about["metadata"]
    namespace = metadata["namespace"]
    said = "\0".join((metadata.get("uid", ""), emit.type, emit.reason, emit.message))
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    moment = moments.timestamp(now_s)
    about = {"apiVersion": emit.about["apiVersion"], "kind": emit.about["kind"], "namespace": namespace,
             "name": metadata["name"], "uid": metadata.get("uid", "")}
    return {
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": namespace},
        "involvedObject": about, "type": emit.type, "reason": emit.reason, "message": emit.message[:MESSAGE_LIMIT],
        "source": {"component": "shapebench"}, "reportingComponent": "shapebench", "reportingInstance": "operator",
        "firstTimestamp": moment, "lastTimestamp": moment, "count": 1,
    }

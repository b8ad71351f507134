"""The thread that moves records which had to go into ConfigMaps into the results store; nothing ever waits for it.

It keeps names only, and no more than there are runs whose record is in a ConfigMap: what a run's status says is all the
state there is, so a restart begins with whatever is not moved. While the store or the cluster is away it asks for one
run at a time, less and less often.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

from shapebench.handlers.queue import Pace, WorkQueue
from shapebench.handlers.run_id import RunId
from shapebench.kube import errors
from shapebench.kube.fallen_back import NotYetError, is_to_move
from shapebench.results.keeper import PAUSE_S
from shapebench.results.stores import StoreError

log = logging.getLogger(__name__)

REST_S = 0.2
"""After each record: five in a second are a few calls of what the API server takes, and an hour has 18,000."""
NOT_YET = Pace(cooldown_s=0.0, first_retry_s=1.0, longest_retry_s=20.0)
"""Of a run that has to wait while others do not; what changed while it was read is soon read again."""
AWAY = Pace(first_retry_s=2 * PAUSE_S, longest_retry_s=10 * PAUSE_S)
"""At least as long as the store is left alone after a failure, which a run's end may have had a moment ago."""


class Moves(Protocol):
    """`shapebench.kube.fallen_back.FallenBack`."""

    def move(self, namespace: str, name: str) -> str:
        """Move the record of a run; its URL, empty where there was nothing to move."""
        ...


class RecordMover:
    """A row of runs, and the thread that moves their records."""

    def __init__(self, moves: Moves, registry: CollectorRegistry, rest_s: float = REST_S,
                 away: Pace = AWAY) -> None:
        self._moves = moves
        self._rest_s = rest_s
        self._away = away
        self._queue: WorkQueue[RunId] = WorkQueue(time.monotonic, NOT_YET)
        self._left: set[RunId] = set()
        self._pauses = away.pauses()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="record-mover", daemon=True)
        self._moved = Counter("shapebench_results_moves", "Records on their way from a ConfigMap into the results "
                              "store, by what came of it: done, failed (tried again), left (not a record of its run).",
                              ("result",), registry=registry)
        for result in ("done", "failed", "left"):
            self._moved.labels(result)
        Gauge("shapebench_results_waiting_records", "Records in ConfigMaps that wait for the results store.",
              registry=registry).set_function(lambda: len(self._queue) + len(self._queue.working()))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End; it is not waited for, and the next process goes on from what the runs' statuses say."""
        self._stopped.set()
        self._queue.close()

    def saw(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """A run came, changed or went (as kopf's events say it)."""
        name = RunId.of(body)
        if kind == "DELETED":
            self._left.discard(name)
        elif is_to_move(body) and name not in self._left:
            self._queue.add(name)

    def _loop(self) -> None:
        while (name := self._queue.take()) is not None:
            pause_s = self._once(name)
            self._stopped.wait(pause_s)

    def _once(self, name: RunId) -> float:
        """Try to move one; after how many seconds to go on."""
        try:
            self._move(name)
        except NotYetError as error:
            again_s = self._queue.failed(name)
            log.info("%s: its record is not moved into the results store yet: %s; again in %.1f s", name, error,
                     again_s)
        except (StoreError, errors.KubeError) as error:
            return self._again(name, str(error))
        except Exception as error:
            log.exception("%s: unexpected", name)
            return self._again(name, str(error))
        else:
            self._queue.done(name)
        self._pauses = self._away.pauses()
        return self._rest_s

    def _move(self, name: RunId) -> None:
        try:
            url = self._moves.move(name.namespace, name.name)
        except errors.GoneError:
            return
        except ValueError as error:
            self._left.add(name)
            self._moved.labels("left").inc()
            log.warning("%s: its record stays where it is: %s", name, error)
            return
        if url:
            self._moved.labels("done").inc()
            log.info("%s: its record is moved into the results store: %s", name, url)

    def _again(self, name: RunId, why: str) -> float:
        self._moved.labels("failed").inc()
        pause_s = next(self._pauses)
        self._queue.done(name, pause_s)
        log.warning("%s: its record is not moved into the results store yet (%d wait): %s; again in %.0f s", name,
                    len(self._queue), why, pause_s)
        return pause_s

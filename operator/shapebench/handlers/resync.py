"""The safety net: every few minutes each unfinished Benchmark is looked at, whether or not an event came, and what was
deleted unheard is let go: kopf lists anew after a watch broke, and nobody tells what is not in that list any more.

The first listing looks at all of them, and that the operator has done it is what makes it ready.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from random import random
from typing import Any

from shapebench.handlers.queue import WorkQueue
from shapebench.handlers.workers import Name
from shapebench.kube import errors

log = logging.getLogger(__name__)

PERIOD_S = 300.0
RETRY_S = 5.0

Body = Mapping[str, Any]


class Resync:
    """A thread that lists and enqueues. `listed` returns every Benchmark that is watched, `run_uids` the runs' uids.

    `deleted` is told of what was `known` before the lists were read and is in none of them.
    """

    def __init__(self, listed: Callable[[], Iterable[Body]], run_uids: Callable[[], Iterable[str]],
                 queue: WorkQueue[Name], known: Callable[[], Iterable[Body]], deleted: Callable[[Body], None],
                 chance: Callable[[], float] = random) -> None:
        self._listed = listed
        self._run_uids = run_uids
        self._queue = queue
        self._known = known
        self._deleted = deleted
        self._chance = chance
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="resync", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end; it is not waited for."""
        self._stop.set()

    @property
    def ready(self) -> bool:
        """Whether every Benchmark that was there at the start is in the queue."""
        return self._ready.is_set()

    def once(self) -> None:
        """List, and enqueue all the first time, the unfinished later. Raises `shapebench.kube.errors.KubeError`."""
        known = tuple(self._known())  # first: what comes while the lists are read may be in none of them
        there = set()
        for body in self._listed():
            there.add(body["metadata"]["uid"])
            if not self.ready or unfinished(body):
                self._queue.add(Name(body["metadata"]["namespace"], body["metadata"]["name"]))
        self._ready.set()
        if known:
            there.update(self._run_uids())
        gone = [body for body in known if body["metadata"]["uid"] not in there]  # and stays so: no uid comes twice
        if gone:
            log.info("%d Benchmarks and runs are gone, and no watch has said so", len(gone))
        for body in gone:
            self._deleted(body)

    def _loop(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            try:
                self.once()
                pause = PERIOD_S * (0.9 + self._chance() / 5)
            except errors.KubeError as error:
                log.warning("cannot list the Benchmarks and their runs: %s", error)
                pause = RETRY_S * (0.5 + self._chance())
            except Exception:
                log.exception("cannot list the Benchmarks and their runs")
                pause = PERIOD_S


def unfinished(body: Body) -> bool:
    """Whether time or its objects could still change this Benchmark.

    A finished one with a time to live counts: a look would give its deletion another chance.
    """
    status = body.get("status") or {}
    if status.get("observedGeneration") != body["metadata"].get("generation"):
        return True
    if (body.get("spec") or {}).get("ttlSecondsAfterFinished") is not None:
        return True
    return status.get("phase") not in ("Rejected", "Succeeded", "Failed")

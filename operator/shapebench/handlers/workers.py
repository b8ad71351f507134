"""The threads that reconcile: take a name, look at that Benchmark, and say when to look again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from shapebench.handlers.queue import WorkQueue
from shapebench.kube import errors
from shapebench.metrics.registry import Metrics

log = logging.getLogger(__name__)

STUCK_S = 300.0
"""No look takes this long, even at a thousand pods whose node is lost; one that does will not end."""


class Name(NamedTuple):
    """A Benchmark's name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


Look = Callable[[Name], float | None]
"""Reconciles one Benchmark; returns after how many seconds to look again (None: when something changes)."""

Tell = Callable[[Name, errors.KubeError], None]
"""Tells the user that the cluster refuses something; must not raise."""


class Workers:
    """A few threads on one queue. Its threads never end by themselves: an exception is a retry."""

    def __init__(self, queue: WorkQueue[Name], look: Look, tell: Tell, metrics: Metrics, count: int = 4) -> None:
        self._queue = queue
        self._look = look
        self._tell = tell
        self._metrics = metrics
        self._threads = [threading.Thread(target=self._work, name=f"worker-{index}", daemon=True)
                         for index in range(count)]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """Let current looks end, for at most `timeout_s` seconds; what is cut off is done again by the next process."""
        self._queue.close()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def problem(self) -> str | None:
        """Why the workers no longer work; None while they do."""
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        if dead:
            return f"{', '.join(dead)} ended"
        now = self._queue.now()
        stuck = [f"{working.key} for {now - working.since_s:.0f} s" for working in self._queue.working()
                 if now - working.since_s > STUCK_S]
        return f"stuck at {', '.join(stuck)}" if stuck else None

    def _work(self) -> None:
        while (name := self._queue.take()) is not None:
            started = time.perf_counter()
            result = self._once(name)
            self._metrics.reconcile_seconds.labels(result).observe(time.perf_counter() - started)

    def _once(self, name: Name) -> str:
        try:
            again_s = self._look(name)
        except errors.GoneError as error:
            log.info("%s: nothing left to do: %s", name, error)
            self._queue.done(name)
        except errors.KubeError as error:
            log.warning("%s: %s; again in %.1f s", name, error, self._queue.failed(name))
            self._tell(name, error)
            return "failed"
        except Exception:
            log.exception("%s: unexpected; again in %.1f s", name, self._queue.failed(name))
            return "failed"
        else:
            self._queue.done(name, again_s)
        return "done"

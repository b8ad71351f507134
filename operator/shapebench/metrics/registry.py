"""All metrics of the operator: those of the objects, and those of its own process and work."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from shapebench.metrics.board import Board

RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The operator's metrics; `registry` has those of its own work. `clock`: any seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last_event_s = clock()
        self.board = Board()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Gauge("shapebench_last_event_age_seconds", "Since the API server last said that something changed.",
              registry=self.registry).set_function(lambda: max(0.0, self._clock() - self._last_event_s))
        self.reconcile_seconds = Histogram(
            "shapebench_reconcile_seconds", "One look at one Benchmark, by how it ended: done, failed.", ("result",),
            registry=self.registry, buckets=RECONCILE_BUCKETS)

    def heard(self) -> None:
        """Some event came from the API server."""
        self._last_event_s = self._clock()

    def text(self) -> bytes:
        """What a scrape gets, in Prometheus' text format."""
        return self.board.text().encode() + generate_latest(self.registry)

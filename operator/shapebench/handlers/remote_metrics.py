"""What remote write tells of itself: shapebench_remote_write_*."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from shapebench.remote_write.protocol import Trouble


class RemoteMetrics:
    """Counts of one process. `clock`: any seconds that only grow."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failing_since_s: float | None = None
        self._runs = Counter("shapebench_remote_write_runs", "Finished runs, by what became of them.", ("result",),
                             registry=registry)
        self._samples = Counter("shapebench_remote_write_samples", "Samples of finished runs, by what became of them.",
                                ("result",), registry=registry)
        self._retries = Counter("shapebench_remote_write_retries", "Tries that have to be repeated, by the reason.",
                                ("reason",), registry=registry)
        self._pending = Gauge("shapebench_remote_write_pending_runs", "Finished runs that are not sent yet.",
                              registry=registry)
        Gauge("shapebench_remote_write_failing_seconds", "Since when every try has failed; 0: the last one did not.",
              registry=registry).set_function(self._failing_s)
        for result in ("sent", "dropped"):  # at 0 from the start, so that the first one is an increase
            self._runs.labels(result)
            self._samples.labels(result)
        self._runs.labels("empty")
        self._runs.labels("gone")
        for trouble in Trouble:
            self._retries.labels(trouble.value)

    def count_pending(self, count: Callable[[], int]) -> None:
        """Where the number of waiting runs comes from."""
        self._pending.set_function(count)

    def run_sent(self) -> None:
        """A run is there, whole."""
        self._runs.labels("sent").inc()

    def run_empty(self) -> None:
        """A run left nothing that could be sent."""
        self._runs.labels("empty").inc()

    def run_dropped(self) -> None:
        """A run is not there, or not all of it, and will not be."""
        self._runs.labels("dropped").inc()

    def run_gone(self) -> None:
        """A run was deleted before its turn came."""
        self._runs.labels("gone").inc()

    def samples(self, sent: int, dropped: int) -> None:
        """Samples of one try."""
        self._samples.labels("sent").inc(sent)
        self._samples.labels("dropped").inc(dropped)

    def works(self) -> None:
        """A try ended well, or nothing is left to try."""
        self._failing_since_s = None

    def fails(self, trouble: Trouble) -> None:
        """A try has to be repeated."""
        self._retries.labels(trouble.value).inc()
        if self._failing_since_s is None:
            self._failing_since_s = self._clock()

    def _failing_s(self) -> float:
        since_s = self._failing_since_s
        return 0.0 if since_s is None else max(0.0, self._clock() - since_s)

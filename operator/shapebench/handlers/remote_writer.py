"""The thread that writes finished runs to Prometheus, one after the other; nothing else ever waits for it.

It keeps names only, and no more than there are runs that are over and not sent: a run is read when its turn comes, and
its annotation says that it was sent, so a restart begins with whatever is not marked. A run that has to wait goes to
the end of the row, and all wait a while, since it is the endpoint that is in trouble: longer each time, for ever.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.request import getproxies

from prometheus_client import CollectorRegistry

from shapebench.api import keys
from shapebench.api.settings import Settings
from shapebench.handlers.queue import Pace
from shapebench.handlers.remote_metrics import RemoteMetrics
from shapebench.handlers.run_id import RunId
from shapebench.kube import errors
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.finished_runs import FinishedRuns, is_unsent
from shapebench.remote_write import sending
from shapebench.remote_write.protocol import Again, Answer, Trouble
from shapebench.remote_write.run import Choice, FinishedRun, time_series

log = logging.getLogger(__name__)

PACE = Pace(first_retry_s=1.0, longest_retry_s=120.0)
DROPPED = "RemoteWriteDropped"
SENT = "sent"
EMPTY = "nothing to send: its record tells of no pod's usage"
UNREADABLE = f"their records cannot be read, the annotation {keys.ANNOTATION_REMOTE_WRITE} of each run says why"


class Runs(Protocol):
    """`shapebench.kube.finished_runs.FinishedRuns`."""

    def unsent(self, namespace: str, name: str, uid: str) -> FinishedRun | None:
        """The run; None where there is nothing to send. Raises ValueError, also in taking its pods, where there is no
        record to be had."""
        ...

    def mark(self, namespace: str, name: str, uid: str, text: str) -> None:
        """Note on the run what became of it."""
        ...

    def warn(self, namespace: str, benchmark: str, reason: str, message: str) -> None:
        """Say on the Benchmark what its owner should know."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Whose run it is, how much of it earlier tries of this process sent, and what was refused of it."""

    benchmark: str
    requests: int = 0
    refused: str = ""


class RemoteWriter:
    """A row of runs, and the thread that sends them."""

    def __init__(self, runs: Runs, post: Callable[[bytes], Answer], choice: Choice, metrics: RemoteMetrics,
                 pace: Pace = PACE) -> None:
        self._runs = runs
        self._post = post
        self._choice = choice
        self._metrics = metrics
        self._pace = pace
        self._changed = threading.Condition()
        self._row: dict[RunId, Progress] = {}
        self._stopped = threading.Event()
        self._pauses = pace.pauses()
        self._thread = threading.Thread(target=self._loop, name="remote-writer", daemon=True)
        metrics.count_pending(lambda: len(self._row))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 0.0) -> None:
        """End; what is on its way is sent again by the next process."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def saw(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """A run came, changed or went (as kopf's events say it)."""
        name = RunId.of(body)
        with self._changed:
            if kind == "DELETED":
                if self._row.pop(name, None) is not None:
                    self._metrics.run_gone()
            elif is_unsent(body) and name not in self._row:
                self._row[name] = Progress(body["spec"]["benchmark"])
                self._changed.notify_all()

    def _loop(self) -> None:
        while (name := self._next()) is not None:
            again = self._once(name)
            if again is None:
                continue
            self._metrics.fails(again.trouble)
            pause = max(next(self._pauses), again.after_s)
            log.warning("%s is not written remotely yet: %s; again in %.1f s", name, again.message, pause)
            self._stopped.wait(pause)

    def _next(self) -> RunId | None:
        """The first of the row, which it stays in; None: stopped."""
        with self._changed:
            while not self._row and not self._stopped.is_set():
                self._is_well()  # what was in trouble may have been deleted
                self._changed.wait()
            return None if self._stopped.is_set() else next(iter(self._row))

    def _once(self, name: RunId) -> Again | None:
        """Try to send a run; what it has to wait for, None when it is done with."""
        try:
            again = self._send(name)
        except errors.GoneError:
            again = None
        except errors.KubeError as error:
            again = Again(Trouble.CLUSTER, str(error))
        except Exception as error:
            log.exception("%s: unexpected", name)
            again = Again(Trouble.UNEXPECTED, str(error))
        with self._changed:
            progress = self._row.pop(name, None)
            if again is not None and progress is not None:  # None: it was deleted meanwhile
                self._row[name] = progress
        return again

    def _send(self, name: RunId) -> Again | None:
        with self._changed:
            progress = self._row.get(name)
        if progress is None:  # deleted just now
            return None
        try:
            run = self._runs.unsent(*name)
            if run is None:
                return None
            sent = sending.send(time_series(run, self._choice), self._post, progress.requests)
        except ValueError as error:
            self._drop(name, f"not sent this time, its record cannot be read: {error}")
            self._warn(name, progress.benchmark, UNREADABLE)
            return None
        refused = progress.refused or sent.refused
        self._metrics.samples(sent.samples, sent.dropped)
        with self._changed:
            if name not in self._row:  # deleted meanwhile, and counted as that
                return None
            self._row[name] = replace(progress, requests=sent.requests, refused=refused)
        if sent.again is not None:
            return sent.again
        self._is_well()
        if refused:
            self._drop(name, refused)
            self._warn(name, progress.benchmark, refused)
        elif not sent.requests:
            self._runs.mark(*name, EMPTY)
            self._metrics.run_empty()
        else:
            self._runs.mark(*name, SENT)
            self._metrics.run_sent()
        return None

    def _is_well(self) -> None:
        self._pauses = self._pace.pauses()
        self._metrics.works()

    def _drop(self, name: RunId, why: str) -> None:
        self._runs.mark(*name, f"dropped: {why}")
        self._metrics.run_dropped()
        log.warning("%s: samples are not written remotely: %s", name, why)

    def _warn(self, name: RunId, benchmark: str, refused: str) -> None:
        """The same words for every run, so that they are one event."""
        text = (f"remote write: samples of runs were not sent this time: {refused}. Once that is mended, whoever may "
                "patch benchmarkruns sends them again by: kubectl annotate benchmarkruns "
                f"-l {keys.LABEL_BENCHMARK}={benchmark} {keys.ANNOTATION_REMOTE_WRITE}-")
        try:
            self._runs.warn(name.namespace, benchmark, DROPPED, text)
        except errors.KubeError as error:
            log.warning("%s: cannot say so on the Benchmark: %s", name, error)


def of_settings(settings: Settings, cluster: KubeCluster, registry: CollectorRegistry) -> RemoteWriter | None:
    """The writer that the settings ask for; None where they ask for none."""
    if not settings.remote_write_url:
        return None
    from shapebench.remote_write.endpoint import Endpoint, Target

    target = Target(settings.remote_write_url, settings.remote_write_timeout_s, settings.remote_write_headers,
                    Path(settings.remote_write_credentials) if settings.remote_write_credentials else None,
                    Path(settings.remote_write_ca_file) if settings.remote_write_ca_file else None, getproxies())
    choice = Choice(settings.remote_write_per_pod, settings.remote_write_labels)
    return RemoteWriter(FinishedRuns(cluster), Endpoint(target).post, choice, RemoteMetrics(registry, time.monotonic))

"""The operator's moving parts, put together: what kopf's handlers call, and all that they need."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from shapebench.api import keys, places
from shapebench.api.settings import Settings
from shapebench.handlers import records, remote_writer
from shapebench.handlers.endpoints import Endpoints
from shapebench.handlers.queue import WorkQueue
from shapebench.handlers.record_mover import RecordMover
from shapebench.handlers.remote_writer import RemoteWriter
from shapebench.handlers.resync import Resync
from shapebench.handlers.workers import Name, Workers
from shapebench.kube import errors
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.fallen_back import FallenBack
from shapebench.metrics.registry import Metrics
from shapebench.plan import actions

log = logging.getLogger(__name__)

Reconcile = Callable[[actions.Cluster, Settings, str, str, Callable[[], float]], float | None]
"""Looks at one Benchmark (cluster, settings, namespace, name, wall clock) until nothing is left to do; returns after
how many seconds to look again (None: only when something changes)."""

STOP_TIMEOUT_S = 5.0

_REASONS: Mapping[type[errors.KubeError], str] = {
    errors.ConflictError: "Conflict", errors.ForbiddenError: "Forbidden", errors.InvalidError: "Refused"}


class Operator:
    """Queue, workers, resync, metrics and endpoints of one operator process."""

    def __init__(self, settings: Settings, cluster: KubeCluster, reconcile: Reconcile) -> None:
        self.settings = settings
        self._cluster = cluster
        self._reconcile = reconcile
        self._metrics = Metrics(time.time)
        self._queue: WorkQueue[Name] = WorkQueue(time.monotonic)
        self._workers = Workers(self._queue, self._look, self._tell, self._metrics)
        self._resync = Resync(functools.partial(cluster.benchmarks, settings.namespaces),
                              functools.partial(cluster.run_uids, settings.namespaces), self._queue,
                              self._metrics.board.known, functools.partial(self._note, "DELETED"))
        served = None if places.folder_of(settings.results_url) is None else cluster.results
        movers = self._movers(served=bool(served and settings.results_service))
        writer = remote_writer.of_settings(settings, cluster, self._metrics.registry)
        self._aside: tuple[RecordMover | RemoteWriter, ...] = (*movers, writer) if writer else movers
        self._endpoints = Endpoints(self._metrics.text, self.not_ready, settings.metrics_port,
                                    functools.partial(records.answer, served) if served else None)

    @property
    def metrics_port(self) -> int:
        """Where /metrics and /readyz are served."""
        return self._endpoints.port

    def serve(self) -> None:
        """Answer /metrics and /readyz, from before there is anything to do."""
        self._endpoints.start()

    def start(self) -> None:
        """Start to work."""
        self._workers.start()
        self._resync.start()
        for one in self._aside:
            one.start()

    def stop(self) -> None:
        """Stop within seconds. What a look was doing is found and finished by the next process."""
        self._resync.stop()
        for one in self._aside:
            one.stop()
        self._workers.stop(STOP_TIMEOUT_S)
        self._endpoints.stop()

    def changed(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """An object of ours came, changed or went (kind of event: ADDED, MODIFIED, DELETED; None: it was there)."""
        self._metrics.heard()
        self._note(kind, body)

    def _note(self, kind: str | None, body: Mapping[str, Any]) -> None:
        """Of what is gone, only what `shapebench.metrics.board.Board.known` says of it is read."""
        board = self._metrics.board
        if body["kind"] != "Pod":
            (board.gone if kind == "DELETED" else board.saw)(body)
        if body["kind"] == "BenchmarkRun":
            for one in self._aside:
                one.saw(kind, body)
        name = benchmark_of(body)
        if name is not None:
            self._queue.add(name)

    def not_ready(self) -> str | None:
        """Why the operator is not ready; None when it is."""
        return None if self._resync.ready else "the Benchmarks have not been listed yet"

    def dead(self) -> str | None:
        """Why the process should be replaced; None while it works."""
        return self._workers.problem()

    def _movers(self, served: bool) -> tuple[RecordMover, ...]:
        """Where there is a results store: what moves records there that had to go elsewhere."""
        results, registry = self._cluster.results, self._metrics.registry
        if results is None:
            return ()
        registry.register(results.writes)
        return (RecordMover(FallenBack(self._cluster, results, served), registry),)

    def _look(self, name: Name) -> float | None:
        return self._reconcile(self._cluster, self.settings, name.namespace, name.name, time.time)

    def _tell(self, name: Name, error: errors.KubeError) -> None:
        """Say on the Benchmark that the cluster refuses something, where its owner looks."""
        reason = _REASONS.get(type(error))
        if reason is None:
            return
        try:
            body = self._cluster.benchmark(name.namespace, name.name)
            if body is not None:
                self._cluster.apply(actions.Emit(body, "Warning", reason, str(error)))
        except errors.KubeError as second:
            log.warning("%s: cannot say so on the Benchmark: %s", name, second)


def benchmark_of(body: Mapping[str, Any]) -> Name | None:
    """The Benchmark that an object is or belongs to by its label."""
    metadata = body["metadata"]
    if body["kind"] == "Benchmark":
        return Name(metadata["namespace"], metadata["name"])
    label = (metadata.get("labels") or {}).get(keys.LABEL_BENCHMARK)
    return Name(metadata["namespace"], label) if label else None

"""Runs that are over, for remote write: read with their records, and marked once they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shapebench.api import keys, moments
from shapebench.api.record import OVER
from shapebench.api.run import BenchmarkRun
from shapebench.kube import paths, records
from shapebench.kube.cluster import KubeCluster, controller_uid
from shapebench.kube.transport import MERGE_PATCH, RefusedError, Request, explained
from shapebench.plan import actions
from shapebench.remote_write.run import FinishedRun

MARK_CHARS = 500


class FinishedRuns:
    """Every method raises `shapebench.kube.errors.KubeError` when the cluster does not answer."""

    def __init__(self, cluster: KubeCluster) -> None:
        self._cluster = cluster

    def unsent(self, namespace: str, name: str, uid: str) -> FinishedRun | None:
        """The run; None where there is nothing to send: it or its Benchmark is gone, it is not over, or marked.

        Raises ValueError for a run that is over and has no record that can be read: there is none (any more), it is
        damaged, or it is in another store than the one that is set. So does taking its pods.
        """
        body = self._run(namespace, name, uid)
        if body is None or not is_unsent(body):
            return None
        run = BenchmarkRun.model_validate(body)
        benchmark = self._cluster.benchmark(namespace, run.spec.benchmark)
        if benchmark is None or benchmark["metadata"]["uid"] != controller_uid(body):
            return None
        record = records.of_run(self._cluster, body)
        if record is None:
            raise ValueError(f"there is no record at {records.place_of(body)} (any more)")
        created_s = moments.unix_s(benchmark["metadata"]["creationTimestamp"])
        return FinishedRun(record.head, record, str(run.status.verdict or record.head.verdict), created_s)

    def mark(self, namespace: str, name: str, uid: str, text: str) -> None:
        """Note on the run what became of it; one that is gone needs no note, and another of its name gets none."""
        body = {"metadata": {"uid": uid, "annotations": {keys.ANNOTATION_REMOTE_WRITE: text[:MARK_CHARS]}}}
        try:
            self._cluster.transport.raw(Request("PATCH", paths.item("BenchmarkRun", namespace, name), body=body,
                                                content_type=MERGE_PATCH))
        except RefusedError as refused:
            if refused.status == 404 or (refused.status in (409, 422) and self._run(namespace, name, uid) is None):
                return
            raise explained(refused) from refused

    def warn(self, namespace: str, benchmark: str, reason: str, message: str) -> None:
        """Say on the Benchmark what its owner should know."""
        body = self._cluster.benchmark(namespace, benchmark)
        if body is not None:
            self._cluster.apply(actions.Emit(body, "Warning", reason, message))

    def _run(self, namespace: str, name: str, uid: str) -> dict[str, Any] | None:
        """None where it is gone, whatever has its name now."""
        body = self._cluster.transport.found(paths.item("BenchmarkRun", namespace, name))
        return body if body is not None and body["metadata"]["uid"] == uid else None


def is_unsent(body: Mapping[str, Any]) -> bool:
    """Whether this BenchmarkRun is over and not marked."""
    phase = (body.get("status") or {}).get("phase")
    marked = (body["metadata"].get("annotations") or {}).get(keys.ANNOTATION_REMOTE_WRITE)
    return phase in OVER and not marked

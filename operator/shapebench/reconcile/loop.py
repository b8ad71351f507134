"""Observe, decide, apply, until nothing is left to do at this moment. The one place where effects happen.

No state survives a call: what a call learns (logs, refusals) it learns again next time, so being killed anywhere and
starting over ends in the same place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from pydantic import ValidationError

from shapebench.api import keys
from shapebench.api.record import RunRecord
from shapebench.api.run import BenchmarkRun
from shapebench.api.settings import Settings
from shapebench.plan.actions import Cluster, Create, Keep, Kept, NamespaceGoneError, RefusedError, Snapshot
from shapebench.reconcile import benchmarks, engines, facts, lost_attempts, ownership, pod_logs, steps
from shapebench.reconcile.pod_logs import PodLog

MAX_PASSES = 50
"""Far above what any one moment needs; a bound, so that a mistake of ours cannot spin."""
LOGS_PER_LOOK = 1000
"""After so many the look ends with the run it is at, and the next one begins at once: a pod's log and record take some
ten milliseconds, a look that takes minutes counts as stuck, and other Benchmarks wait for it."""


class Learnt(NamedTuple):
    """What a look has learnt so far, as a View has it."""

    logs: dict[str, PodLog]
    lost: dict[str, RunRecord | None]
    refusals: dict[str, str]
    kept: dict[str, Kept]


def reconcile(cluster: Cluster, settings: Settings, namespace: str, name: str,
              clock: Callable[[], float], logs_per_look: int = LOGS_PER_LOOK) -> float | None:
    """Bring one Benchmark as far as it goes now; after how many seconds to look again (None: when something changes).

    Raises what the cluster's network raises; the caller tries again later.
    """
    logs: dict[str, PodLog] = {}
    refusals: dict[str, str] = {}
    lost: dict[str, RunRecord | None] = {}
    kept: dict[str, Kept] = {}
    read = 0
    for _ in range(MAX_PASSES):
        try:
            snapshot = cluster.snapshot(namespace, name)
            if snapshot.benchmark is None:
                return None
            view = _view(ownership.own(snapshot), settings, Learnt(logs, lost, refusals, kept))
            decision = benchmarks.decide(view, clock())
            if decision.reads or decision.recalls:
                logs.update(_read(cluster, namespace, view, decision))
                lost.update(_recalled(cluster, namespace, decision))
                read += len(decision.reads)
                decision = benchmarks.decide(dataclasses.replace(view, logs=logs, lost=lost), clock())
            refused = _apply(cluster, decision, kept)
        except NamespaceGoneError:
            return None
        if refused is not None:
            if refused[0] in refusals:
                return steps.REFUSAL_RETRY_S
            refusals.update([refused])
        elif not decision.again:
            return decision.wake_after_s
        if decision.over:
            if refused is None and read >= logs_per_look:
                return 0.0
            logs = {pod: one for pod, one in logs.items() if one.unread}  # each took seconds, and waits for longer
            lost.clear()
            kept.clear()
    return 0.0


def _apply(cluster: Cluster, decision: benchmarks.Decision, kept: dict[str, Kept]) -> tuple[str, str] | None:
    """Apply all actions in order; the run and the message of an object that the API server refused."""
    for action in decision.actions:
        try:
            told = cluster.apply(action)
        except RefusedError as error:
            run = action.body["metadata"].get("labels", {}).get(keys.LABEL_RUN) if isinstance(action, Create) else None
            if run is None:
                raise
            return run, str(error)
        if isinstance(action, Keep) and told is not None:
            kept[action.run] = told
    return None


def _read(cluster: Cluster, namespace: str, view: benchmarks.View,
          decision: benchmarks.Decision) -> dict[str, PodLog]:
    containers = {pod.name: pod.container for pod in view.pods}
    return pod_logs.read(decision.reads, lambda pod: cluster.log(namespace, pod, containers[pod]), view.logs,
                         may_fail=1 if decision.patient else pod_logs.MAY_FAIL)


def _recalled(cluster: Cluster, namespace: str, decision: benchmarks.Decision) -> dict[str, RunRecord | None]:
    return {name: lost_attempts.unpacked(cluster.kept(namespace, name, owner_uid))
            for name, owner_uid in decision.recalls}


def _view(snapshot: Snapshot, settings: Settings, learnt: Learnt) -> benchmarks.View:
    assert snapshot.benchmark is not None
    return benchmarks.View(
        body=snapshot.benchmark,
        runs={body["metadata"]["name"]: _run(body) for body in snapshot.runs},
        pods=tuple(facts.pod_fact(pod) for pod in snapshot.pods),
        settings=settings,
        driver_account_exists=snapshot.driver_account_exists,
        engines=tuple(engines.engine_fact(body, snapshot.flavors, snapshot.workloads)
                      for body in snapshot.applications),
        engine_offer=snapshot.engine,
        queue_offer=snapshot.queue,
        logs=learnt.logs,
        lost=learnt.lost,
        refusals=learnt.refusals,
        kept=learnt.kept,
    )


def _run(body: dict[str, object]) -> BenchmarkRun:
    """A run whose status this version cannot read is taken as not begun: its effects are idempotent."""
    try:
        return BenchmarkRun.model_validate(body)
    except ValidationError:
        return BenchmarkRun.model_validate({key: value for key, value in body.items() if key != "status"})

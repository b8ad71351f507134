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
from shapebench.plan.actions import (
    Cluster,
    Create,
    Emit,
    InvalidError,
    Keep,
    Kept,
    KubeObject,
    NamespaceGoneError,
    PatchStatus,
    RefusedError,
    Snapshot,
)
from shapebench.reconcile import benchmarks, engines, facts, lost_attempts, ownership, pod_logs, steps, wording
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
    learnt, read = Learnt({}, {}, {}, {}), 0
    for _ in range(MAX_PASSES):
        try:
            snapshot = cluster.snapshot(namespace, name)
            if snapshot.benchmark is None:
                return None
            view = _view(ownership.own(snapshot), settings, learnt)
            decision = benchmarks.decide(view, clock())
            if any(decision.needs):
                learnt.logs.update(_read(cluster, namespace, view, decision.needs))
                learnt.lost.update(_recalled(cluster, namespace, decision.needs))
                read += len(decision.needs.logs)
                decision = benchmarks.decide(dataclasses.replace(view, logs=learnt.logs, lost=learnt.lost), clock())
            refused = _apply(cluster, decision, learnt.kept, snapshot.benchmark)
        except NamespaceGoneError:
            return None
        if refused is not None:
            if refused[0] in learnt.refusals:
                return steps.REFUSAL_RETRY_S
            learnt.refusals.update([refused])
        elif not decision.again:
            return decision.wake_after_s
        if decision.over:
            if refused is None and read >= logs_per_look:
                return 0.0
            unread = {pod: one for pod, one in learnt.logs.items() if one.unread}  # each took seconds, and waits on
            learnt = Learnt(unread, {}, learnt.refusals, {})
    return 0.0


def _apply(cluster: Cluster, decision: benchmarks.Decision, kept: dict[str, Kept],
           benchmark: KubeObject) -> tuple[str, str] | None:
    """Apply all actions in order; the run and the message of an object that the API server refused."""
    for action in decision.actions:
        try:
            told = cluster.apply(action)
        except RefusedError as error:
            if isinstance(error, InvalidError) and isinstance(action, PatchStatus) and action.kind == "BenchmarkRun":
                # The same again would be refused for ever: what is left of the actions is for a run that is over.
                cluster.apply(dataclasses.replace(action, status=wording.refused_status(action.status, str(error))))
                cluster.apply(Emit(benchmark, "Warning", "Refused", f"{action.name} failed: {error}"))
                return None
            run = action.body["metadata"].get("labels", {}).get(keys.LABEL_RUN) if isinstance(action, Create) else None
            if run is None:
                raise
            return run, str(error)
        if isinstance(action, Keep) and told is not None:
            kept[action.run] = told
    return None


def _read(cluster: Cluster, namespace: str, view: benchmarks.View, needs: steps.Needs) -> dict[str, PodLog]:
    containers = {pod.name: pod.container for pod in view.pods}
    return pod_logs.read(needs.logs, lambda pod: cluster.log(namespace, pod, containers[pod]), view.logs,
                         may_fail=1 if needs.patient else pod_logs.MAY_FAIL)


def _recalled(cluster: Cluster, namespace: str, needs: steps.Needs) -> dict[str, RunRecord | None]:
    return {name: lost_attempts.unpacked(cluster.kept(namespace, name, owner_uid))
            for name, owner_uid in needs.earlier}


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

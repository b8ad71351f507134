"""What one look does for a run, and the actions that several kinds of step have in common. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shapebench.api import keys, moments
from shapebench.api.record import Reason
from shapebench.api.run import RunStatus
from shapebench.build import gang as gangs
from shapebench.plan.actions import Action, Delete, Emit, PatchStatus
from shapebench.reconcile import bounded
from shapebench.reconcile.attempts import Gang
from shapebench.reconcile.engines import WORKLOAD, EngineFact
from shapebench.reconcile.facts import PodFact
from shapebench.reconcile.run_view import RunView

REFUSAL_RETRY_S = 5.0


class Needs(NamedTuple):
    """What has to be read for a run before more can be done. `logs`: of these pods; where the run is `patient`, only
    as far as they can be read. `earlier`: the config maps of its earlier attempts, with the run's uid."""

    logs: tuple[str, ...] = ()
    patient: bool = False
    earlier: tuple[tuple[str, str], ...] = ()


NOTHING = Needs()


@dataclass(frozen=True)
class Step:
    """What to do for a run now. `again`: more can be done at once after.

    `concludes`: the step is of the run's conclusion: it reads the logs for it, or has its verdict. `over`: with these
    actions the attempt is done with, and so is what was read for it.
    """

    actions: tuple[Action, ...] = ()
    needs: Needs = NOTHING
    wake_after_s: float | None = None
    again: bool = False
    concludes: bool = False
    over: bool = False


def gang(view: RunView) -> Gang:
    """The current attempt's pods and past, to be judged."""
    status, spark = view.run.status, view.benchmark.spec.workload.spark
    created_s = moments.unix_s(status.attempt_created_at) or 0.0
    return Gang(
        expected=gangs.pod_names(view.attempt),
        executors=view.planned.shape.workers if spark is not None else 0,
        pods=view.current,
        created_s=created_s,
        running_s=status.times.running_s,
        refusal=view.refusal,
        launched_by=view.launched_by,
        held_by=view.held_by,
        engine=view.engine,
        admitted_s=status.times.admitted_s,
    )


def scheduled_s(pods: tuple[PodFact, ...]) -> float | None:
    """When the last of the pods got its node; None while none has one."""
    return max((pod.scheduled_s for pod in pods if pod.scheduled_s is not None), default=None)


def support_deletions(view: RunView) -> tuple[Action, ...]:
    """The Service and the config map: nothing lists them, so they go while the run still has its pods."""
    return tuple(Delete(kind, view.attempt.namespace, name) for kind, name in gangs.support(view.attempt))


def deletions(view: RunView, engines: Iterable[EngineFact], pods: Iterable[PodFact]) -> tuple[Action, ...]:
    """A pod whose node is gone goes only by force: nobody is left there to confirm it.

    Another operator's object goes before its pods, or that operator would make them again; a place in a queue is
    given back when no pod takes it any more.
    """
    namespace = view.benchmark.metadata.namespace
    return (*(Delete(one.kind, namespace, one.name) for one in engines if one.kind != WORKLOAD or not view.pods),
            *(Delete("Pod", namespace, pod.name, 0 if on_lost_node(pod) else None) for pod in pods))


def on_lost_node(pod: PodFact) -> bool:
    """Whether nobody is left on the pod's node to tell of it."""
    return pod.failure is not None and pod.failure.reason is Reason.NODE_LOST


def awaits_log(view: RunView) -> bool:
    """Whether the attempt has ended and waits for a pod's log: its reason, or none, is in the status since then."""
    return view.run.status.log_awaited_at is not None


def patch(view: RunView, status: Mapping[str, Any]) -> PatchStatus:
    """Merge this into the run's status, as far as there is room."""
    return PatchStatus("BenchmarkRun", view.benchmark.metadata.namespace, view.run.metadata.name,
                       bounded.status(RunStatus, status))


def about(view: RunView) -> dict[str, Any]:
    """Run events are told of the Benchmark too: `kubectl describe bm` is where people look."""
    metadata = view.benchmark.metadata
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark",
            "metadata": {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid}}


def say_refused(view: RunView) -> Step:
    """The API server will not have one of the run's objects: say so, and try again."""
    return Step((patch(view, {"message": view.refusal}),
                 Emit(about(view), "Warning", "Refused", view.refusal)), wake_after_s=REFUSAL_RETRY_S)

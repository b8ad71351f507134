"""One run, one step further: from its status and its pods' facts to actions. Pure.

Each action may be the last one before the operator is killed, so their order matters: the Service and the config map
go first (nothing lists them later), the record is written before the status says it is there, and pods are deleted
only after the status has what they knew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shapebench.api import assemble, cost, keys, moments, quantity
from shapebench.api.record import INFRASTRUCTURE_REASONS, Phase, PodRecord, Reason, RunRecord, Times
from shapebench.api.run import BenchmarkRun
from shapebench.build import gang as gangs
from shapebench.build import kueue
from shapebench.plan.actions import Action, Create, Delete, Emit, PatchStatus
from shapebench.reconcile import attempts, judging, keeping, records, spending, wording
from shapebench.reconcile.attempts import Gang, Judgement, Stage
from shapebench.reconcile.engines import WORKLOAD, EngineFact
from shapebench.reconcile.facts import Failure, PodFact
from shapebench.reconcile.run_view import RunView

REFUSAL_RETRY_S = 5.0


@dataclass(frozen=True)
class Step:
    """What to do for a run now. `reads`: pods whose logs are needed first. `again`: more can be done at once after.

    `concludes`: the step is of the run's conclusion: it reads the logs for it, or has its verdict. `over`: with these
    actions the run has its result.
    """

    actions: tuple[Action, ...] = ()
    reads: tuple[str, ...] = ()
    wake_after_s: float | None = None
    again: bool = False
    concludes: bool = False
    over: bool = False


def is_over(run: BenchmarkRun) -> bool:
    """Whether the run has its result."""
    return run.status.phase in (Phase.SUCCEEDED, Phase.FAILED)


def advance(view: RunView, now_s: float, may_conclude: bool = True) -> Step:
    """The run's next step. Where it may not conclude now, one that has ended waits as it is: no log of it is read."""
    if is_over(view.run):
        return _clear(view, view.engines, view.pods)
    number = view.attempt.number
    stale = [one for one in view.engines if one.attempt < number and not one.deleting]
    older = [pod for pod in view.pods if pod.attempt < number and not (pod.ended and pod.deleting)]
    if older or stale:
        return _clear(view, stale, older)
    if not view.run.status.gang_exists:
        return _before_gang(view, now_s, may_conclude)
    if view.newly_free:
        return _admitted(view, now_s)
    judgement = attempts.judge(_gang(view), view.benchmark.spec.limits, now_s)
    if judgement.stage is Stage.ENDED:
        return _end(view, judgement.failure, now_s, may_conclude)
    return _going_on(view, judgement)


def _clear(view: RunView, engines: Iterable[EngineFact], pods: Iterable[PodFact]) -> Step:
    """Delete what an operator before this one had no time to; their going brings the next look."""
    deletions = _deletions(view, [one for one in engines if not one.deleting],
                           [pod for pod in pods if not pod.deleting])
    return Step(deletions, again=bool(deletions))


def _before_gang(view: RunView, now_s: float, may_conclude: bool) -> Step:
    if view.refusal and view.run.status.attempt and (view.unplaced or view.launched_by or not view.newly_free):
        return _refused(view, now_s, may_conclude)
    if view.unplaced:
        return _queue(view, now_s)
    return _create(view, now_s) if view.launched_by or not view.newly_free else _admitted(view, now_s)


def _create(view: RunView, now_s: float) -> Step:
    """The whole gang, then the word that it exists. What is there already is created again for nothing."""
    present = {pod.name for pod in view.current}
    missing = [body for body in gangs.build(view.attempt) if body["metadata"]["name"] not in present]
    text = f"created {view.launched_by or 'the pods'} of attempt {view.attempt.number} of "
    queue, start_s = view.benchmark.spec.queue_name, quantity.duration_s(view.benchmark.spec.limits.start_timeout)
    # What is not held back from the beginning is free from the beginning.
    held = queue is not None and bool(view.launched_by)
    begun: Mapping[str, Any] = {"phase": Phase.PENDING, "message": f"waiting in queue {queue}"} if held else {
        "phase": Phase.STARTING, "message": ""} | ({"times": {"admittedS": now_s}} if view.launched_by else {})
    return Step((*_begun(view, now_s), *(Create(body) for body in missing), _patch(view, {**begun, "gangExists": True}),
                 Emit(_about(view), "Normal", "PodsCreated" if not view.launched_by else "Launched",
                      text + wording.describe(view.planned))),
                wake_after_s=attempts.ENGINE_LOOK_S if view.launched_by else float(start_s))


def _begun(view: RunView, now_s: float) -> tuple[Action, ...]:
    """The first word of the first attempt."""
    return () if view.run.status.attempt else (_patch(view, {
        "phase": Phase.PENDING, "attempt": 1, "attemptCreatedAt": moments.timestamp(now_s),
        "times": {"createdS": now_s}}),)


def _queue(view: RunView, now_s: float) -> Step:
    """Ask for a place for the whole gang and wait for it, without pods and without its time to start running."""
    message, place = f"waiting in queue {view.benchmark.spec.queue_name}", view.engine
    asked: tuple[Action, ...] = (Create(kueue.workload(view.attempt)),)
    if place is not None:
        message += f": {place.state}" if place.state else ""
        # Pods, or a spent place: it was lost before the whole gang was there.
        asked = _deletions(view, [place] if place.spent and not place.deleting else (),
                           [pod for pod in view.current if not pod.deleting])
    word = {"phase": Phase.PENDING, "message": message[:wording.MESSAGE_CHARS], "times": {"admittedS": None}}
    told = (_patch(view, word),) if word["message"] != view.run.status.message else ()
    return Step((*_begun(view, now_s), *asked, *told), wake_after_s=attempts.QUEUE_LOOK_S)


def _admitted(view: RunView, now_s: float) -> Step:
    """Nothing holds the attempt back any more: its time to start begins."""
    text = f"{view.held_by} was admitted"
    return Step((_patch(view, {"phase": Phase.STARTING, "message": "", "times": {"admittedS": now_s}}),
                 Emit(_about(view), "Normal", "Admitted", text)), again=True)


def _refused(view: RunView, now_s: float, may_conclude: bool) -> Step:
    """The API server will not have one of the objects: a quota may free up, so try until the start timeout."""
    judgement = attempts.judge(_gang(view), view.benchmark.spec.limits, now_s)
    if judgement.stage is Stage.ENDED:
        return _end(view, judgement.failure, now_s, may_conclude)
    return _say_refused(view)


def _say_refused(view: RunView) -> Step:
    return Step((_patch(view, {"message": view.refusal[:wording.MESSAGE_CHARS]}),
                 Emit(_about(view), "Warning", "Refused", view.refusal)), wake_after_s=REFUSAL_RETRY_S)


def _going_on(view: RunView, judgement: Judgement) -> Step:
    status = view.run.status
    if judgement.stage is Stage.QUEUED:
        return Step(wake_after_s=judgement.wake_after_s)
    phase = Phase.STARTING if judgement.stage is Stage.STARTING else Phase.RUNNING
    running_s = attempts.all_running_s(_gang(view))
    times = {"scheduledS": _scheduled_s(view.current), "runningS": running_s if phase is Phase.RUNNING else None}
    trouble = next((pod.trouble for pod in view.current if pod.trouble is not None), None)
    message = f"waiting: {trouble.message}" if trouble else ""
    if phase is Phase.RUNNING and status.phase is Phase.RUNNING:
        return Step(wake_after_s=judgement.wake_after_s)
    if phase is status.phase and message == status.message:
        return Step(wake_after_s=judgement.wake_after_s)
    told = (Emit(_about(view), "Warning", str(trouble.reason), trouble.message),) if trouble else ()
    patch = _patch(view, {"phase": phase, "message": message[:wording.MESSAGE_CHARS], "times": times})
    return Step((patch, *told), wake_after_s=judgement.wake_after_s)


def _end(view: RunView, failure: Failure | None, now_s: float, may_conclude: bool) -> Step:
    if view.refusal and view.run.status.gang_exists:
        return _say_refused(view)
    failure = failure or attempts.missing_executors(_gang(view))
    retries_left = view.attempt.number <= view.benchmark.spec.limits.retries
    if failure is not None and failure.reason in INFRASTRUCTURE_REASONS and retries_left:
        return _retry(view, failure, now_s)
    if not may_conclude:
        return Step(again=True)
    unread = tuple(pod.name for pod in view.current if pod.ended and pod.name not in view.logs)
    return Step(reads=unread, concludes=True) if unread else _conclude(view, failure, now_s)


def _conclude(view: RunView, failure: Failure | None, now_s: float) -> Step:
    record = view.kept.record if view.kept else judging.judged(view, _record(view, failure, now_s))
    if view.settings.results_url and view.kept is None:
        return Step((*_support_deletions(view), keeping.keep(view, record)), again=True, concludes=True)
    return Step((
        *_support_deletions(view),
        *_in_config_map(view, record),
        _patch(view, wording.final_status(record, view.benchmark.spec.objective.metric)
               | ({"record": view.kept.url} if view.kept and view.kept.url else {})),
        *_deletions(view, view.engines, view.pods),
        Emit(_about(view), "Warning" if record.reason else "Normal", str(record.reason or "Succeeded"),
             f"{wording.describe(view.planned)}: {wording.ending(record)}"),
    ), again=True, concludes=True, over=True)


def _in_config_map(view: RunView, record: RunRecord) -> tuple[Action, ...]:
    """Where records go without a results store, and when it fails: no result is lost to a full volume."""
    if view.kept and view.kept.url:
        return ()
    created = Create(keeping.config_map(view.attempt, record))
    if view.kept is None:
        return (created,)
    text = f"{view.kept.problem}; the record of {record.run} is in ConfigMap {keys.record_name(record.run)} instead"
    return created, Emit(_about(view), "Warning", "ResultsStore", text)


def _retry(view: RunView, failure: Failure, now_s: float) -> Step:
    status, number = view.run.status, view.attempt.number
    lost = f"attempt {number}: {failure.reason}: {failure.message}"[:1000]
    return Step((
        *_support_deletions(view),
        _patch(view, {"phase": Phase.PENDING, "attempt": number + 1, "attemptCreatedAt": moments.timestamp(now_s),
                      "gangExists": False, "lostAttempts": [*status.lost_attempts, lost],
                      "costSpent": wording.money(spending.until(view, now_s)), "times": {
                          "attemptCreatedS": now_s, "admittedS": None, "scheduledS": None, "runningS": None}}),
        *_deletions(view, view.engines, view.pods),
        Emit(_about(view), "Warning", str(failure.reason), f"{lost}; a new attempt follows"),
    ), again=True)


def _record(view: RunView, failure: Failure | None, now_s: float) -> RunRecord:
    status = view.run.status
    pods = records.pod_records(view.current, view.logs)
    found = records.outcome(view.attempt.number, failure.reason if failure else None,
                            failure.message if failure else "", pods, view.logs)
    found = _with_losses(found, view, pods)
    planned = view.planned
    context = assemble.RunContext(
        benchmark=view.benchmark.metadata.name, namespace=view.benchmark.metadata.namespace, run=planned.name,
        backend="kubernetes", cell=planned.cell, shape=planned.shape, block=planned.block,
        repetition=planned.repetition, position=planned.position,
        price_per_hour=cost.gang_per_hour(view.benchmark.spec.workload, planned.shape))
    running_s = status.times.running_s or attempts.all_running_s(_gang(view))
    times = Times(created_s=status.times.created_s, attempt_created_s=status.times.attempt_created_s,
                  admitted_s=status.times.admitted_s, scheduled_s=_scheduled_s(view.current), running_s=running_s)
    return assemble.run_record(context, pods, replace(found, cost_spent=spending.until(view, now_s)), times)


def _with_losses(found: assemble.Outcome, view: RunView, recorded: Sequence[PodRecord]) -> assemble.Outcome:
    """Say which pods left no record, and which not all of it: their usage is missing from the totals."""
    lost = judging.unrecorded(view.current, recorded)
    cut = [f"{pod.pod}: {pod.message}" for pod in recorded if not pod.complete]
    said = [found.message, *([f"no usage of {', '.join(lost)}"] if lost else []), *cut]
    return replace(found, message="\n".join(filter(None, said)))


def _gang(view: RunView) -> Gang:
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


def _scheduled_s(pods: tuple[PodFact, ...]) -> float | None:
    return max((pod.scheduled_s for pod in pods if pod.scheduled_s is not None), default=None)


def _support_deletions(view: RunView) -> tuple[Action, ...]:
    """The Service and the config map: nothing lists them, so they go while the run still has its pods."""
    return tuple(Delete(kind, view.attempt.namespace, name) for kind, name in gangs.support(view.attempt))


def _deletions(view: RunView, engines: Iterable[EngineFact], pods: Iterable[PodFact]) -> tuple[Action, ...]:
    """A pod whose node is gone goes only by force: nobody is left there to confirm it.

    Another operator's object goes before its pods, or that operator would make them again; a place in a queue is
    given back when no pod takes it any more.
    """
    namespace = view.benchmark.metadata.namespace
    return (*(Delete(one.kind, namespace, one.name) for one in engines if one.kind != WORKLOAD or not view.pods),
            *(Delete("Pod", namespace, pod.name, 0 if _on_lost_node(pod) else None) for pod in pods))


def _on_lost_node(pod: PodFact) -> bool:
    return pod.failure is not None and pod.failure.reason is Reason.NODE_LOST


def _patch(view: RunView, status: Mapping[str, Any]) -> PatchStatus:
    return PatchStatus("BenchmarkRun", view.benchmark.metadata.namespace, view.run.metadata.name, status)


def _about(view: RunView) -> dict[str, Any]:
    """Run events are told of the Benchmark too: `kubectl describe bm` is where people look."""
    metadata = view.benchmark.metadata
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark",
            "metadata": {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid}}

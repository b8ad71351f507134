"""One run, one step further: from its status and its pods' facts to actions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shapebench.api import moments, quantity
from shapebench.api.record import OVER, Phase
from shapebench.api.run import BenchmarkRun
from shapebench.build import gang as gangs
from shapebench.build import kueue
from shapebench.plan.actions import Action, Create, Emit
from shapebench.reconcile import attempts, lost_attempts, steps, wording
from shapebench.reconcile.attempts import Judgement, Stage
from shapebench.reconcile.engines import EngineFact
from shapebench.reconcile.facts import Failure, PodFact
from shapebench.reconcile.run_view import RunView
from shapebench.reconcile.steps import Step

End = Callable[[RunView, Failure | None], Step]


def is_over(run: BenchmarkRun) -> bool:
    """Whether the run has its result."""
    return run.status.phase in OVER


def advance(view: RunView, now_s: float, end: End) -> Step:
    """The run's next step; `end` says which, once its attempt has ended."""
    if is_over(view.run):
        return _clear(view, view.engines, view.pods)
    number = view.attempt.number
    stale = [one for one in view.engines if one.attempt < number and not one.deleting]
    older = [pod for pod in view.pods if pod.attempt < number and not (pod.ended and pod.deleting)]
    if older or stale:
        return _clear(view, stale, older)
    if not view.run.status.gang_exists:
        return _before_gang(view, now_s, end)
    if view.newly_free:
        return _admitted(view, now_s)
    judgement = attempts.judge(steps.gang(view), view.benchmark.spec.limits, now_s)
    if judgement.stage is Stage.ENDED or steps.awaits_log(view):
        return end(view, judgement.failure)
    return _going_on(view, judgement)


def _clear(view: RunView, engines: Iterable[EngineFact], pods: Iterable[PodFact]) -> Step:
    """Delete what an operator before this one had no time to; their going brings the next look."""
    deletions = steps.deletions(view, [one for one in engines if not one.deleting],
                                [pod for pod in pods if not pod.deleting])
    if deletions and is_over(view.run):
        deletions = (*lost_attempts.deletions(view), *deletions)
    return Step(deletions, again=bool(deletions))


def _before_gang(view: RunView, now_s: float, end: End) -> Step:
    if view.refusal and view.run.status.attempt and (view.unplaced or view.launched_by or not view.newly_free):
        return _refused(view, now_s, end)
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
    return Step((*_begun(view, now_s), *(Create(body) for body in missing),
                 steps.patch(view, {**begun, "gangExists": True}),
                 Emit(steps.about(view), "Normal", "PodsCreated" if not view.launched_by else "Launched",
                      text + wording.describe(view.planned))),
                wake_after_s=attempts.ENGINE_LOOK_S if view.launched_by else float(start_s))


def _begun(view: RunView, now_s: float) -> tuple[Action, ...]:
    """The first word of the first attempt."""
    return () if view.run.status.attempt else (steps.patch(view, {
        "phase": Phase.PENDING, "attempt": 1, "attemptCreatedAt": moments.timestamp(now_s),
        "times": {"createdS": now_s}}),)


def _queue(view: RunView, now_s: float) -> Step:
    """Ask for a place for the whole gang and wait for it, without pods and without its time to start running."""
    message, place = f"waiting in queue {view.benchmark.spec.queue_name}", view.engine
    asked: tuple[Action, ...] = (Create(kueue.workload(view.attempt)),)
    if place is not None:
        message += f": {place.state}" if place.state else ""
        # Pods, or a spent place: it was lost before the whole gang was there.
        asked = steps.deletions(view, [place] if place.spent and not place.deleting else (),
                                [pod for pod in view.current if not pod.deleting])
    word = {"phase": Phase.PENDING, "message": message[:wording.MESSAGE_CHARS], "times": {"admittedS": None}}
    told = (steps.patch(view, word),) if word["message"] != view.run.status.message else ()
    return Step((*_begun(view, now_s), *asked, *told), wake_after_s=attempts.QUEUE_LOOK_S)


def _admitted(view: RunView, now_s: float) -> Step:
    """Nothing holds the attempt back any more: its time to start begins."""
    text = f"{view.held_by} was admitted"
    return Step((steps.patch(view, {"phase": Phase.STARTING, "message": "", "times": {"admittedS": now_s}}),
                 Emit(steps.about(view), "Normal", "Admitted", text)), again=True)


def _refused(view: RunView, now_s: float, end: End) -> Step:
    """The API server will not have one of the objects: a quota may free up, so try until the start timeout."""
    judgement = attempts.judge(steps.gang(view), view.benchmark.spec.limits, now_s)
    if judgement.stage is Stage.ENDED:
        return end(view, judgement.failure)
    return steps.say_refused(view)


def _going_on(view: RunView, judgement: Judgement) -> Step:
    status = view.run.status
    if judgement.stage is Stage.QUEUED:
        return Step(wake_after_s=judgement.wake_after_s)
    phase = Phase.STARTING if judgement.stage is Stage.STARTING else Phase.RUNNING
    running_s = attempts.all_running_s(steps.gang(view))
    times = {"scheduledS": steps.scheduled_s(view.current), "runningS": running_s if phase is Phase.RUNNING else None}
    trouble = next((pod.trouble for pod in view.current if pod.trouble is not None), None)
    message = f"waiting: {trouble.message}"[:wording.MESSAGE_CHARS] if trouble else ""
    if phase is status.phase and (phase is Phase.RUNNING or message == status.message):
        return Step(wake_after_s=judgement.wake_after_s)
    told = (Emit(steps.about(view), "Warning", str(trouble.reason), trouble.message),) if trouble else ()
    patch = steps.patch(view, {"phase": phase, "message": message, "times": times})
    return Step((patch, *told), wake_after_s=judgement.wake_after_s)

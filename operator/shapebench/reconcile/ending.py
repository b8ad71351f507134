"""The end of an attempt: a new one where the cluster broke it off, else the run's record and its conclusion. Pure.

Each action may be the last one before the operator is killed, so their order matters: the Service and the config map
go first (nothing lists them later), the record is written before the status says it is there, and pods are deleted
only after the status has what they knew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from shapebench.api import assemble, keys, losses, moments
from shapebench.api.record import INFRASTRUCTURE_REASONS, Phase, PodRecord, Reason, RunRecord, Times
from shapebench.plan import expand
from shapebench.plan.actions import Action, Create, Emit
from shapebench.reconcile import attempts, judging, keeping, lost_attempts, records, spending, steps, wording
from shapebench.reconcile.facts import Failure, PodState
from shapebench.reconcile.run_view import RunView
from shapebench.reconcile.steps import Needs, Step

LOG_PATIENCE_S = 60.0
"""How long the end of an attempt waits for a log that a pod's node does not give. A kubelet that starts again is back
by then; much later the node may be given up, and its pods deleted, whose ends are known now."""
LOG_LOOK_S = 3.0
"""How long to wait at least before it is asked for again; then half as long as it has been waited for."""


def end(view: RunView, failure: Failure | None, now_s: float, may_conclude: bool,
        no_retry: Callable[[RunView], str]) -> Step:
    """The step of a run whose attempt has ended. One that may not conclude now waits as it is: no log of it is read.

    `no_retry`: why no other attempt may start, though the limits allow one; empty where it may.
    """
    failure = _decided(view, failure or attempts.missing_executors(steps.gang(view)))
    broken_off = failure is not None and view.kept is None and _has_retries(view, failure)
    forbidden = no_retry(view) if broken_off else ""
    if view.refusal and view.run.status.gang_exists and (forbidden or not broken_off):
        return steps.say_refused(view)
    if not may_conclude:
        return Step(again=True)
    needed = _needed(view, failure, now_s)
    if needed is not None:
        return needed
    if failure is not None and broken_off:
        if not forbidden:
            return _retry(view, failure, now_s)
        failure = replace(failure, message=f"{failure.message}; {forbidden}")
    return _recall(view) or _conclude(view, failure, now_s)


def _decided(view: RunView, failure: Failure | None) -> Failure | None:
    """How the attempt ended stays as it was when the wait for a log began: a pod that goes meanwhile takes its record
    along, and undoes no success. Only where no pod is left to tell of one, there is none.
    """
    status = view.run.status
    if not steps.awaits_log(view):
        return failure
    if status.reason is None:
        told = any(pod.role in assemble.DECIDING_ROLES and pod.state is PodState.SUCCEEDED for pod in view.current)
        return None if told else failure or Failure(Reason.EVICTED, "its pods were deleted before their logs were read")
    if failure is not None and failure.reason is status.reason:
        return failure
    return Failure(status.reason, "the pods that told more of it were deleted before their logs were read")


def _needed(view: RunView, failure: Failure | None, now_s: float) -> Step | None:
    """What has to be read of the attempt's pods before they are deleted; None where all is read, or given up.

    Nobody waits with a pod that is about to go by itself: what is known of it goes with it.
    """
    since_s = moments.unix_s(view.run.status.log_awaited_at)
    leaving = any(pod.ended and pod.deleting and not steps.on_lost_node(pod) for pod in view.current)
    # Either way from it: a clock that is set back must not make the wait longer by as much.
    left_s = 0.0 if leaving else LOG_PATIENCE_S - (0.0 if since_s is None else abs(now_s - since_s))
    for pod in view.current:
        if left_s > 0 and pod.name in view.logs and view.logs[pod.name].unread and not steps.on_lost_node(pod):
            return _await_log(view, failure, pod.name, now_s, left_s)
    # Those on lost nodes come last: who waits for others looks no further than to the first that cannot be read.
    unread = tuple(pod.name for pod in sorted(view.current, key=steps.on_lost_node)
                   if pod.ended and pod.name not in view.logs)
    return Step(needs=Needs(logs=unread, patient=left_s > 0), concludes=True) if unread else None


def _await_log(view: RunView, failure: Failure | None, pod: str, now_s: float, left_s: float) -> Step:
    """Who reads it has tried for seconds; now others have their turn."""
    wake_after_s = min(left_s, max(LOG_LOOK_S, (LOG_PATIENCE_S - left_s) / 2))
    if steps.awaits_log(view):
        return Step(wake_after_s=wake_after_s)
    message = f"waiting for the log of pod {pod}, at most {LOG_PATIENCE_S:g} s: {view.logs[pod].unread}"
    return Step((steps.patch(view, {"logAwaitedAt": moments.timestamp(now_s), "reason": failure and failure.reason,
                                    "message": message}),
                 Emit(steps.about(view), "Warning", "LogUnavailable", message)), wake_after_s=wake_after_s)


def _recall(view: RunView) -> Step | None:
    missing = [name for name in lost_attempts.names(view) if name not in view.lost]
    if not missing or view.kept is not None:
        return None
    return Step(needs=Needs(earlier=tuple((name, view.run.metadata.uid) for name in missing)), concludes=True)


def _has_retries(view: RunView, failure: Failure) -> bool:
    return failure.reason in INFRASTRUCTURE_REASONS and view.attempt.number <= view.benchmark.spec.limits.retries


def _conclude(view: RunView, failure: Failure | None, now_s: float) -> Step:
    record = view.kept.record if view.kept else lost_attempts.taken_in(
        view, judging.judged(view, _record(view, failure, now_s)))
    if view.settings.results_url and view.kept is None:
        return Step((*steps.support_deletions(view), keeping.keep(view, record)), again=True, concludes=True)
    return Step((
        *steps.support_deletions(view),
        *_in_config_map(view, record),
        steps.patch(view, wording.final_status(record, view.benchmark.spec.objective.metric)
                    | {"logAwaitedAt": None, "lostUsage": _lost_usage(record)}
                    | ({"record": view.kept.url} if view.kept and view.kept.url else {})),
        *lost_attempts.deletions(view),
        *steps.deletions(view, view.engines, view.pods),
        Emit(steps.about(view), "Warning" if record.reason else "Normal", str(record.reason or "Succeeded"),
             f"{wording.describe(view.planned)}: {wording.ending(record)}"),
    ), again=True, concludes=True, over=True)


def _lost_usage(record: RunRecord) -> dict[str, Any] | None:
    usage = assemble.lost_usage(record)
    return None if usage is None else usage.model_dump(by_alias=True, exclude_none=True)


def _in_config_map(view: RunView, record: RunRecord) -> tuple[Action, ...]:
    """Where records go without a results store, and when it fails: no result is lost to a full volume."""
    if view.kept and view.kept.url:
        return ()
    created = Create(keeping.config_map(view.attempt, record, keys.record_name(record.run)))
    if view.kept is None:
        return (created,)
    text = f"{view.kept.problem}; the record of {record.run} is in ConfigMap {keys.record_name(record.run)} instead"
    return created, Emit(steps.about(view), "Warning", "ResultsStore", text)


def _retry(view: RunView, failure: Failure, now_s: float) -> Step:
    """The next attempt needs nothing of this one's record: where the API server refuses it, it is not kept."""
    status, number, left = view.run.status, view.attempt.number, _record(view, failure, now_s)
    unkept = f"; what its pods told is not kept: {view.refusal}"[:300] if view.refusal else ""
    said = f"attempt {number}: {failure.reason}: {'; '.join(left.message.splitlines())}"
    lost = said[:1000 - len(unkept)] + unkept
    return Step((
        *steps.support_deletions(view),
        *(() if unkept else (Create(lost_attempts.config_map(view, left, now_s)),)),
        steps.patch(view, {"phase": Phase.PENDING, "attempt": number + 1, "attemptCreatedAt": moments.timestamp(now_s),
                           "gangExists": False, "lostAttempts": [*status.lost_attempts, lost],
                           "message": "", "reason": None, "logAwaitedAt": None,
                           "costSpent": wording.money(spending.until(view, now_s)), "times": {
                               "attemptCreatedS": now_s, "admittedS": None, "scheduledS": None, "runningS": None}}),
        *steps.deletions(view, view.engines, view.pods),
        Emit(steps.about(view), "Warning", str(failure.reason), f"{lost}; a new attempt follows"),
    ), again=True, concludes=True, over=True)


def _record(view: RunView, failure: Failure | None, now_s: float) -> RunRecord:
    status = view.run.status
    pods = records.pod_records(view.current, view.logs)
    found = records.outcome(view.attempt.number, failure.reason if failure else None,
                            failure.message if failure else "", pods, view.logs)
    medians = records.medians(pods, view.logs)
    found = _with_losses(found, view, pods, has_medians=bool(medians))
    context = expand.context(view.benchmark, view.planned, "kubernetes", view.benchmark.metadata.namespace)
    running_s = status.times.running_s or attempts.all_running_s(steps.gang(view))
    times = Times(created_s=status.times.created_s, attempt_created_s=status.times.attempt_created_s,
                  admitted_s=status.times.admitted_s, scheduled_s=steps.scheduled_s(view.current), running_s=running_s)
    record = assemble.run_record(context, pods, replace(found, cost_spent=spending.until(view, now_s)), times)
    return record.model_copy(update={"medians": medians})


def _with_losses(found: assemble.Outcome, view: RunView, recorded: Sequence[PodRecord], *,
                 has_medians: bool) -> assemble.Outcome:
    """Say which pods left no record, and which not all of it."""
    lost = judging.unrecorded(view, recorded)
    partly = [pod for pod in recorded if pod.left_out]
    rows = sum(pod.measurements_left_out for pod in recorded if pod.role in assemble.DECIDING_ROLES)
    said = [found.message,
            *([losses.no_usage(lost)] if lost else []),
            *(losses.cut_short(pod) for pod in recorded if not pod.complete),
            *([losses.left_out(partly)] if partly else []),
            *([losses.missing(rows, has_medians=has_medians)] if rows else [])]
    return replace(found, message="\n".join(filter(None, said)))

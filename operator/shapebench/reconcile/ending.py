"""The end of an attempt: a new one where the cluster broke it off, else the run's record and its conclusion. Pure.

Each action may be the last one before the operator is killed, so their order matters: the Service and the config map
go first (nothing lists them later), the record is written before the status says it is there, and pods are deleted
only after the status has what they knew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shapebench.api import assemble, cost, keys, moments
from shapebench.api.record import INFRASTRUCTURE_REASONS, Phase, PodRecord, RunRecord, Times
from shapebench.plan.actions import Action, Create, Emit
from shapebench.reconcile import attempts, judging, keeping, records, spending, steps, wording
from shapebench.reconcile.facts import Failure
from shapebench.reconcile.run_view import RunView
from shapebench.reconcile.steps import Step


def end(view: RunView, failure: Failure | None, now_s: float, may_conclude: bool,
        no_retry: Callable[[RunView], str]) -> Step:
    """The step of a run whose attempt has ended. One that may not conclude now waits as it is: no log of it is read.

    `no_retry`: why no other attempt may start, though the limits allow one; empty where it may.
    """
    if view.refusal and view.run.status.gang_exists:
        return steps.say_refused(view)
    failure = failure or attempts.missing_executors(steps.gang(view))
    if not may_conclude:
        return Step(again=True)
    if failure is not None and view.kept is None and _has_retries(view, failure):
        forbidden = no_retry(view)
        if not forbidden:
            return _retry(view, failure, now_s)
        failure = replace(failure, message=f"{failure.message}; {forbidden}")
    unread = tuple(pod.name for pod in view.current if pod.ended and pod.name not in view.logs)
    return Step(reads=unread, concludes=True) if unread else _conclude(view, failure, now_s)


def _has_retries(view: RunView, failure: Failure) -> bool:
    return failure.reason in INFRASTRUCTURE_REASONS and view.attempt.number <= view.benchmark.spec.limits.retries


def _conclude(view: RunView, failure: Failure | None, now_s: float) -> Step:
    record = view.kept.record if view.kept else judging.judged(view, _record(view, failure, now_s))
    if view.settings.results_url and view.kept is None:
        return Step((*steps.support_deletions(view), keeping.keep(view, record)), again=True, concludes=True)
    return Step((
        *steps.support_deletions(view),
        *_in_config_map(view, record),
        steps.patch(view, wording.final_status(record, view.benchmark.spec.objective.metric)
               | ({"record": view.kept.url} if view.kept and view.kept.url else {})),
        *steps.deletions(view, view.engines, view.pods),
        Emit(steps.about(view), "Warning" if record.reason else "Normal", str(record.reason or "Succeeded"),
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
    return created, Emit(steps.about(view), "Warning", "ResultsStore", text)


def _retry(view: RunView, failure: Failure, now_s: float) -> Step:
    status, number = view.run.status, view.attempt.number
    lost = f"attempt {number}: {failure.reason}: {failure.message}"[:1000]
    return Step((
        *steps.support_deletions(view),
        steps.patch(view, {"phase": Phase.PENDING, "attempt": number + 1, "attemptCreatedAt": moments.timestamp(now_s),
                      "gangExists": False, "lostAttempts": [*status.lost_attempts, lost],
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
    found = _with_losses(found, view, pods)
    planned = view.planned
    context = assemble.RunContext(
        benchmark=view.benchmark.metadata.name, namespace=view.benchmark.metadata.namespace, run=planned.name,
        backend="kubernetes", cell=planned.cell, shape=planned.shape, block=planned.block,
        repetition=planned.repetition, position=planned.position,
        price_per_hour=cost.gang_per_hour(view.benchmark.spec.workload, planned.shape))
    running_s = status.times.running_s or attempts.all_running_s(steps.gang(view))
    times = Times(created_s=status.times.created_s, attempt_created_s=status.times.attempt_created_s,
                  admitted_s=status.times.admitted_s, scheduled_s=steps.scheduled_s(view.current), running_s=running_s)
    return assemble.run_record(context, pods, replace(found, cost_spent=spending.until(view, now_s)), times)


def _with_losses(found: assemble.Outcome, view: RunView, recorded: Sequence[PodRecord]) -> assemble.Outcome:
    """Say which pods left no record, and which not all of it: their usage is missing from the totals."""
    lost = judging.unrecorded(view.current, recorded)
    cut = [f"{pod.pod}: {pod.message}" for pod in recorded if not pod.complete]
    said = [found.message, *([f"no usage of {', '.join(lost)}"] if lost else []), *cut]
    return replace(found, message="\n".join(filter(None, said)))



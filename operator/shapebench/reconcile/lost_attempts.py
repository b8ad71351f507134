"""What the pods of an attempt told that the cluster broke off. Pure.

It is kept in a config map of its own before these pods are deleted, since the run may take days more and nothing else
outlives an operator. The run's record takes it in, and then the config map goes. All attempts of a run together are
bounded: they are held in memory with its record, and share its place.
"""

from __future__ import annotations

from shapebench.api import keys, packing
from shapebench.api.record import LostAttempt, RunRecord
from shapebench.build.attempt import KubeObject
from shapebench.plan.actions import Action, Delete
from shapebench.reconcile import judging, keeping, spending
from shapebench.reconcile.run_view import RunView

LIMIT_BYTES = 600_000
"""For the attempts of a run together, of which `limits.retries` says how many there may be: those of a thousand pods
without their series take 290 kB, and two of these share a config map with the run's own."""
LIMITS = packing.Bounds(16 * 2**20, 300_000)
"""For them together too; 30 MB as objects."""
_GONE = "nothing is kept of what its pods told"


def config_map(view: RunView, record: RunRecord, now_s: float) -> KubeObject:
    """What the attempt that has just ended leaves; `record` is as the run's would be, were it its last attempt."""
    own = record.model_copy(update={
        "cost_spent": spending.of_attempt(view, now_s),
        "lost_pods": judging.lost_pods(view, record.pods),
    })
    shares = max(1, view.benchmark.spec.limits.retries)
    room = keeping.Room(LIMIT_BYTES // shares, packing.Bounds(*(most // shares for most in LIMITS)),
                        "there is little room for attempts that were lost")
    return keeping.config_map(view.attempt, own, keys.lost_record_name(record.run, view.number), room)


def unpacked(data: bytes) -> RunRecord | None:
    """A config map's content; None where it is no such record."""
    try:
        return packing.unpacked(data, LIMITS)
    except ValueError:
        return None


def names(view: RunView) -> tuple[str, ...]:
    """The config maps of all earlier attempts."""
    return tuple(keys.lost_record_name(view.planned.name, number) for number in range(1, view.number))


def deletions(view: RunView) -> tuple[Action, ...]:
    """Their end; before the last pods go, for who finds a run that is over looks for nothing but pods."""
    return tuple(Delete("ConfigMap", view.attempt.namespace, name) for name in names(view))


def taken_in(view: RunView, record: RunRecord) -> RunRecord:
    """The run's record with them."""
    found = (view.lost.get(name) for name in names(view))
    return record.model_copy(update={"lost_attempts": tuple(
        _told(view, number) if one is None else _of(one) for number, one in enumerate(found, start=1))})


def _told(view: RunView, number: int) -> LostAttempt:
    said = view.run.status.lost_attempts
    return LostAttempt(attempt=number, message=said[number - 1] if number <= len(said) else "", left_out=_GONE)


def _of(record: RunRecord) -> LostAttempt:
    return LostAttempt(
        attempt=record.attempt, reason=record.reason, message=record.message, times=record.times,
        cost_spent=record.cost_spent, usage=record.usage, usage_by_role=record.usage_by_role,
        lost_pods=record.lost_pods, pod_records=record.pods, left_out=record.environment.get(keeping.LEFT_OUT, ""))

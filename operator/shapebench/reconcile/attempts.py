"""One attempt of a run, judged: from its pods' facts and the time to where it stands. Pure.

A gang lives and dies whole: the first pod that fails ends the attempt. What is decided here is never read back from
anywhere else, so a restarted operator judges the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from shapebench.api import assemble, quantity, wire
from shapebench.api.benchmark import Limits
from shapebench.api.record import Reason
from shapebench.reconcile import offers
from shapebench.reconcile.engines import WORKLOAD, Admission, EngineFact, admission
from shapebench.reconcile.facts import Failure, PodFact, PodState, Trouble

LEAVING_S = 5.0
"""How much later than its kubelet should have killed an evicted pod that may be told."""
LEAVING_MOST_S = 600.0
"""More than this is left to no evicted pod: then the operator's clock was set back, or is far behind."""
SETTLE_S = 20.0
"""How long the rest of a gang may take to end by itself after its first end, so that its records are complete."""
QUEUE_LOOK_S = 10.0
"""How often to look whether an attempt was admitted, or lost its place: nothing watches its queue."""
ENGINE_LOOK_S = 5.0
"""How often to look at another operator's object while its pods do not all run: nothing watches it."""
IMAGE_PATIENCE_S = 60.0
"""How long an image pull may keep failing: registries recover, wrong names do not."""


class Stage(Enum):
    """Where an attempt stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SETTLING = "settling"
    ENDED = "ended"


@dataclass(frozen=True)
class Judgement:
    """Where an attempt stands, why it failed if it did, and after how many seconds to look again."""

    stage: Stage
    failure: Failure | None = None
    wake_after_s: float | None = None


@dataclass(frozen=True)
class Gang:
    """An attempt's pods and what is known of its past. `executors`: how many Spark will ask for itself."""

    expected: tuple[str, ...]
    executors: int
    pods: Sequence[PodFact]
    created_s: float
    running_s: float | None
    refusal: str = ""
    """Why the API server refused one of its objects, if it did."""
    launched_by: str = ""
    """The kind and name of the object that another operator makes the pods from; empty: we make them."""
    held_by: str = ""
    """The kind and name of the object without which the pods must not be: that one, or a place in a queue."""
    engine: EngineFact | None = None
    """That object; None: there is none (any more)."""
    admitted_s: float | None = None
    """When it was first seen free to start; its time to start counts from then."""

    @property
    def admission(self) -> Admission:
        """Whether the attempt may start."""
        return admission(self.engine is not None and self.engine.held, self.admitted_s)

    @property
    def whole(self) -> bool:
        """Whether every pod that was there from the beginning, or that another operator has to make, is there."""
        return set(self.expected) <= {pod.name for pod in self.pods}


def judge(gang: Gang, limits: Limits, now_s: float) -> Judgement:
    """Where the attempt stands at `now_s`."""
    if gang.admission is Admission.WAITING:
        return _queued(gang, limits, now_s)
    failure = _disturbed(gang) or _pod_failure(gang) or _engine_failure(gang) or _timeout(gang, limits, now_s)
    if failure is not None or _succeeded(gang):
        return _settled(gang, failure, now_s)
    running_s = gang.running_s if gang.running_s is not None else all_running_s(gang)
    if running_s is not None:
        deadline_s = running_s + quantity.duration_s(limits.run_timeout)
        return Judgement(Stage.RUNNING, wake_after_s=_within_look(gang, deadline_s - now_s))
    left_s = _start_deadline_s(gang, limits) - now_s
    return Judgement(Stage.STARTING, wake_after_s=min(left_s, ENGINE_LOOK_S) if gang.launched_by
                     else _within_look(gang, left_s))


def _queued(gang: Gang, limits: Limits, now_s: float) -> Judgement:
    """A queue may take as long as it likes; but who is in none waits only as long as for anything else at the start."""
    engine, left_s = gang.engine, gang.created_s + quantity.duration_s(limits.start_timeout) - now_s
    if engine is None or engine.kind == WORKLOAD or not engine.unqueued:
        return Judgement(Stage.QUEUED, wake_after_s=QUEUE_LOOK_S)
    if left_s > 0:
        return Judgement(Stage.QUEUED, wake_after_s=min(left_s, QUEUE_LOOK_S))
    limit = f"limits.startTimeout ({limits.start_timeout})"
    return Judgement(Stage.ENDED, Failure(Reason.START_TIMEOUT, offers.never_queued(engine.kind, engine.name, limit)))


def _within_look(gang: Gang, wait_s: float) -> float:
    """Not longer than a place in a queue may be lost unseen: pods of ours do not go by themselves when it is."""
    return min(wait_s, QUEUE_LOOK_S) if gang.held_by and not gang.launched_by else wait_s


def all_running_s(gang: Gang) -> float | None:
    """When the last pod of the gang began to run; None while one has not."""
    started = [pod.running_s for pod in gang.pods if pod.running_s is not None]
    names = {pod.name for pod in gang.pods if pod.running_s is not None}
    executors = sum(pod.role == wire.ROLE_EXECUTOR for pod in gang.pods if pod.running_s is not None)
    if set(gang.expected) <= names and executors >= gang.executors:
        return max(started)
    return None


def _deciding(gang: Gang) -> list[PodFact]:
    return [pod for pod in gang.pods if pod.role in assemble.DECIDING_ROLES]


def missing_executors(gang: Gang) -> Failure | None:
    """Why a Spark run that ended well does not count: fewer executors than the shape has ever ran."""
    ran = sum(pod.role == wire.ROLE_EXECUTOR and pod.running_s is not None for pod in gang.pods)
    if ran >= gang.executors:
        return None
    return Failure(Reason.PROGRAM_FAILED, f"only {ran} of {gang.executors} executors ran: does the script set its own "
                                          "master or number of executors?")


def _succeeded(gang: Gang) -> bool:
    deciding = _deciding(gang)
    if gang.launched_by and not gang.whole:  # the others may still come
        return False
    return bool(deciding) and all(pod.state is PodState.SUCCEEDED for pod in deciding)


def _pod_failure(gang: Gang) -> Failure | None:
    """The failure of the first pod that failed; a memory kill or a lost node anywhere explains the others'.

    Executors alone decide nothing, since Spark replaces them; but when the driver fails, theirs may be why.
    """
    failed = sorted((pod for pod in gang.pods if pod.failure is not None and not _serving(pod)),
                    key=lambda pod: pod.finished_s or 0.0)
    if not failed:
        return None
    causes = [pod.failure for pod in gang.pods if pod.failure is not None
              and pod.failure.reason in (Reason.OUT_OF_MEMORY, Reason.EVICTED, Reason.NODE_LOST)]
    return causes[0] if causes else failed[0].failure


def _serving(pod: PodFact) -> bool:
    return pod.role == wire.ROLE_EXECUTOR


def _disturbed(gang: Gang) -> Failure | None:
    """A pod that somebody deleted, or is deleting, before it ended: the operator deletes only what has its result.

    It comes before the failures of its peers, for it is their reason.
    """
    if gang.refusal:
        return None
    if gang.held_by and not _succeeded(gang):
        if gang.engine is None or gang.engine.deleting:
            return Failure(Reason.EVICTED, f"{gang.held_by} was deleted before its pods ended")
        if gang.admission is Admission.WITHDRAWN:
            how = "was suspended" if gang.launched_by else f"was evicted ({gang.engine.state})"
            return Failure(Reason.EVICTED, f"{gang.held_by} {how}: its queue took its place back")
    present = {pod.name for pod in gang.pods}
    # Another operator makes pods when it gets to it, and makes them again until all run.
    made = not gang.launched_by or gang.running_s is not None
    lost = [name for name in gang.expected if name not in present and made]
    lost += [pod.name for pod in gang.pods if pod.name in gang.expected and pod.deleting
             and pod.state is not PodState.SUCCEEDED and not _disrupted(pod)]
    return Failure(Reason.EVICTED, f"pod {', '.join(lost)} was deleted before it ended") if lost else None


def _engine_failure(gang: Gang) -> Failure | None:
    """The other operator gave up, and no pod says better why."""
    if gang.engine is None or not gang.engine.failure or _succeeded(gang):
        return None
    return Failure(Reason.ENGINE_FAILED, f"{gang.launched_by}: {gang.engine.failure}")


def _disrupted(pod: PodFact) -> bool:
    """Whether the pod's own failure says better what happened to it."""
    return pod.failure is not None and pod.failure.reason in (Reason.EVICTED, Reason.NODE_LOST)


def _timeout(gang: Gang, limits: Limits, now_s: float) -> Failure | None:
    running_s = gang.running_s if gang.running_s is not None else all_running_s(gang)
    if running_s is not None:
        if now_s < running_s + quantity.duration_s(limits.run_timeout) or _succeeded(gang):
            return None
        return Failure(Reason.RUN_TIMEOUT, f"still running after limits.runTimeout ({limits.run_timeout})")
    trouble = _trouble(gang)
    if trouble is not None and trouble.hopeless:
        return Failure(trouble.reason, trouble.message)
    if now_s < _start_deadline_s(gang, limits) or _succeeded(gang):
        return None
    if trouble is not None:
        return Failure(trouble.reason, trouble.message)
    limit = f"limits.startTimeout ({limits.start_timeout})"
    return Failure(Reason.START_TIMEOUT, f"not all pods ran within {limit}: {_missing_at_start(gang)}")


def _missing_at_start(gang: Gang) -> str:
    if gang.refusal:
        return gang.refusal
    if gang.engine is not None and not gang.whole:
        unmade = ", ".join(sorted(set(gang.expected) - {pod.name for pod in gang.pods}))
        if not gang.engine.state:
            return f"the operator of {gang.launched_by} has said nothing of it: does it run, and for this namespace?"
        return f"{gang.launched_by} is {gang.engine.state}, without {unmade}"
    waiting = [pod.name for pod in gang.pods if pod.state is PodState.WAITING]
    missing = gang.executors - sum(pod.role == wire.ROLE_EXECUTOR for pod in gang.pods)
    if waiting:
        waiting[-1] += (" (a ConfigMap, Secret or claim in spec.volumes that does not exist keeps a pod waiting so; "
                        f"the kubelet's words: kubectl get events --field-selector involvedObject.name={waiting[0]})")
    return ", ".join([*waiting, *([f"{missing} executors not asked for yet"] if missing > 0 else [])])


def _start_deadline_s(gang: Gang, limits: Limits) -> float:
    trouble = _trouble(gang)
    patience_s = float(quantity.duration_s(limits.start_timeout))
    begun_s = gang.admitted_s or gang.created_s
    if trouble is not None and trouble.reason is Reason.IMAGE_PULL:
        scheduled = [pod.scheduled_s for pod in gang.pods if pod.scheduled_s is not None]
        return min(begun_s + patience_s, max([begun_s, *scheduled]) + IMAGE_PATIENCE_S)
    return begun_s + patience_s


def _trouble(gang: Gang) -> Trouble | None:
    found = [pod.trouble for pod in gang.pods if pod.trouble is not None]
    worst = sorted(found, key=lambda one: (not one.hopeless, one.reason is not Reason.IMAGE_PULL))
    return worst[0] if worst else None


def _settled(gang: Gang, failure: Failure | None, now_s: float) -> Judgement:
    """Ended, once every pod has ended or has had its time to.

    A pod that is evicted gets the time that its kubelet gives it. When it has ended there is none to lose: its totals
    go with it.
    """
    going = [pod for pod in gang.pods if not pod.ended]
    evicted = [pod for pod in gang.pods if pod.leaves_by_s is not None and not _serving(pod)]
    if any(pod.ended for pod in evicted):
        return Judgement(Stage.ENDED, failure)
    left_s = max((pod.leaves_by_s + LEAVING_S - now_s for pod in evicted if pod.leaves_by_s is not None), default=0.0)
    if 0 < left_s <= LEAVING_MOST_S:
        return Judgement(Stage.SETTLING, failure, wake_after_s=left_s)
    ends = [pod.finished_s for pod in gang.pods if pod.finished_s is not None]
    waited_out = failure is not None and failure.reason in (
        Reason.RUN_TIMEOUT, Reason.START_TIMEOUT, Reason.UNSCHEDULABLE, Reason.IMAGE_PULL)
    if not going or waited_out or not ends or now_s >= min(ends) + SETTLE_S:
        return Judgement(Stage.ENDED, failure)
    return Judgement(Stage.SETTLING, failure, wake_after_s=min(ends) + SETTLE_S - now_s)

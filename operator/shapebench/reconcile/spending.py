"""What the attempts of a run cost: the time for which their pods held nodes, at the pods' prices. Pure.

A pod holds its node from the moment in which it was placed there until its program ended, whatever became of the run;
a pod that nobody made, or that waits for a node, costs nothing.
"""

from __future__ import annotations

from shapebench.api import cost, wire
from shapebench.reconcile.facts import PodFact
from shapebench.reconcile.run_view import RunView


def until(view: RunView, now_s: float) -> float | None:
    """What all attempts of the run cost until now; None where its shape has no price."""
    this = of_attempt(view, now_s)
    return None if this is None else (view.run.status.cost_spent or 0.0) + this


def of_attempt(view: RunView, now_s: float) -> float | None:
    """What the current attempt cost until now; None where its shape has no price."""
    workload, shape = view.benchmark.spec.workload, view.planned.shape
    if shape.price_per_hour is None:
        return None
    held_s: dict[str, float] = {}
    for pod in view.current:
        held_s[pod.role] = held_s.get(pod.role, 0.0) + _held_s(pod, now_s)
    for role, pods in _vanished(view).items():
        held_s[role] = held_s.get(role, 0.0) + pods * max(0.0, now_s - (view.run.status.times.scheduled_s or now_s))
    return sum(cost.of_time(cost.pod_per_hour(workload, shape, role), seconds) or 0.0
               for role, seconds in held_s.items())


def _held_s(pod: PodFact, now_s: float) -> float:
    """A pod without an end holds its node still; so does one on a node that is lost, until that is noticed."""
    if pod.scheduled_s is None:
        return 0.0
    return max(0.0, (pod.finished_s if pod.finished_s is not None else now_s) - pod.scheduled_s)


def _vanished(view: RunView) -> dict[str, int]:
    """How many pods of each role ran and are no more: they are taken to have held their nodes until now."""
    if view.run.status.times.running_s is None:
        return {}
    spec, shape = view.benchmark.spec, view.planned.shape
    gang = {wire.ROLE_DRIVER: 1, wire.ROLE_EXECUTOR: shape.workers} if spec.workload.tensorflow is None else {
        wire.ROLE_WORKER: shape.workers, wire.ROLE_PARAMETER_SERVER: spec.workload.tensorflow.parameter_servers}
    present = [pod.role for pod in view.current]
    return {role: max(0, count - present.count(role)) for role, count in gang.items()}

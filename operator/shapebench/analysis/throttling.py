"""CPU that throttling took beyond the limit's intent.

A limit of 2 CPUs means 2 x 0.1 s of CPU time in each period of 0.1 s. A pod that has had that much is stopped until
the period's end: that is what the limit is for. It is not what it is for when the pod is stopped before it has had that
much, as kernels do that hand the quota out to many CPUs in slices and leave some lying. In its throttled periods the
pod wanted more than it got, so it should have got the whole quota in each of them; what it used in all the window is at
least what it got in these. The difference was taken. (It is a lower bound: what was used in the other periods hides as
much of it, and nothing that got its limit is ever accused.)
"""

from __future__ import annotations

from dataclasses import dataclass

from shapebench.api import wire
from shapebench.api.record import PodRecord, RunRecord

CPU_LIMIT, CPU_PERIOD_S = "cpu_limit", "cpu_period_s"
"""Names in PodRecord.environment: what the pod's cgroup grants, in CPUs, and the length of a period."""
DEFAULT_PERIOD_S = 0.1
_OF_THE_SHAPE = (wire.ROLE_EXECUTOR, wire.ROLE_WORKER, wire.ROLE_PARAMETER_SERVER)


@dataclass(frozen=True)
class Loss:
    """What a pod lost: seconds of CPU time, and the same as a share of what its limit allows."""

    limit: float
    seconds: float
    share: float


def loss(pod: PodRecord, record: RunRecord) -> Loss | None:
    """What throttling took from the pod beyond its limit; None where that is not known, or it has no limit."""
    around, limit = pod.surroundings, limit_of(pod, record)
    used_s = (pod.measured_usage or pod.usage).cpu_seconds
    if around is None or not around.window_s or around.cpu_throttled_periods is None or not limit or used_s is None:
        return None
    # The window begins and ends within a period: one more may be counted than was watched whole.
    periods = max(0, around.cpu_throttled_periods - 1)
    granted_s = min(periods * _period_s(pod), around.window_s) * limit
    # The agent lives in the pod's cgroup: what it used is not the program's, but was not taken by throttling either.
    seconds = max(0.0, granted_s - used_s - (around.agent_cpu_seconds or 0.0))
    return Loss(limit, seconds, seconds / (limit * around.window_s))


def limit_of(pod: PodRecord, record: RunRecord) -> float | None:
    """The pod's limit in CPUs: its cgroup's, else that of its shape's workers; None where it has none."""
    told = _number(pod.environment.get(CPU_LIMIT))
    if told is not None:
        return told
    return record.cpu if record.backend == "kubernetes" and pod.role in _OF_THE_SHAPE else None


def _period_s(pod: PodRecord) -> float:
    return _number(pod.environment.get(CPU_PERIOD_S)) or DEFAULT_PERIOD_S


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None

"""What the kernels below a run did besides the run's own work: others' CPU time, and what the hypervisor kept back.

Pods are told apart by the kernel that they shared (its boot_id), not by their node's name: a kind cluster's nodes are
containers on one kernel, and each sees all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapebench.analysis import throttling
from shapebench.api.record import PodRecord, RunRecord
from shapebench.api.usage import Surroundings

_TICK_S = 0.01
"""What the kernel counts a CPU's time in, whoever used most of it; in a window of a moment that is not little."""


@dataclass(frozen=True)
class Kernel:
    """One kernel in the time that its longest-watching pod watched. Seconds are of CPU time."""

    nodes: tuple[str, ...]
    cpus: int
    window_s: float
    busy_s: float | None
    own_s: float | None
    """What the run's own pods used there; None where one of its pods does not tell."""
    lost_s: float | None
    """All that the hypervisor kept back, as the kernel counts it."""

    @property
    def capacity_s(self) -> float:
        """All the CPU time there was."""
        return self.cpus * self.window_s

    @property
    def foreign_s(self) -> float | None:
        """What was used by all that is not the run, less what the count may be wrong by; None where not known."""
        if self.busy_s is None or self.own_s is None:
            return None
        return max(0.0, self.busy_s - self.own_s - _TICK_S * self.cpus)

    @property
    def steal_s(self) -> float | None:
        """What the hypervisor kept back, less what the count may be wrong by; None where not known."""
        return None if self.lost_s is None else max(0.0, self.lost_s - _TICK_S * self.cpus)


def below(record: RunRecord) -> tuple[Kernel, ...]:
    """The kernels that the run's pods tell of."""
    groups: dict[str, list[tuple[PodRecord, Surroundings]]] = {}
    all_told = not record.lost_pods
    for pod in record.pods:
        around = pod.surroundings
        all_told = all_told and pod.complete and around is not None and around.boot_id != ""
        if around is not None and around.boot_id:
            groups.setdefault(around.boot_id, []).append((pod, around))
    # A pod that does not tell all may have worked on any of the others' kernels.
    found = (_kernel(record, group, all_told) for _, group in sorted(groups.items()))
    return tuple(one for one in found if one is not None)


def _kernel(record: RunRecord, group: Sequence[tuple[PodRecord, Surroundings]], all_told: bool) -> Kernel | None:
    _, watched = max(group, key=lambda one: one[1].window_s or 0.0)
    if not watched.window_s or not watched.node_cpus:
        return None
    most = {pod.pod: throttling.limit_of(pod, record) or watched.node_cpus for pod, _ in group}
    own = [_used_s(pod, around, watched.window_s, most[pod.pod]) for pod, around in group]
    known = [one for one in own if one is not None]
    return Kernel(
        nodes=tuple(sorted({pod.environment.get("node", "") for pod, _ in group} - {""})),
        cpus=watched.node_cpus,
        window_s=watched.window_s,
        busy_s=watched.node_cpu_seconds,
        own_s=sum(known) if all_told and len(known) == len(own) else None,
        lost_s=watched.node_steal_seconds,
    )


def _used_s(pod: PodRecord, around: Surroundings, window_s: float, most: float) -> float | None:
    """The pod's CPU time within the kernel's window, or more: never less, or its own work would be called foreign."""
    program_s = _program_s(pod, around, window_s, most)
    return None if program_s is None else program_s + (around.agent_cpu_seconds or 0.0)


def _program_s(pod: PodRecord, around: Surroundings, window_s: float, most: float) -> float | None:
    """The same without the pod's agent.

    Where its own window is shorter, it may have used `most` CPUs outside of it, but not more than in all its life.
    """
    whole = pod.usage.cpu_seconds
    within = pod.measured_usage.cpu_seconds if pod.measured_usage is not None else None
    if within is None or around.window_s is None:
        return whole
    reached = within + most * max(0.0, window_s - around.window_s)
    return reached if whole is None else min(whole, reached)

"""The parts of a run's last attempt: how long it waited in a queue, started, and was measured. Each is shown apart.

What a cluster needs to find or make a node for a pod is start-up time; a queue is what holds a whole gang back before
it has pods, such as Kueue's. Neither is ever in the measured part.
"""

from __future__ import annotations

from dataclasses import dataclass

from shapebench.api.record import Times


@dataclass(frozen=True)
class Phases:
    """Seconds; None where a moment is not known. `queue_s` is 0 where nothing held the run back."""

    queue_s: float | None
    startup_s: float | None


def of_times(times: Times) -> Phases:
    """The parts by a run's moments. Clocks of nodes and of the operator may differ by a moment: never below 0."""
    created_s = times.attempt_created_s if times.attempt_created_s is not None else times.created_s
    free_s = times.admitted_s if times.admitted_s is not None else created_s
    return Phases(_between(created_s, free_s), _between(free_s, times.started_s))


def _between(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else max(0.0, end_s - start_s)

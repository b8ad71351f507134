"""Which of this machine's cores a local worker may use: what stands in for a pod's CPU limit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shapebench.api import quantity


def available() -> tuple[int, ...]:
    """The cores that this process may use, in order."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def assign(cores: Sequence[int], index: int, cpu: float) -> tuple[int, ...]:
    """The cores of the worker with this number: neighbours in turn, beginning again when they run out."""
    width = min(quantity.task_slots(cpu), len(cores))
    return tuple(sorted(cores[(index * width + offset) % len(cores)] for offset in range(width)))


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Within, what this thread starts runs on these cores only (a child inherits its parent's affinity)."""
    if not hasattr(os, "sched_setaffinity"):  # macOS has no affinity; remarks say so
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

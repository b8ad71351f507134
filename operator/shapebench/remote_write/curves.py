"""Curves between samples: what a counter had counted, and what was in use, at any moment of a pod's life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Window:
    """The measured part by one pod's clock (Unix seconds)."""

    start_s: float
    finish_s: float

    @property
    def length_s(self) -> float:
        """Seconds from the beginning to the end."""
        return self.finish_s - self.start_s


def level(times_s: Sequence[float], column: Sequence[float | None], window: Window, moments: Numbers) -> Numbers | None:
    """The values at these moments (seconds since the window's beginning); None if no sample has one.

    Samples are joined by straight lines; before the first and after the last it is level.
    """
    import numpy as np

    known = [(time_s, value) for time_s, value in zip(times_s, column, strict=False) if value is not None]
    if not known:
        return None
    times, values = np.array(known).T
    read: Numbers = np.interp(window.start_s + np.minimum(moments, window.length_s), times, values)
    return read


def growth(drawn: Numbers, moments: Numbers, window: Window, total: float | None) -> Numbers:
    """What a counter grew by since the window's beginning, from its level at the moments (the first: 0).

    `total` is the exact growth over the whole window, where the agent read the counter at both ends: the samples
    only tell when in between it grew.
    """
    import numpy as np

    grown: Numbers = np.maximum.accumulate(drawn - drawn[0])
    if total is None:
        return grown
    if grown[-1] <= 0:  # it grew between two samples: nobody knows when
        grown = np.minimum(moments, window.length_s or moments[1])
    last = float(grown[-1])
    return grown * (total / last if last > 0 else 0.0)

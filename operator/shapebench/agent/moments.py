"""When the program made a mark, by the agent's own clock, which no step of the wall clock touches.

A line says how long ago it was: exactly, where it has the reading of CLOCK_MONOTONIC, which is one clock for all
processes of a node. By the wall clock only while that has not been set since the agent's start; else the mark was made
when it was heard, or little before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from shapebench.api import wire

if TYPE_CHECKING:
    from typing import TypeGuard

_SOON_S = 1.0
"""What a busy machine makes of the moment between a mark and its hearing; so much the wall clock is always believed."""
_UNSET_S = 0.1
"""By how much the wall clock may differ from the agent's, which began with it, and count as not set since."""
_AGREES_S = 0.1
_MOST = 1e300
"""The sum of such ones may be infinite."""
_AGREES_SHARE = 0.01


class Instant(NamedTuple):
    """One moment by three clocks: the agent's own, CLOCK_MONOTONIC, and the wall's."""

    own_s: float
    steady_s: float
    wall_s: float


def now(own: Callable[[], float], wall: Callable[[], float] = time.time) -> Instant:
    """This moment."""
    return Instant(own(), time.monotonic(), wall())


def made_at(mark: dict[str, Any], heard: Instant, earliest_s: float) -> float:
    """When the mark was made, by the agent's clock; it cannot have been before `earliest_s`."""
    longest_s = heard.own_s - earliest_s
    steady_s, wall_s = mark.get("monotonic_s"), mark.get("time_s")
    if is_number(steady_s) and 0.0 <= heard.steady_s - steady_s <= longest_s:
        return heard.own_s - (heard.steady_s - steady_s)
    if is_number(wall_s):
        was_set = abs(heard.wall_s - heard.own_s) > _UNSET_S
        if 0.0 < heard.wall_s - wall_s <= (min(_SOON_S, longest_s) if was_set else longest_s):
            return heard.own_s - (heard.wall_s - wall_s)
    return heard.own_s


class WallClock:
    """Says where the program's wall clock tells another length of the measured part than the agent's clock."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._started: tuple[float, float] | None = None

    def compare(self, mark: dict[str, Any], at_s: float) -> None:
        """Take a mark that counts, with when it was made."""
        wall_s = mark.get("time_s")
        told = (wall_s, at_s) if is_number(wall_s) else None
        if mark["event"] == wire.EVENT_MEASURED_STARTED:
            self._started = told
        elif told is not None and self._started is not None:
            by_wall_s, length_s = told[0] - self._started[0], told[1] - self._started[1]
            if abs(by_wall_s - length_s) > max(_AGREES_S, _AGREES_SHARE * length_s):
                self._log(f"by the program's wall clock the measured part took {by_wall_s:.2f} s, by the steady clock "
                          f"{length_s:.2f} s, which counts: the wall clock was set meanwhile, or is not what it tells")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is finite, far from infinite, and no truth value: JSON has no word for the others."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST

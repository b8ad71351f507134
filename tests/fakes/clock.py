"""Time in tests: a clock that stands still until it is moved on, and patience with what other threads do."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds since whenever."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, twenty seconds at most."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.005)

"""Pauses between attempts, for all that tries again: growing and jittered. Where they end, the caller decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import random


@dataclass(frozen=True)
class Retry:
    """Pauses of about 0.1, 0.2, 0.4 … s, at most `longest_s` each and `total_s` together (seconds).

    As they are they suit a call to the API. Iterate anew for each row of failures.
    """

    first_s: float = 0.1
    longest_s: float = 4.0
    total_s: float = 15.0
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random

    def __iter__(self) -> Iterator[float]:
        """The pauses, each drawn from half to all of its length."""
        pause, spent = self.first_s, 0.0
        while spent < self.total_s:
            drawn = pause * (0.5 + self.chance() / 2)
            yield drawn
            spent += drawn
            pause = min(pause * 2, self.longest_s)


NEVER = Retry(total_s=0.0)

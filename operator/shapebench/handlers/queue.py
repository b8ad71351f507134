"""The work queue: names of Benchmarks to look at, each at a time, each in one worker's hands only.

A name that is added again while it waits is looked at once, at the earlier of the two times; one that is added while
it is worked on is looked at once more afterwards. Nothing here knows what the names are or reads a clock of its own.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import random
from typing import Generic, TypeVar

from shapebench.kube.retry import Retry

Key = TypeVar("Key")


@dataclass(frozen=True)
class Pace:
    """Delays, in seconds."""

    cooldown_s: float = 0.1
    """Least time from the end of one look at a name to the next: a storm of events becomes ten looks a second."""
    first_retry_s: float = 0.5
    longest_retry_s: float = 30.0

    def pauses(self, chance: Callable[[], float] = random) -> Iterator[float]:
        """The pauses after failures in a row, without end."""
        return iter(Retry(self.first_retry_s, self.longest_retry_s, math.inf, chance=chance))


@dataclass(frozen=True)
class Working(Generic[Key]):
    """What a worker holds, and since when (on the queue's clock)."""

    key: Key
    since_s: float


class WorkQueue(Generic[Key]):
    """A delaying, de-duplicating queue for threads. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], pace: Pace | None = None,
                 chance: Callable[[], float] = random) -> None:
        self._clock = clock
        self._pace = pace or Pace()
        self._chance = chance
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = 0
        self._working: dict[Key, float] = {}
        self._again: dict[Key, float] = {}
        self._failures: dict[Key, Iterator[float]] = {}
        self._rested: dict[Key, float] = {}
        self._closed = False

    def add(self, key: Key, after_s: float = 0.0) -> None:
        """Ask for a look at `key`, in `after_s` seconds or earlier if that was asked for already.

        A name whose last look failed keeps its time of retry: its own half-done work makes events too.
        """
        with self._changed:
            due = self._clock() + after_s
            if key in self._working:
                self._again[key] = min(due, self._again.get(key, due))
            elif key not in self._failures:
                self._schedule(key, max(due, self._rested.get(key, due)))

    def take(self, timeout_s: float | None = None) -> Key | None:
        """The next name that is due, now held by the caller; None after the timeout, or when closed."""
        deadline = None if timeout_s is None else self._clock() + timeout_s
        with self._changed:
            while not self._closed:
                now = self._clock()
                due = self._next_due()
                if due is not None and due <= now:
                    _, _, key = heapq.heappop(self._heap)
                    del self._due[key]
                    self._working[key] = now
                    return key
                moments = [moment for moment in (due, deadline) if moment is not None]
                if deadline is not None and now >= deadline:
                    return None
                self._changed.wait(min(moments) - now if moments else None)
            return None

    def done(self, key: Key, again_s: float | None = None) -> None:
        """Hand `key` back; it is due again in `again_s` seconds, or earlier if it was added meanwhile."""
        with self._changed:
            self._failures.pop(key, None)
            self._release(key, None if again_s is None else self._clock() + again_s)

    def failed(self, key: Key) -> float:
        """Hand `key` back for a retry; returns in how many seconds that is due."""
        with self._changed:
            pause = next(self._failures.setdefault(key, self._pace.pauses(self._chance)))
            self._again.pop(key, None)  # whatever changed meanwhile, the retry will see it
            self._release(key, self._clock() + pause)
            return pause

    def close(self) -> None:
        """Nothing is handed out any more; every waiting worker returns."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def working(self) -> tuple[Working[Key], ...]:
        """What is worked on at the moment."""
        with self._changed:
            return tuple(Working(key, since) for key, since in self._working.items())

    def now(self) -> float:
        """The queue's clock."""
        return self._clock()

    def __len__(self) -> int:
        with self._changed:
            return len(self._due)

    def _release(self, key: Key, due: float | None) -> None:
        del self._working[key]
        now = self._clock()
        self._rested = {one: moment for one, moment in self._rested.items() if moment > now}
        self._rested[key] = now + self._pace.cooldown_s
        asked = self._again.pop(key, None)
        moments = [moment for moment in (due, asked) if moment is not None]
        if moments:
            self._schedule(key, max(min(moments), self._rested[key]))

    def _schedule(self, key: Key, due: float) -> None:
        known = self._due.get(key)
        if known is not None and known <= due:
            return
        self._due[key] = due
        self._order += 1
        heapq.heappush(self._heap, (due, self._order, key))
        self._changed.notify()

    def _next_due(self) -> float | None:
        """When the earliest name is due; entries that an earlier time replaced are dropped here."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

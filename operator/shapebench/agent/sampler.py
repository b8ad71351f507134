"""Reads the counters at the right moments: when the program starts, at every interval, at the measured part's ends,
and when the program has ended.

Counters are cumulative, so the totals are exact however short a life was; sampling only draws the curve. What was used
before the program's start was the agent's own start-up, and is left out.

Memory alone is no counter. The kernel's peak tells of the measured part only once it has risen in it; until then the
memory in use is glanced at more often, which is one small file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from shapebench.agent.counters import Counters, Usage, Window
from shapebench.agent.series import Sample, Series

if TYPE_CHECKING:
    from shapebench.agent.counters import CounterSource

SERIES_LIMIT = 600
GLANCE_EVERY_S = 0.2
"""A glance costs some 0.3 ms of CPU with the waking up, so all of them 0.15 % of a core."""


class Sampler:
    """One pod's readings. `latest` may be read from another thread; everything else belongs to one."""

    def __init__(self, source: CounterSource, clock: Callable[[], float], interval_s: float,
                 complain: Callable[[str], None], limit: int = SERIES_LIMIT) -> None:
        self._source = source
        self._complain = complain
        self._reading = Counters()
        self._clock = clock
        self._interval_s = interval_s
        self._limit = limit
        self._measured: Window | None = None
        self._measured_is_open = False
        self._glance_due_s = math.inf
        self.started_s = clock()
        self._start_over()

    def begin(self) -> None:
        """The program starts now: usage counts from here."""
        self._start_over()

    def due_in_s(self) -> float:
        """Seconds until the next sample."""
        return max(0.0, min(self._due_s, self._glance_due_s) - self._clock())

    def sample_if_due(self) -> None:
        """Take the next sample if its time has come. Samples that were missed are not made up for."""
        now = self._clock()
        if now >= self._due_s:
            self.latest = self._observe()
            self.series.add(self.latest)
            self._due_s += self._interval_s * max(1, int((now - self._due_s) / self._interval_s) + 1)
        if now >= self._glance_due_s:
            self._glance(now)

    def refresh(self) -> None:
        """Read the counters for the totals alone."""
        self.latest = self._observe()

    def open_measured(self, *, from_the_beginning: bool = False) -> None:
        """The measured part starts now (or did with the program); what was measured before does not count."""
        reading = self._read()
        self._measured = Window(self._total.first if from_the_beginning else reading)
        self._measured.observe(reading)
        self._measured_is_open = True
        self._glance(self._clock())

    def close_measured(self) -> None:
        """The measured part ends now."""
        if self._measured is not None and self._measured_is_open:
            self._observe()
            self._measured_is_open = False

    def forget_measured(self) -> None:
        """Its ends are not known well enough."""
        self._measured, self._measured_is_open = None, False

    def finish(self) -> None:
        """The last reading, when all processes are gone."""
        self.latest = self._observe()
        self.series.close(self.latest)
        self._measured_is_open = False

    def usage(self) -> Usage:
        """What was used from the program's start to the last reading."""
        return self._total.usage()

    def measured_usage(self) -> Usage | None:
        """What the measured part used; None if it never started or goes on."""
        return None if self._measured is None or self._measured_is_open else self._measured.usage()

    @property
    def measured_peak_is_sampled(self) -> bool | None:
        """Whether the measured part's memory peak is only the largest sample; None where no such peak is known."""
        return None if self._measured is None or self._measured_is_open else self._measured.peak_is_sampled

    @property
    def peak_is_sampled(self) -> bool | None:
        """The same of the program's life."""
        return self._total.peak_is_sampled

    @property
    def window(self) -> Window:
        """The measured part where there is one, else the program's life."""
        return self._measured or self._total

    @property
    def oom_kills(self) -> int:
        """Processes of this pod that the kernel killed for memory."""
        return self._total.oom_kills

    def _start_over(self) -> None:
        self._total = Window(self._counters())
        self.series = Series(self._limit)
        self._due_s = self._clock() + self._interval_s
        self.latest = self._sample(self._reading)
        self.series.add(self.latest)

    def _observe(self) -> Sample:
        return self._sample(self._read())

    def _sample(self, reading: Counters) -> Sample:
        return Sample(self._clock(), self._total.usage(), reading.memory.working_set_bytes, *self._total.periods)

    def _read(self) -> Counters:
        reading = self._counters()
        self._total.observe(reading)
        if self._measured is not None and self._measured_is_open:
            self._measured.observe(reading)
        return reading

    def _glance(self, now_s: float) -> None:
        """Look at the memory between two samples, for as long as the kernel's peak does not tell."""
        self._glance_due_s = math.inf
        if self._interval_s <= GLANCE_EVERY_S or self._measured is None or not self._measured_is_open:
            return
        memory_bytes = self._source.memory_bytes() if self._measured.peak_is_sampled is not False else None
        if memory_bytes is not None:
            self._measured.glance(memory_bytes)
            self._total.glance(memory_bytes)
            self._glance_due_s = now_s + GLANCE_EVERY_S

    def _counters(self) -> Counters:
        """The source's reading, or the one before: the agent must not take the program down with it."""
        try:
            self._reading = self._source.read()
        except (OSError, ValueError, IndexError) as error:
            self._complain(f"the counters could not be read: {error!r}")
        return self._reading

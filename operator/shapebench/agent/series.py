"""A bounded series of samples: when it is full, every second sample goes and the distance between them doubles."""

from __future__ import annotations

from typing import NamedTuple

from shapebench.agent.counters import Usage

_COUNTERS = tuple(name for name in Usage._fields if name != "memory_peak_bytes")
MEMORY = "memory_bytes"
"""The column of the working set at each moment; all others are cumulative."""


class Sample(NamedTuple):
    """What had been used up to a moment (Unix seconds); of the CPU limit's periods, how many were cut short."""

    time_s: float
    usage: Usage
    memory_bytes: int | None
    periods: int | None = None
    throttled_periods: int | None = None


class Series:
    """At most `limit` samples, evenly thinned; the last is always kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._samples: list[Sample] = []
        self._stride = 1
        self._offered = 0

    def add(self, sample: Sample) -> None:
        """Take a sample, or pass it over if it lies between two of the kept distance."""
        if self._offered % self._stride == 0:
            self._samples.append(sample)
        self._offered += 1
        self._thin()

    def close(self, sample: Sample) -> None:
        """Take the last sample, whatever the distance."""
        self._samples.append(sample)
        self._thin(keep_last=True)

    def _thin(self, *, keep_last: bool = False) -> None:
        if len(self._samples) <= self._limit:
            return
        last = self._samples[-1]
        self._samples = self._samples[::2]
        self._stride *= 2
        if keep_last and self._samples[-1] is not last:
            self._samples[-1] = last

    def columns(self) -> tuple[list[float], dict[str, list[float | None]]]:
        """The times, and a column for each name that any sample knows."""
        columns: dict[str, list[float | None]] = {
            name: [getattr(s.usage, name) for s in self._samples] for name in _COUNTERS}
        columns[MEMORY] = [s.memory_bytes for s in self._samples]
        known = {name: column for name, column in columns.items() if any(v is not None for v in column)}
        return [round(s.time_s, 3) for s in self._samples], known

"""Fewer samples of a series, evenly spread. Counters are cumulative, so what they add up to stays exact."""

from __future__ import annotations

from shapebench.api.record import RunRecord
from shapebench.api.usage import Series

FEWEST = 2
"""The first and the last sample: less says nothing."""


def thinned(series: Series, limit: int) -> Series:
    """The series with at most `limit` samples (FEWEST at least), among them the first and the last."""
    count, kept = len(series.time_s), max(FEWEST, limit)
    if count <= kept:
        return series
    indices = [round(number * (count - 1) / (kept - 1)) for number in range(kept)]
    return Series(
        time_s=tuple(series.time_s[index] for index in indices),
        columns={name: tuple(column[index] for index in indices) for name, column in series.columns.items()},
        thinned_from=series.thinned_from or count)


def longest(record: RunRecord) -> tuple[int, int]:
    """The most samples that a pod's series has, and the most that one had before thinning."""
    series = [pod.series for pod in record.pods]
    kept = max((len(one.time_s) for one in series), default=0)
    return kept, max((one.thinned_from or len(one.time_s) for one in series), default=0)

"""Does a consumer keep up with its stream? Lag over time, its trend, and percentiles: numbers alone.

The lag is how far behind the newest finished work is: the age, when a batch is committed, of the newest row in it. What
keeps up has a lag that goes up and down but has no trend; what does not, loses a share of every second, however it
started. So the slope decides (seconds of lag gained per second), by least squares over the batches, and the last lag
must be bounded too: a stream that is minutes behind and no longer falls back did not keep up either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

LARGEST_SLOPE = 0.05
"""Seconds of lag gained per second: what gains more works off less than 95 % of what arrives."""
MOST_ROWS = 40
"""A run's status keeps 50 rows of measurements: of more batches, every second, third, ... has one."""
_FEWEST_POINTS = 3
_SHARES_OF_A_SPAN = 64
"""A span of ages stands for so many equal parts of its rows in the percentiles."""


@dataclass(frozen=True)
class Lag:
    """How far behind the stream the work is, at one moment."""

    time_s: float
    lag_s: float


@dataclass(frozen=True)
class Trend:
    """What the lags of a measured time come to."""

    slope: float
    """Seconds of lag gained per second."""
    last_s: float


@dataclass(frozen=True)
class Span:
    """Rows whose latencies lie evenly between two values, in seconds."""

    rows: int
    shortest_s: float
    longest_s: float


def trend(commits: Sequence[Lag], start: Lag, end: Lag) -> Trend:
    """The trend over the lags at commits, taken by line of best fit.

    `start` and `end` are the lags when the clock started and stopped. They decide where there are too few commits for
    a line: batches that take a third of the measured time, or never end.
    """
    if len(commits) < _FEWEST_POINTS:
        return Trend((end.lag_s - start.lag_s) / (end.time_s - start.time_s), end.lag_s)
    times = np.array([point.time_s for point in commits])
    lags = np.array([point.lag_s for point in commits])
    centred = times - times.mean()
    return Trend(float((centred * lags).sum() / (centred**2).sum()), commits[-1].lag_s)


def keeps_up(found: Trend, longest_lag_s: float) -> bool:
    """Whether the lag has no upward trend to speak of, and was bounded at the end."""
    return found.slope <= LARGEST_SLOPE and found.last_s <= longest_lag_s


def some(items: Sequence[T], most: int = MOST_ROWS) -> Sequence[T]:
    """Evenly spaced ones, not more than `most`."""
    return items[:: max(1, -(-len(items) // most))]


def percentile(values: Sequence[float], percent: float) -> float:
    """Of single values, with linear interpolation; ValueError where there are none."""
    if not values:
        raise ValueError("no values, no percentile")
    return float(np.percentile(values, percent))


def percentile_of_spans(spans: Sequence[Span], percent: float) -> float:
    """Of all rows of the spans, each counted once; ValueError where there are none."""
    if not any(span.rows for span in spans):
        raise ValueError("no rows, no percentile")
    shares = (np.arange(_SHARES_OF_A_SPAN) + 0.5) / _SHARES_OF_A_SPAN
    values = np.concatenate([span.shortest_s + shares * (span.longest_s - span.shortest_s) for span in spans])
    weights = np.repeat([span.rows for span in spans], _SHARES_OF_A_SPAN)
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] * percent / 100)])

"""Time series as remote write knows them: labels in order, samples in milliseconds, and a marker where they end."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

Labels = tuple[tuple[str, str], ...]
"""Sorted by name, as the protocol wants them; no empty values, which Prometheus takes for absent ones."""
Point = tuple[int, float]
"""Unix milliseconds, value."""

STALE: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The one NaN by which Prometheus knows that a series has ended; a query does not look back past it."""


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """One series, or a part of one."""

    labels: Labels
    points: tuple[Point, ...]


def labels_of(name: str, labels: Mapping[str, str]) -> Labels:
    """The labels of a series of this name."""
    return tuple(sorted({"__name__": name, **{key: value for key, value in labels.items() if value}}.items()))


def ended(labels: Labels, samples: Iterable[tuple[float, float | None]]) -> Iterator[TimeSeries]:
    """The series of these samples (Unix seconds, value) and its end, where the next sample would have been.

    None if no sample has a value. Of two samples in one millisecond the later stays; one that goes back is left out.
    """
    points: list[Point] = []
    for time_s, value in samples:
        moment = round(time_s * 1000)
        if value is None or (points and moment < points[-1][0]):
            continue
        if points and moment == points[-1][0]:
            points.pop()
        points.append((moment, value))
    if points:
        gaps = [after - before for (before, _), (after, _) in pairwise(points)]
        end = points[-1][0] + (max(1, round(median(gaps))) if gaps else 1000)
        yield TimeSeries(labels, (*points, (end, STALE)))

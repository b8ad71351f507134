"""Honest questions to a fitted line: is it a line at all, and does it hang on one point?"""

from __future__ import annotations

import math
from collections.abc import Sequence

LACK_OF_FIT_P = 0.01
"""Below it the means at the values of x are said to leave the line; chance does that once in a hundred lines."""
COOKS_LIMIT = 1.0
"""A point with a greater Cook's distance moves the line by more than its own uncertainty."""
SMALLEST_N_FOR_INFLUENCE = 5
TWO_VALUES = "two values show no line: p says only whether they differ"
"""With two, the test of the slope is Student's t test of two groups: no point could leave the line."""
ALL_DOUBTFUL = "every run of it was flagged as doubtful"


def warnings(xs: Sequence[float], ys: Sequence[float], slope: float, intercept: float) -> tuple[str, ...]:
    """What is wrong with the line, in words; empty where no check finds anything or they have too few points."""
    found = []
    if len(set(xs)) == 2:
        found.append(TWO_VALUES)
    p = lack_of_fit(xs, ys, slope, intercept)
    if p is not None and p < LACK_OF_FIT_P:
        found.append(f"not a straight line (lack of fit, p = {p:.2g})")
    x = driven_by(xs, ys, slope, intercept)
    if x is not None:
        found.append(f"driven by one run, at {x:g}")
    return tuple(found)


def lack_of_fit(xs: Sequence[float], ys: Sequence[float], slope: float, intercept: float) -> float | None:
    """p of the F test of lack of fit; None without three values of x and repetitions at them.

    It sets how far the means at each x are from the line against how far the points are from these means.
    """
    by_x: dict[float, list[float]] = {}
    for x, y in zip(xs, ys, strict=True):
        by_x.setdefault(x, []).append(y)
    levels, n = len(by_x), len(xs)
    if levels < 3 or n == levels:
        return None
    means = {x: math.fsum(values) / len(values) for x, values in by_x.items()}
    pure = math.fsum((y - means[x]) ** 2 for x, y in zip(xs, ys, strict=True))
    lack = math.fsum(len(values) * (means[x] - intercept - slope * x) ** 2 for x, values in by_x.items())
    if pure <= _rounding(ys):
        return None if lack <= _rounding(ys) else 0.0
    from scipy import stats

    return float(stats.f.sf((lack / (levels - 2)) / (pure / (n - levels)), levels - 2, n - levels))


def driven_by(xs: Sequence[float], ys: Sequence[float], slope: float, intercept: float) -> float | None:
    """The x of the point with the greatest Cook's distance, where that is over 1; None below five points."""
    n = len(xs)
    if n < SMALLEST_N_FOR_INFLUENCE:
        return None
    mean = math.fsum(xs) / n
    spread = math.fsum((x - mean) ** 2 for x in xs)
    residuals = [y - intercept - slope * x for x, y in zip(xs, ys, strict=True)]
    variance = math.fsum(one * one for one in residuals) / (n - 2)
    worst, where = COOKS_LIMIT, None
    for x, residual in zip(xs, residuals, strict=True):
        leverage = 1 / n + (x - mean) ** 2 / spread
        if leverage > 1 - 1e-9:
            return x  # all others have one x: this point alone makes the line
        distance = residual**2 * leverage / (2 * variance * (1 - leverage) ** 2) if variance > _rounding(ys) else 0.0
        if distance > worst:
            worst, where = distance, x
    return where


def _rounding(ys: Sequence[float]) -> float:
    """A sum of squares that is nothing but rounding."""
    return 1e-20 * max(1e-300, math.fsum(y * y for y in ys))

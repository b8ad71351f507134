"""How a measured number depends on each parameter: a straight line through the runs, for each group of its own.

The line is `scipy.stats.linregress`, one factor at a time, as the original study did it: other numeric parameters that
vary are in its scatter. What a line cannot say is refused or warned of, never drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapebench.analysis import fit_checks, points
from shapebench.analysis.points import Group, Point
from shapebench.api.record import RunRecord

CONFIDENCE = 0.95
SMALLEST_N = 3
_ALIKE = 0.99


@dataclass(frozen=True)
class Fit:
    """y = intercept + slope · x, over n points.

    `p` is of the hypothesis that the slope is 0, `low` and `high` are the 95 % interval of the slope
    (slope ± t(0.975, n - 2) · stderr), `p_holm` is p adjusted for all fits of the same report (Holm 1979).
    """

    n: int
    slope: float
    intercept: float
    r: float
    p: float
    stderr: float
    low: float
    high: float
    p_holm: float | None = None


@dataclass(frozen=True)
class Line:
    """One metric against one factor in one group. `fit` is None where `refused` says why."""

    metric: str
    factor: str
    group: Group
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    fit: Fit | None
    refused: str = ""
    warnings: tuple[str, ...] = ()


def lines(records: Sequence[RunRecord], objective_metric: str) -> tuple[Line, ...]:
    """All lines of a report: by metric, factor, group. Empty where no number was varied, or no run is valid."""
    found = []
    for metric in points.metrics(objective_metric, records):
        them = points.of_records(records, metric)
        for factor in points.varied(them):
            for group in sorted({point.group for point in them}):
                found.append(_line(metric, factor, group, them))
    return _adjusted([line for line in found if line.xs])


def fit(xs: Sequence[float], ys: Sequence[float]) -> Fit:
    """The line through the points. Raises ValueError, with the reason, where there is none."""
    reason = _no_line(xs, ys)
    if reason:
        raise ValueError(reason)
    from scipy import stats  # takes a second, and only a report needs it

    n = len(xs)
    found = stats.linregress(xs, ys)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 2)) * float(found.stderr)
    slope = float(found.slope)
    return Fit(n, slope, float(found.intercept), float(found.rvalue), float(found.pvalue), float(found.stderr),
               slope - half, slope + half)


def band(line: Line, x: float) -> tuple[float, float]:
    """The 95 % interval of the line's height at x. Raises ValueError where there is no line."""
    if line.fit is None:
        raise ValueError(line.refused)
    mean = math.fsum(line.xs) / line.fit.n
    spread = math.fsum((one - mean) ** 2 for one in line.xs)
    # The slope's half width is t · s / sqrt(spread), the height's t · s · sqrt(1/n + (x - mean)² / spread).
    half = (line.fit.high - line.fit.slope) * math.sqrt(spread / line.fit.n + (x - mean) ** 2)
    height = line.fit.intercept + line.fit.slope * x
    return height - half, height + half


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """The p values adjusted for their number: reject where it is below 0.05, and 95 % of such reports have no error."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = highest
    return tuple(adjusted)


def moving_together(records: Sequence[RunRecord], objective_metric: str) -> tuple[tuple[str, str], ...]:
    """Pairs of factors that vary so alike (|r| >= 0.99) that no line can tell which of them matters."""
    found: dict[tuple[str, str], None] = {}
    for metric in points.metrics(objective_metric, records):
        them = points.of_records(records, metric)
        names = points.varied(them)
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                if abs(_correlation(them, one, other)) >= _ALIKE:
                    found[one, other] = None
    return tuple(found)


def _line(metric: str, factor: str, group: Group, them: Sequence[Point]) -> Line:
    own = [point for point in them if point.group == group and factor in point.factors]
    xs, ys = tuple(point.factors[factor] for point in own), tuple(point.value for point in own)
    try:
        found = fit(xs, ys)
    except ValueError as error:
        return Line(metric, factor, group, xs, ys, None, str(error))
    doubtful = (fit_checks.ALL_DOUBTFUL,) if all(point.flagged for point in own) else ()
    return Line(metric, factor, group, xs, ys, found,
                warnings=(*fit_checks.warnings(xs, ys, found.slope, found.intercept), *doubtful))


def _no_line(xs: Sequence[float], ys: Sequence[float]) -> str:
    if len(xs) < SMALLEST_N:
        return f"{len(xs)} points are too few for a line, which needs {SMALLEST_N}"
    if len(set(xs)) == 1:
        return f"all {len(xs)} points have the same value of the parameter"
    if len(set(ys)) == 1:
        return f"all {len(ys)} points measured the same, so there is no correlation to speak of"
    return ""


def _adjusted(found: Sequence[Line]) -> tuple[Line, ...]:
    fits = [line.fit for line in found if line.fit]
    by_fit = iter(holm([one.p for one in fits]))
    return tuple(replace(line, fit=replace(line.fit, p_holm=next(by_fit))) if line.fit else line for line in found)


def _correlation(them: Sequence[Point], one: str, other: str) -> float:
    pairs = [(point.factors[one], point.factors[other]) for point in them
             if one in point.factors and other in point.factors]
    xs, ys = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if len(set(xs)) < 2 or len(set(ys)) < 2 or len(pairs) < SMALLEST_N:
        return 0.0
    from scipy import stats

    return float(stats.pearsonr(xs, ys).statistic)

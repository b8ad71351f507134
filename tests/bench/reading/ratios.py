"""Ratios of a program's speed to a limit: measured in turns in one process, round by round, so that what else the
machine does meets both alike. A ratio is taken in each round; their median is told, with its range or interval."""

from __future__ import annotations

import cProfile
import io
import pstats
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shapebench.analysis import summary

SHORTEST_S = 0.15
"""A sample takes at least so long, so that clocks and interrupts do not matter."""


@dataclass
class Timed:
    """A piece of work, done over and over; `work` is what one call does (bytes, images).

    By CPU time (of all threads of this process, in the kernel too) where it runs on one core, by the wall clock where
    it runs on several.
    """

    name: str
    work: float
    call: Callable[[], object]
    wall: bool = False
    repeats: int = 1

    def rate(self) -> float:
        """Work per second, of one sample."""
        clock = time.perf_counter if self.wall else time.process_time
        while True:
            before = clock()
            for _ in range(self.repeats):
                self.call()
            took = clock() - before
            if took >= SHORTEST_S:
                return self.work * self.repeats / took
            self.repeats *= max(2, min(100, int(SHORTEST_S / took) + 1 if took else 100))


@dataclass(frozen=True)
class Result:
    """One ratio. `target` None: shown for what it explains."""

    name: str
    unit: str
    ours: float
    limit: float
    ratios: tuple[float, ...]
    target: float | None
    what_limits: str
    why: Callable[[], str] | None = None
    """Where the time goes: asked for when the target is missed."""

    @property
    def ratio(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.ratios)

    @property
    def reached(self) -> bool:
        """Whether the target, if there is one, is met by the median."""
        return self.target is None or self.ratio >= self.target

    def explained(self) -> str:
        """Why the target is missed; asked while what was measured is still there."""
        if self.reached:
            return ""
        where = self.why() if self.why else ""
        return f"{self.name}: {self.ratio:.2f} of {self.what_limits}, not {self.target}.\n{where}\n"

    def spread(self) -> str:
        """The 95 % interval of the median, or the range below six rounds."""
        interval = summary.median_interval(self.ratios)
        low, high = (interval.low, interval.high) if interval else (min(self.ratios), max(self.ratios))
        return f"{low:.2f} … {high:.2f}"


@dataclass(frozen=True)
class Limit:
    """What ours is held against: pieces of work, and how their rates make one (the least, one after the other, ...)."""

    pieces: tuple[Timed, ...]
    combined: Callable[..., float]
    words: str


def compare(name: str, unit: str, ours: Timed, limit: Limit, rounds: int, target: float | None = None,
            scale: float = 1.0, why: Callable[[], str] | None = None) -> Result:
    """ours / limit in `rounds` rounds, every other one in the opposite order, after one that does not count."""
    all_of_them: tuple[Timed, ...] = (ours, *limit.pieces)
    rates: list[dict[str, float]] = []
    for number in range(rounds + 1):
        order = all_of_them if number % 2 else tuple(reversed(all_of_them))
        rates.append({one.name: one.rate() for one in order})
    counted = rates[1:]
    limits = [limit.combined(*(one[piece.name] for piece in limit.pieces)) for one in counted]
    return Result(name, unit, statistics.median(one[ours.name] for one in counted) * scale,
                  statistics.median(limits) * scale,
                  tuple(one[ours.name] / most for one, most in zip(counted, limits, strict=True)), target, limit.words,
                  why)


def in_series(*rates: float) -> float:
    """The rate of doing one after the other with everything."""
    return 1 / sum(1 / rate for rate in rates)


def alone(rate: float) -> float:
    """The rate of one piece of work."""
    return rate


def profile(call: Callable[[], object], lines: int = 10) -> str:
    """Where a call's time goes, function by function."""
    profiler = cProfile.Profile()
    profiler.runcall(call)
    out = io.StringIO()
    pstats.Stats(profiler, stream=out).strip_dirs().sort_stats("tottime").print_stats(lines)
    return "\n".join(line for line in out.getvalue().splitlines() if line.strip())


def show(results: Sequence[Result]) -> list[Result]:
    """Print the results, and why where a target is missed; returns them."""
    print(table(results), end="\n\n")
    print("".join(one.explained() for one in results), flush=True)
    return list(results)


def table(results: Sequence[Result]) -> str:
    """The results for a terminal."""
    head = f"{'':<58}{'ours':>10}{'limit':>10}  {'unit':<11}{'ratio':>6}  {'95 % interval':<14}{'target':>6}"
    lines = [head]
    for one in results:
        target = f"{one.target:.2f}" if one.target else "–"
        missed = "" if one.reached else "  BELOW"
        lines.append(f"{one.name:<58}{one.ours:>10,.1f}{one.limit:>10,.1f}  {one.unit:<11}{one.ratio:>6.2f}  "
                     f"{one.spread():<14}{target:>6}{missed}")
    return "\n".join(lines)

"""The rows of a made stream, and what a windowed aggregation of them must come to.

Row number v is created v / rate seconds after the first one and carries v, so everything about it follows from its
number: its window, its key, and the outcome of the arithmetic that stands for work. The answer of a stream is right if
its windows cover the row numbers without gap or overlap, each window begins where its time begins, and each key's
totals in a window are those of a plain recomputation. It needs no copy of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from shapebench_jobs.harness.run import WrongAnswerError

MULTIPLIER, INCREMENT, MODULUS = 16_807, 12_345, 2**31 - 1
"""A round of work on x: (x * MULTIPLIER + INCREMENT) % MODULUS. It stays within 64 bits, and many rounds are again one
multiplication and one addition, which Spark does not know and the recomputation uses."""
_BLOCK_ROWS = 1_000_000
_CLOCK_GRAIN_MS = 1
"""Creation times are rounded to milliseconds, and nobody says how exact halves are rounded."""


@dataclass(frozen=True)
class Totals:
    """What is aggregated of one key in one window."""

    count: int
    sum: int
    worked: int
    """The sum of the work's outcomes."""
    first: int
    last: int
    """Smallest and largest row number."""


@dataclass(frozen=True)
class Rows:
    """A made stream."""

    per_second: int
    keys: int
    work: int
    """Rounds of arithmetic on each row."""
    window_s: int


Windows = Mapping[int, Mapping[int, Totals]]
"""Start of a window (Unix milliseconds) → key → its totals."""


def many_rounds(rounds: int) -> tuple[int, int]:
    """(factor, addend) that do so many rounds of work at once."""
    factor, addend = 1, 0
    for _ in range(rounds):
        factor, addend = factor * MULTIPLIER % MODULUS, (addend * MULTIPLIER + INCREMENT) % MODULUS
    return factor, addend


def recomputed(rows: Rows, first: int, last: int) -> dict[int, Totals]:
    """The totals of rows first..last by key, computed plainly."""
    factor, addend = many_rounds(rows.work)
    found: dict[int, Totals] = {}
    for block in _blocks(first, last):
        for key in range(min(rows.keys, last - first + 1)):
            mine = block[key :: rows.keys]
            if not mine.size:
                continue
            worked = (mine % MODULUS * factor + addend) % MODULUS
            one = Totals(mine.size, int(mine.sum()), int(worked.sum()), int(mine[0]), int(mine[-1]))
            name = int(mine[0] % rows.keys)
            found[name] = _added(found[name], one) if name in found else one
    return found


def _blocks(first: int, last: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    for start in range(first, last + 1, _BLOCK_ROWS):
        yield np.arange(start, min(start + _BLOCK_ROWS, last + 1), dtype=np.int64)


def _added(one: Totals, other: Totals) -> Totals:
    return Totals(one.count + other.count, one.sum + other.sum, one.worked + other.worked,
                  min(one.first, other.first), max(one.last, other.last))


def check(windows: Windows, rows: Rows, ingested: int, origin_ms: int) -> None:
    """Raise WrongAnswerError unless the windows are those of rows 0..ingested-1, the first created at `origin_ms`."""
    following = 0
    for start_ms, totals in sorted(windows.items()):
        first = min(one.first for one in totals.values())
        last = max(one.last for one in totals.values())
        if first != following:
            what = "are missing" if first > following else "were counted in two windows"
            raise WrongAnswerError(f"the window at {start_ms} ms begins with row {first}, expected row {following}: "
                                   f"rows {what}")
        _check_boundary(rows, start_ms, first, last, origin_ms)
        _check_totals(totals, recomputed(rows, first, last), start_ms)
        following = last + 1
    if following != ingested:
        raise WrongAnswerError(f"the windows hold {following} rows, but {ingested} were ingested")


def _check_boundary(rows: Rows, start_ms: int, first: int, last: int, origin_ms: int) -> None:
    for row in (first, last):
        created_ms = origin_ms + row * 1000 / rows.per_second
        if not start_ms - _CLOCK_GRAIN_MS <= created_ms < start_ms + rows.window_s * 1000 + _CLOCK_GRAIN_MS:
            raise WrongAnswerError(f"row {row}, created at {created_ms:.3f} ms, is in the window of {rows.window_s} s "
                                   f"at {start_ms} ms")


def _check_totals(found: Mapping[int, Totals], expected: Mapping[int, Totals], start_ms: int) -> None:
    for key in sorted({*found, *expected}):
        if found.get(key) != expected.get(key):
            raise WrongAnswerError(f"key {key} in the window at {start_ms} ms: {found.get(key)}, "
                                   f"expected {expected.get(key)}")

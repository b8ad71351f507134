"""Numbers as people read them, with their units."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

MISSING = "–"
"""Stands for a number that is not known, so that it cannot be taken for 0."""


def seconds(value: float | None) -> str:
    """`0.84 s`, `12.3 s`, `312 s`, `2 h 5 min`."""
    if value is None:
        return MISSING
    if abs(value) >= 3600:
        minutes = round(value / 60)
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{_digits(value)} s"


def size(value: float | None) -> str:
    """`812 B`, `1.2 kB`, `35.6 MB`: decimal units, as networks and disks are sold."""
    if value is None:
        return MISSING
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 999.5:
            return f"{value:.0f} B" if unit == "B" else f"{_digits(value)} {unit}"
        value /= 1000
    return f"{_digits(value)} TB"


def money(value: float | None) -> str:
    """`0.00120`: without a currency, because the prices come without one."""
    return number(value)


def tick(text: str) -> str:
    """An axis' number without zeros that say nothing: `2.00 s` is `2 s`."""
    return re.sub(r"(\.[0-9]*?)0+(?= |$)", r"\1", text).replace(". ", " ").removesuffix(".")


def number(value: float | None) -> str:
    """Three significant digits, with thousands parted: `0.0123`, `45.6`, `12,300`."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if abs(value) >= 1000 else _digits(value)


def count(number: int, what: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def of_metric(metric: str) -> Callable[[float | None], str]:
    """How values of this objective are written."""
    return {"duration": seconds, "cost": money}.get(metric, number)


def _digits(value: float) -> str:
    """About three significant digits, without an exponent."""
    value = float(f"{value:.3g}")  # 9.999 is 10.0, not 10.00
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"

"""The measured part's ends, and the program's, as agents tell them to each other: one JSON object a line.

A line says how long ago the end was, not when: the clocks of two nodes differ.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from shapebench.api import wire

KNOWN = (wire.EVENT_MEASURED_STARTED, wire.EVENT_MEASURED_FINISHED, wire.EVENT_PROGRAM_OVER)


class Mark(NamedTuple):
    """One end: its number among all that the leader told, which it is, and when, by the clock of who holds it."""

    number: int
    event: str
    at_s: float


def line(mark: Mark, now_s: float) -> bytes:
    """The mark as it is sent now."""
    told = {"mark": mark.number, "event": mark.event, "ago_s": round(max(0.0, now_s - mark.at_s), 6)}
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def parse(text: bytes, now_s: float) -> Mark | None:
    """The mark in a line that came now; None for any other line."""
    try:
        told: Any = json.loads(text)
        mark = Mark(int(told["mark"]), str(told["event"]), now_s - float(told["ago_s"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return mark if mark.event in KNOWN else None

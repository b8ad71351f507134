"""What people and `kubectl` read of a run: its name in words, its times, and its final status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shapebench.analysis import objective, validity
from shapebench.api import keys, phases, quantity
from shapebench.api.fields import Value, scalar_text
from shapebench.api.record import Phase, Reason, RunRecord, Verdict
from shapebench.api.run import MEASUREMENTS_LIMIT
from shapebench.plan.expand import PlannedRun

MESSAGE_CHARS = 4000
"""Of a message that is compared with the one in the status: that may hold no more."""
FLAGS_TOLD = 2
"""In an event, whose text Kubernetes bounds."""


def final_status(record: RunRecord, metric: str) -> dict[str, Any]:
    """The end of a run as its status tells it, which has bounds (`bounded`); the record has all."""
    parts = phases.of_times(record.times)
    return {
        "phase": record.phase,
        "reason": record.reason,
        "message": record.message,
        "gangExists": False,
        "times": _camel(record.times),
        "queueS": seconds(parts.queue_s),
        "startupS": seconds(parts.startup_s),
        "durationS": record.duration_s,
        "duration": duration_text(record.duration_s),
        "cost": money(record.cost),
        "costSpent": money(record.cost_spent),
        "objective": objective.of_record(record, metric),
        "verdict": record.verdict,
        "flags": [_camel(flag) for flag in record.flags],
        "usage": _camel(record.usage),
        "usageByRole": {role: _camel(usage) for role, usage in record.usage_by_role.items()},
        "measuredUsage": record.measured_usage and _camel(record.measured_usage),
        "measuredUsageByRole": {role: _camel(usage) for role, usage in record.measured_usage_by_role.items()},
        "images": record.images,
        "measurements": [_camel(row) for row in record.measurements[:MEASUREMENTS_LIMIT]],
        "environment": _facts(record),
        "record": keys.record_name(record.run),
    }


def refused_status(status: Mapping[str, Any], why: str) -> dict[str, Any]:
    """The end of a run whose status the API server does not take: as little as says so, and what it cost. Its record
    has what it has."""
    return {
        "phase": Phase.FAILED,
        "reason": status.get("reason") or Reason.PROGRAM_FAILED,
        "message": f"its status was refused, so the run counts as failed: {why}"[:MESSAGE_CHARS],
        "gangExists": False,
        "logAwaitedAt": None,
        "verdict": Verdict.FAILED,
        **{name: status[name] for name in ("record", "times", "costSpent") if name in status},
    }


def _facts(record: RunRecord) -> dict[str, str]:
    """What later runs are compared by comes first, whatever a program tells: a status has room for some facts only."""
    names = sorted(record.environment, key=lambda name: (name not in validity.TOLD, name))
    return {name: record.environment[name] for name in names}


def ending(record: RunRecord) -> str:
    """How a run ended, for its event: how long it took or why it failed, and what its flags did to it."""
    words = duration_text(record.duration_s) if record.reason is None else record.message
    if not record.flags or record.verdict in (Verdict.FAILED, Verdict.WARMUP):
        return words
    what = "flagged, and counted" if record.verdict is Verdict.VALID else "left out"
    told = "; ".join(f"{flag.kind}: {flag.message}" for flag in record.flags[:FLAGS_TOLD])
    return f"{words}; {what}: {told}"


def seconds(value: float | None) -> float | None:
    """For a status, which people read in columns, to the millisecond; the record has every digit."""
    return None if value is None else round(value, 3)


def money(value: float | None) -> float | None:
    """For a status: six digits after the point, or of what is less than 1, as a short run's cost is, six that count."""
    if value is None:
        return None
    return round(value, 6) if abs(value) >= 1 else float(f"{value:.6g}")


def describe(planned: PlannedRun) -> str:
    """A run for people: `read-speed-1-3 (4x1, format=tfrecord)`."""
    parameters = (f"{name}={scalar_text(value)}" for name, value in planned.cell.parameters.items())
    return f"{planned.name} ({', '.join((planned.cell.shape, *parameters))})"


def duration_text(duration_s: float | None) -> str:
    """Three digits for short runs, hours and minutes for long ones; empty when unknown."""
    if duration_s is None:
        return ""
    return f"{duration_s:.3g}s" if duration_s < 100 else quantity.duration_text(duration_s)


def _camel(value: Value) -> dict[str, Any]:
    return value.model_dump(by_alias=True, exclude_none=True)

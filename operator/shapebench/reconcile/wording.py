"""What people and `kubectl` read of a run: its name in words, its times, and its final status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic.alias_generators import to_camel

from shapebench.api import keys, quantity
from shapebench.api.record import RunRecord
from shapebench.api.run import MEASUREMENTS_LIMIT
from shapebench.plan.expand import PlannedRun

MESSAGE_CHARS = 4000


def final_status(record: RunRecord) -> dict[str, Any]:
    """The end of a run as its status tells it: a summary; the record has all."""
    return {
        "phase": record.phase,
        "reason": record.reason,
        "message": record.message[:MESSAGE_CHARS],
        "gangExists": False,
        "times": {"createdS": record.times.created_s, "scheduledS": record.times.scheduled_s,
                  "runningS": record.times.running_s, "startedS": record.times.started_s,
                  "finishedS": record.times.finished_s},
        "durationS": record.duration_s,
        "duration": duration_text(record.duration_s),
        "cost": record.cost,
        "verdict": record.verdict,
        "usage": _camel(record.usage.model_dump(exclude_none=True)),
        "usageByRole": {role: _camel(usage.model_dump(exclude_none=True))
                        for role, usage in record.usage_by_role.items()},
        "measurements": [row.model_dump() for row in record.measurements[:MEASUREMENTS_LIMIT]],
        "environment": {key: value[:1024] for key, value in sorted(record.environment.items())[:64]},
        "record": keys.record_name(record.run),
    }


def describe(planned: PlannedRun) -> str:
    """A run for people: `read-speed-1-3 (4x1, format=tfrecord)`."""
    cell = ", ".join([planned.cell.shape, *(f"{name}={value}" for name, value in planned.cell.parameters.items())])
    return f"{planned.name} ({cell})"


def duration_text(duration_s: float | None) -> str:
    """Three digits for short runs, hours and minutes for long ones; empty when unknown."""
    if duration_s is None:
        return ""
    return f"{duration_s:.3g}s" if duration_s < 100 else quantity.duration_text(duration_s)


def timestamp(seconds: float) -> str:
    """RFC 3339, in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _camel(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {to_camel(name): value for name, value in fields.items()}

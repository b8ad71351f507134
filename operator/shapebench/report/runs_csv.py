"""runs.csv: a row for each run, for spreadsheets and data frames. An unknown number is an empty field."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from shapebench.analysis import objective, summary
from shapebench.api import phases
from shapebench.api.record import RunRecord

FIRST = ("benchmark", "shape", "workers", "cpu", "block", "repetition", "phase", "reason", "verdict", "duration_s",
         "cost", "cpu_seconds", "network_receive_bytes", "network_transmit_bytes", "disk_read_bytes",
         "disk_written_bytes")
"""Programs read these by name: they stay. After them comes a column for each parameter, then LAST, then a column
measurement_NAME for each measurement (the median over the run's rows, as the objective takes it)."""
LAST = ("run", "position", "attempt", "backend", "memory_bytes", "memory_peak_bytes", "cpu_throttled_seconds",
        "started_s", "finished_s", "queue_s", "startup_s", "cost_spent", "message")

_Field = str | int | float | bool | None


def text(records: Sequence[RunRecord]) -> str:
    """The file's content. A parameter called as another column gets the prefix parameter_."""
    parameters = list(dict.fromkeys(name for record in records for name in record.cell.parameters))
    measured = list(dict.fromkeys(name for record in records for row in record.measurements for name in row.values))
    titles = [f"parameter_{name}" if name in (*FIRST, *LAST) else name for name in parameters]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*FIRST, *titles, *LAST, *(f"measurement_{name}" for name in measured)))
    for record in records:
        known = _fields(record)
        writer.writerow((
            *(known[name] for name in FIRST),
            *(_parameter(record, name) for name in parameters),
            *(known[name] for name in LAST),
            *(objective.of_record(record, f"{objective.MEASUREMENT_PREFIX}{name}") for name in measured),
        ))
    return out.getvalue()


def _parameter(record: RunRecord, name: str) -> str | None:
    value = record.cell.parameters.get(name)
    return None if value is None else summary.value_text(value)


def _fields(record: RunRecord) -> dict[str, _Field]:
    parts = phases.of_times(record.times)
    own: dict[str, _Field] = {
        name: getattr(record, name)
        for name in ("benchmark", "workers", "cpu", "block", "repetition", "duration_s", "cost", "run", "position",
                     "attempt", "backend", "memory_bytes", "cost_spent", "message")
    }
    return own | record.usage.model_dump() | {
        "shape": record.cell.shape,
        "phase": record.phase.value,
        "reason": record.reason.value if record.reason else None,
        "verdict": record.verdict.value,
        "started_s": record.times.started_s,
        "queue_s": parts.queue_s,
        "startup_s": parts.startup_s,
        "finished_s": record.times.finished_s,
    }

"""Shapes that asked for more cores than the one machine has that they ran on: said with the answer itself.

On a cluster such a shape would not have started; on the local backend its workers share what there is.
"""

from __future__ import annotations

from collections.abc import Iterable

from shapebench.api import quantity
from shapebench.api.record import RunRecord
from shapebench.report import units


def by_shape(records: Iterable[RunRecord]) -> dict[str, str]:
    """For each such shape what shares what, in words: `4 CPU on 2 cores`."""
    return {record.cell.shape: f"{quantity.cpu_text(record.workers * record.cpu)} CPU on {units.count(cores, 'core')}"
            for record in records
            if (cores := _cores(record)) is not None and record.workers * record.cpu > cores}


def warning(records: Iterable[RunRecord]) -> str:
    """A sentence that names these shapes, to stand before the answer; empty without any."""
    named = ", ".join(f"{shape} ({what})" for shape, what in by_shape(records).items())
    return (f"no answer for a cluster: the workers of {named} share this machine's cores, so do not choose by their "
            "numbers.") if named else ""


def _cores(record: RunRecord) -> int | None:
    """Of the machine of a local run; None where it is not told, and on a cluster, where pods are placed by size."""
    told = record.environment.get("cpus", "")
    return int(told) if record.backend == "local" and told.isdigit() else None

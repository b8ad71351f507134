"""Shapes that asked for more cores than the one machine has that they ran on: said with the answer itself.

On a cluster such a shape would not have started; on the local backend its workers share what there is.
"""

from __future__ import annotations

from collections.abc import Iterable

from shapebench.api import quantity
from shapebench.api.record import RunRecord


def warning(records: Iterable[RunRecord]) -> str:
    """A sentence that names these shapes; empty without any."""
    shapes = {record.cell.shape: (record.workers * record.cpu, cores) for record in records
              if (cores := _cores(record)) is not None and record.workers * record.cpu > cores}
    if not shapes:
        return ""
    named = ", ".join(f"{name} ({quantity.cpu_text(need)} CPU)" for name, (need, _) in shapes.items())
    cores = max(there for _, there in shapes.values())
    return (f"Beware: this machine has {cores} {'core' if cores == 1 else 'cores'}, and {named} ran on them: such "
            "numbers are not those of a cluster that has these CPUs, so do not choose by them.")


def _cores(record: RunRecord) -> int | None:
    """Of the machine of a local run; None where it is not told, and on a cluster, where pods are placed by size."""
    told = record.environment.get("cpus", "")
    return int(told) if record.backend == "local" and told.isdigit() else None

"""Which runs that have ended say something of a Benchmark: those of its cells, in its shapes' sizes. Pure.

`shapebench run` refuses to compare others; a plan must not rest on them either, and says how many it left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shapebench.analysis import summary
from shapebench.api import quantity
from shapebench.api.benchmark import BenchmarkSpec, Shape
from shapebench.api.record import RunRecord
from shapebench.plan import expand


@dataclass(frozen=True)
class Sifted:
    """The runs of a Benchmark's own cells, and in words why others are none of them (empty: there are no others)."""

    records: tuple[RunRecord, ...]
    left_out: int
    why: str


def sifted(spec: BenchmarkSpec, records: Iterable[RunRecord]) -> Sifted:
    """Only the runs whose cell is one of the spec's, with workers, CPU and memory as the spec has them."""
    shapes = {shape.name: shape for shape in spec.shapes}
    cells = {summary.key(cell) for cell in expand.cells(spec)}
    kept, reasons = [], Counter[str]()
    for record in records:
        reason = _difference(record, shapes.get(record.cell.shape), summary.key(record.cell) in cells)
        if reason:
            reasons[reason] += 1
        else:
            kept.append(record)
    return Sifted(tuple(kept), reasons.total(), ", ".join(f"{count} {reason}" for reason, count in reasons.items()))


def workload_changes(before: BenchmarkSpec, now: BenchmarkSpec) -> tuple[str, ...]:
    """The fields that make the work of the two another one; prices do not."""
    found = []
    if before.workload.kind != now.workload.kind:
        found.append("spec.workload")
    else:
        one, other = _work(before), _work(now)
        found += [f"spec.workload.{now.workload.kind}.{name}" for name in one if one[name] != other[name]]
    if before.volumes != now.volumes:
        found.append("spec.volumes")
    return tuple(found)


def _difference(record: RunRecord, shape: Shape | None, cell_is_known: bool) -> str:
    name = record.cell.shape
    if shape is None:
        return f"of shape {name}, which the file has not"
    had = (record.workers, record.cpu, record.memory_bytes)
    has = (shape.workers, quantity.cpu_cores(shape.cpu), quantity.memory_bytes(shape.memory))
    if had != has:
        return f"of shape {name} as {_size(*had)}, which is {_size(*has)} in the file"
    return "" if cell_is_known else "with parameters that the file has not"


def _size(workers: int, cpu: float, memory_bytes: int) -> str:
    return f"{workers} × {quantity.cpu_text(cpu)} CPU, {memory_bytes // 2**20}Mi"


def _work(spec: BenchmarkSpec) -> dict[str, Any]:
    body = spec.workload.program.model_dump(mode="json", by_alias=True)
    body.get("driver", {}).pop("pricePerHour", None)
    return body

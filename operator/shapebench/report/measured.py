"""What the jobs measured themselves: a table of medians by cell."""

from __future__ import annotations

import html
from collections.abc import Sequence

from shapebench.analysis import objective, summary
from shapebench.api.record import RunRecord, Verdict
from shapebench.report import table, units
from shapebench.report.table import Row

CHECKSUM = "_crc32"
"""What a job proves with, and nothing that has a median."""


def medians(records: Sequence[RunRecord], row: Row, names: Sequence[str]) -> tuple[float | None, ...]:
    """For each name, the median over the cell's valid runs of the run's own value (see analysis.objective)."""
    own = [record for record in records if record.verdict is Verdict.VALID
           and summary.key(record.cell) == summary.key(row.summary.cell)]
    return tuple(table.median([objective.of_record(record, f"{objective.MEASUREMENT_PREFIX}{name}") for record in own])
                 for name in names)


def section(records: Sequence[RunRecord], rows: Sequence[Row]) -> str:
    """The section of the HTML report; empty where no job measured anything."""
    names = list(dict.fromkeys(name for record in records for row in record.measurements for name in row.values
                               if not name.endswith(CHECKSUM)))
    shown = [row for row in rows if row.summary.n]
    if not names or not shown:
        return ""
    head = '<th class="words">cell</th>' + "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        f'<tr><td class="words">{html.escape(summary.cell_text(row.summary.cell))}</td>'
        + "".join(f"<td>{units.number(value)}</td>" for value in medians(records, row, names)) + "</tr>\n"
        for row in shown)
    return ('<section>\n<h2>What the job measured</h2>\n<div class="wide">\n<table>\n<thead><tr>' + head
            + "</tr></thead>\n<tbody>\n" + body + "</tbody>\n</table>\n</div>\n"
            "<p>Medians over the valid runs; a run that wrote several rows counts with their median.</p>\n</section>\n")

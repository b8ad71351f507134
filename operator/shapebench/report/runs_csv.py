"""runs.csv: a row for each run, for spreadsheets and data frames. An unknown number is an empty field.

The columns are those of `shapebench export`: `report.export.columns` has them all.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from shapebench.api.record import RunRecord
from shapebench.report.export import csv_files, rows
from shapebench.report.export.gathered import Gathered
from shapebench.report.export.layouts import RUNS


def text(records: Sequence[RunRecord]) -> str:
    """The file's content. A parameter called as another column gets the prefix parameter_."""
    out = io.StringIO()
    with Gathered(RUNS) as table:
        for record in records:
            table.add(rows.of_run(record))
        csv_files.gathered(out, table)
    return out.getvalue()

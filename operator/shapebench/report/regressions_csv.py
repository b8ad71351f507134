"""regressions.csv: a row for each line, averages.csv: a row for each average. An unknown number is an empty field."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

from shapebench.analysis.averages import AtValue
from shapebench.analysis.regression import Fit, Line
from shapebench.report import dependence
from shapebench.report.export import csv_files
from shapebench.report.export.layouts import Value

_FIT = tuple(field.name for field in fields(Fit))
LINES = ("metric", "parameter", "runs", *_FIT, "refused", "warnings")
AVERAGES = ("metric", "parameter", "value", "runs", "average", "how", "n", "number_of_runs")


def lines_text(lines: Sequence[Line]) -> str:
    """The lines; `low` and `high` bound the slope with 95 % confidence."""
    return _written(LINES, (
        (line.metric, line.factor, dependence.group_text(line.group),
         *((asdict(line.fit) if line.fit else {"n": len(line.xs)}).get(name) for name in _FIT), line.refused,
         "; ".join(line.warnings)) for line in lines))


def averages_text(found: Sequence[AtValue]) -> str:
    """The averages, and how each was taken."""
    return _written(AVERAGES, (
        (one.metric, one.factor, f"{one.x:g}", dependence.group_text(one.group), one.average.value, one.average.how,
         one.average.n, one.average.runs) for one in found))


def _written(titles: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(map(csv_files.fields, rows))
    return out.getvalue()

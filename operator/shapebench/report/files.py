"""The files of a report: report.html, runs.csv, runs.json; where numbers vary, regressions.csv and averages.csv."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from shapebench.analysis import averages, regression
from shapebench.api.record import RunRecord
from shapebench.report import regressions_csv, runs_csv
from shapebench.report.subject import Subject

HTML, CSV, JSON = "report.html", "runs.csv", "runs.json"
REGRESSIONS, AVERAGES = "regressions.csv", "averages.csv"

_RECORDS = TypeAdapter(list[RunRecord])


def write(folder: Path, subject: Subject, records: Sequence[RunRecord]) -> Path:
    """Write all into the folder; returns the report's path."""
    from shapebench.report import html  # matplotlib takes a second to import, and many commands need no figure

    folder.mkdir(parents=True, exist_ok=True)
    (folder / CSV).write_text(runs_csv.text(records))
    (folder / JSON).write_text(to_json(records))
    lines = regression.lines(records, subject.metric)
    if lines:
        (folder / REGRESSIONS).write_text(regressions_csv.lines_text(lines))
        (folder / AVERAGES).write_text(regressions_csv.averages_text(averages.by_value(records, subject.metric)))
    (folder / HTML).write_text(html.page(subject, records))
    return folder / HTML


def to_json(records: Sequence[RunRecord]) -> str:
    """The records as a JSON list, one record a line."""
    lines = ",\n".join(record.model_dump_json() for record in records)
    return f"[\n{lines}\n]\n" if records else "[]\n"


def each(file: Path) -> Iterator[RunRecord]:
    """The records of a runs.json one by one, so that a large one need not be in memory. Raises as `from_json`."""
    with file.open() as lines:
        if next(lines, "") != "[\n":  # not as `to_json` writes it
            yield from from_json(file.read_text())
            return
        for line in lines:
            if line == "]\n":
                return
            yield RunRecord.model_validate_json(line.removesuffix("\n").removesuffix(","))
    raise ValueError("is not JSON: it ends in the middle of its list")


def from_json(text: str) -> list[RunRecord]:
    """The records of a runs.json. Raises pydantic.ValidationError or json.JSONDecodeError."""
    return _RECORDS.validate_python(json.loads(text))

"""What the jobs measured themselves: medians by cell, and averages by parameter set where a job varied some itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shapebench.analysis import averages, objective, points, summary
from shapebench.api.fields import Scalar, scalar_text
from shapebench.api.record import Measurement, RunRecord
from shapebench.report import markup, table, units
from shapebench.report.table import Row

CHECKSUM = "_crc32"
"""What a job proves with, and nothing that has a median."""
SHOWN_SETS = 30
"""More rows than these are folded away."""

_COUNT = "measurements"
"""The column that counts the rows that the job wrote."""

_Set = tuple[tuple[str, Scalar], ...]


def medians(row: Row, names: Sequence[str]) -> tuple[float | None, ...]:
    """For each name, the median over the cell's valid runs of the run's own value (see analysis.objective)."""
    return tuple(table.median([objective.of_record(record, f"{objective.MEASUREMENT_PREFIX}{name}")
                               for record in row.valid]) for name in names)


def section(records: Sequence[RunRecord], rows: Sequence[Row]) -> str:
    """The section of the HTML report; empty where no job measured anything."""
    names = list(dict.fromkeys(name for record in records for row in record.measurements for name in row.values
                               if not name.endswith(CHECKSUM)))
    shown = [row for row in rows if row.summary.n]
    if not names or not shown:
        return ""
    lines = [(summary.cell_text(row.summary.cell), *map(units.number, medians(row, names))) for row in shown]
    return markup.section(
        "What the job measured",
        markup.rows((("cell", True), *_titles(names)), lines)
        + markup.paragraph("Medians over the valid runs; a run that wrote several rows counts with their median.")
        + _inner(shown, names))


def _inner(rows: Sequence[Row], names: Sequence[str]) -> str:
    """A row for each parameter set that the job went through inside its runs."""
    sets = [(row, _sets(row.valid)) for row in rows]
    varied = _varied([given for _, found in sets for given in found])
    if not varied:
        return ""
    lines = [(summary.cell_text(row.summary.cell), *_texts(dict(given), varied), str(len(own)),
              *(_average(own, name) for name in names))
             for row, found in sets
             for given, own in sorted(found.items(), key=lambda item: _order(dict(item[0]), varied))
             if any(name in dict(given) for name in varied)]
    measured = _titles(names)
    taken = ("cell", _COUNT, *(title for title, _ in measured))
    titles = (("cell", True), *((table.apart(name, "row_", taken), True) for name in varied), (_COUNT, False),
              *measured)
    content = markup.rows(titles, lines)
    heading = f"{len(lines)} parameter sets that the job went through inside its runs"
    content = markup.folded(heading, content) if len(lines) > SHOWN_SETS else f"<h3>{heading}</h3>\n{content}"
    return content + markup.paragraph(
        "Averages over the measurements of the valid runs: rates by all work over all time (or, where they do not tell "
        "it, the harmonic mean), all else by the mean.")


def _sets(valid: Sequence[RunRecord]) -> dict[_Set, list[Measurement]]:
    found: dict[_Set, list[Measurement]] = {}
    for record in valid:
        for given, rows in points.parameter_sets(record).items():
            found.setdefault(given, []).extend(rows)
    return found


def _varied(sets: Sequence[_Set]) -> list[str]:
    """Names that have more than one value; one that only some sets have varies, too."""
    names = dict.fromkeys(name for given in sets for name, _ in given)
    return [name for name in names if len({dict(given).get(name) for given in sets}) > 1]


def _order(given: Mapping[str, Scalar], names: Sequence[str]) -> list[tuple[bool, float, str]]:
    """Numbers by size, before words; what is not there last."""
    return [(name not in given, points.number(given.get(name, "")) or 0.0, str(given.get(name, ""))) for name in names]


def _texts(given: Mapping[str, Scalar], names: Sequence[str]) -> list[str]:
    return [scalar_text(given[name]) if name in given else units.MISSING for name in names]


def _average(rows: Sequence[Measurement], name: str) -> str:
    found = [one for row in rows if (one := points.reading(row, name))]
    return units.number(averages.of_readings(name, found, runs=0).value) if found else units.MISSING


def _titles(names: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    return tuple((table.apart(name.replace("_", " "), "measured ", ("cell", _COUNT)), False) for name in names)

"""report.html: one file without any reference to another, for a person to read and to pass on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import resources

from shapebench.analysis import summary
from shapebench.api import phases
from shapebench.api.record import Phase, RunRecord, Verdict
from shapebench.report import answer, dependence, doubts, environment, figures, markup, measured, table, units
from shapebench.report.markup import text
from shapebench.report.subject import Subject
from shapebench.report.table import Row


def page(subject: Subject, records: Sequence[RunRecord]) -> str:
    """The whole page. Raises ValueError without any record."""
    if not records:
        raise ValueError("there are no runs to report on")
    rows = table.rows(subject, records)
    answered = any(row.summary.n for row in rows)
    parts = [
        _header(subject, records, answered and not any(row.shared for row in rows)),
        _tiles(subject, records, rows),
        *(_charts(subject, records, rows) if answered else ()),
        markup.section("Comparison", _comparison(subject, rows)),
        _failures(records),
        doubts.section(records),
        *(_usage(records, rows) if answered else ()),
        dependence.section(subject, records),
        measured.section(records, rows),
        markup.section("What to bear in mind", markup.notes(answer.caveats(subject, records))),
        markup.section("What was run", _facts(subject.facts)),
        markup.section("Where it ran", _facts(environment.facts(records))),
        _runs(records),
    ]
    style = resources.files("shapebench.report").joinpath("page.css").read_text()
    return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" '
            f'content="width=device-width, initial-scale=1">\n<title>{text(subject.name)} · Shapebench</title>\n'
            f"<style>\n{style}</style>\n</head>\n<body>\n{''.join(parts)}{_footer(records)}</body>\n</html>\n")


def _header(subject: Subject, records: Sequence[RunRecord], answered: bool) -> str:
    flavour = "answer" if answered else "answer none"
    return (f'<header>\n<p class="kind">Benchmark</p>\n<h1>{text(subject.name)}</h1>\n'
            f'<p class="{flavour}">{text(markup.capital(answer.headline(subject, records)))}</p>\n</header>\n')


def _tiles(subject: Subject, records: Sequence[RunRecord], rows: Sequence[Row]) -> str:
    best = rows[0].summary if rows and rows[0].summary.n else None
    spent, unknown = answer.spending(records)
    tiles = [
        (summary.cell_text(best.cell) if best else units.MISSING,
         "best cell" if not best or rows[0].usable else f"first here ({rows[0].shared})"),
        (units.of_metric(subject.metric)(best.median if best else None),
         f"median {answer.metric_name(subject.metric)}"),
        (str(sum(record.verdict is Verdict.VALID for record in records)), "valid runs"),
        (str(sum(record.phase is Phase.FAILED for record in records)), "failed runs"),
        *([(str(len(out)), "doubtful runs left out")] if (out := doubts.left_out(records)) else ()),
        (str(len(rows)), "cells compared"),
    ]
    if spent is not None:
        tiles.append((units.money(spent), f"spent on {len(records) - len(unknown)} of {len(records)} runs" if unknown
                      else "spent on all runs"))
    return ('<ul class="tiles">\n'
            + "".join(f"<li><b>{text(value)}</b><span>{text(name)}</span></li>\n" for value, name in tiles)
            + "</ul>\n")


def _charts(subject: Subject, records: Sequence[RunRecord], rows: Sequence[Row]) -> Iterable[str]:
    intervals = any(row.summary.interval for row in rows)
    caption = ("Each dot is a run, each colour a block (one run of every cell). The tick is the median, the band "
               + ("its 95 % confidence interval." if intervals else "the range of the valid runs."))
    yield markup.section("Every run", markup.figure(figures.objective_chart(subject, records, rows), caption))


def _usage(records: Sequence[RunRecord], rows: Sequence[Row]) -> Iterable[str]:
    part = ("the measured part of a run" if table.part_shown(records) == "measured"
            else "a whole run, start-up included,")
    caption = f"What {part} used: the bar is the median, each dot a valid run. All roles together."
    yield markup.section("What the runs used", markup.figure(figures.usage_chart(records, rows), caption))


def _comparison(subject: Subject, rows: Sequence[Row]) -> str:
    columns = table.columns(subject, rows)
    head = "".join(markup.cell("th", column.title, column.left) for column in columns)
    body = "".join(
        f'<tr class="{_row_class(number, row)}">'
        + "".join(markup.cell("td", column.text(row), column.left) for column in columns) + "</tr>\n"
        for number, row in enumerate(rows))
    return markup.grid(head, body)


def _row_class(number: int, row: Row) -> str:
    return "nothing" if not row.summary.n else "best" if number == 0 and row.usable else "cell"


def _failures(records: Sequence[RunRecord]) -> str:
    failed = [record for record in records if record.phase is Phase.FAILED]
    if not failed:
        return ""
    head = "".join(markup.cell("th", title, True) for title in ("run", "cell", "reason", "what happened"))
    body = "".join(
        "<tr>" + markup.cell("td", record.run, True) + markup.cell("td", summary.cell_text(record.cell), True)
        + f'<td class="words failed">{text(str(record.reason))}</td><td class="text">{text(record.message)}</td>'
        + "</tr>\n" for record in failed)
    return markup.section("Failed runs", markup.grid(head, body))


def _runs(records: Sequence[RunRecord]) -> str:
    """All runs in the order in which they were made, folded away."""
    titles = (("run", True), ("cell", True), ("block", False), ("phase", True), ("verdict", True),
              ("queue", False), ("start-up", False), ("duration", False), ("cost", False), ("spent", False),
              ("CPU", False), ("memory peak", False))
    ordered = sorted(records, key=lambda record: (record.block, record.position))
    return markup.folded(f"All {len(records)} runs", markup.rows(titles, [_run_row(record) for record in ordered]))


def _verdict(record: RunRecord) -> str:
    return f"{record.verdict}, flagged" if record.flags and record.verdict is Verdict.VALID else str(record.verdict)


def _run_row(record: RunRecord) -> tuple[str, ...]:
    parts = phases.of_times(record.times)
    return (record.run, summary.cell_text(record.cell), "warm-up" if record.block == 0 else str(record.block),
            str(record.phase), _verdict(record), units.seconds(parts.queue_s), units.seconds(parts.startup_s),
            units.seconds(record.duration_s), units.money(record.cost), units.money(record.cost_spent),
            units.seconds(record.usage.cpu_seconds),
            ("≥ " if record.memory_peak_is_sampled else "") + units.size(record.usage.memory_peak_bytes))


def _footer(records: Sequence[RunRecord]) -> str:
    finished = [record.times.finished_s for record in records if record.times.finished_s is not None]
    when = f" The last run ended {datetime.fromtimestamp(max(finished), UTC):%Y-%m-%d %H:%M} UTC." if finished else ""
    return (f"<footer>Made by Shapebench from {len(records)} run records.{when} The numbers are in "
            "<code>runs.csv</code> and <code>runs.json</code> beside this file.</footer>\n")


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    if not facts:
        return ""
    return "<dl>\n" + "".join(f"<dt>{text(name)}</dt><dd>{text(words)}</dd>\n" for name, words in facts) + "</dl>\n"

"""report.html: one file without any reference to another, for a person to read and to pass on."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import resources

from shapebench.analysis import summary
from shapebench.api.record import Phase, RunRecord, Verdict
from shapebench.report import answer, environment, figures, measured, table, units
from shapebench.report.subject import Subject
from shapebench.report.table import Row


def page(subject: Subject, records: Sequence[RunRecord]) -> str:
    """The whole page. Raises ValueError without any record."""
    if not records:
        raise ValueError("there are no runs to report on")
    rows = table.rows(subject, records)
    answered = any(row.summary.n for row in rows)
    parts = [
        _header(subject, records, answered),
        _tiles(subject, records, rows),
        *(_charts(subject, records, rows) if answered else ()),
        _section("Comparison", _comparison(subject, rows)),
        _failures(records),
        *(_usage(records, rows) if answered else ()),
        measured.section(records, rows),
        _section("What to bear in mind", _list(answer.caveats(subject, records))),
        _section("What was run", _facts(subject.facts)),
        _section("Where it ran", _facts(environment.facts(records))),
        _runs(records),
    ]
    style = resources.files("shapebench.report").joinpath("page.css").read_text()
    return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" '
            f'content="width=device-width, initial-scale=1">\n<title>{_text(subject.name)} · Shapebench</title>\n'
            f"<style>\n{style}</style>\n</head>\n<body>\n{''.join(parts)}{_footer(records)}</body>\n</html>\n")


def _header(subject: Subject, records: Sequence[RunRecord], answered: bool) -> str:
    flavour = "answer" if answered else "answer none"
    return (f'<header>\n<p class="kind">Benchmark</p>\n<h1>{_text(subject.name)}</h1>\n'
            f'<p class="{flavour}">{_text(_capital(answer.headline(subject, records)))}</p>\n</header>\n')


def _tiles(subject: Subject, records: Sequence[RunRecord], rows: Sequence[Row]) -> str:
    best = rows[0].summary if rows and rows[0].summary.n else None
    spent = [record.cost for record in records if record.cost is not None]
    tiles = [
        (summary.cell_text(best.cell) if best else units.MISSING, "best cell"),
        (units.of_metric(subject.metric)(best.median if best else None),
         f"median {answer.metric_name(subject.metric)}"),
        (str(sum(record.verdict is Verdict.VALID for record in records)), "valid runs"),
        (str(sum(record.phase is Phase.FAILED for record in records)), "failed runs"),
        (str(len(rows)), "cells compared"),
    ]
    if spent:
        tiles.append((units.money(sum(spent)), "cost of all runs"))
    return ('<ul class="tiles">\n'
            + "".join(f"<li><b>{_text(value)}</b><span>{_text(name)}</span></li>\n" for value, name in tiles)
            + "</ul>\n")


def _charts(subject: Subject, records: Sequence[RunRecord], rows: Sequence[Row]) -> Iterable[str]:
    intervals = any(row.summary.interval for row in rows)
    caption = ("Each dot is a run, each colour a block (one run of every cell). The tick is the median, the band "
               + ("its 95 % confidence interval." if intervals else "the range of the valid runs."))
    yield _section("Every run", _figure(figures.objective_chart(subject, records, rows), caption))


def _usage(records: Sequence[RunRecord], rows: Sequence[Row]) -> Iterable[str]:
    caption = ("What a whole run used, start-up included: the bar is the median, each dot a valid run. "
               "All roles together.")
    yield _section("What the runs used", _figure(figures.usage_chart(records, rows), caption))


def _comparison(subject: Subject, rows: Sequence[Row]) -> str:
    columns = table.columns(subject, rows)
    head = "".join(_cell("th", column.title, column.left) for column in columns)
    body = "".join(
        f'<tr class="{_row_class(number, row)}">'
        + "".join(_cell("td", column.text(row), column.left) for column in columns) + "</tr>\n"
        for number, row in enumerate(rows))
    return grid(head, body)


def _row_class(number: int, row: Row) -> str:
    return "nothing" if not row.summary.n else "best" if number == 0 else "cell"


def _failures(records: Sequence[RunRecord]) -> str:
    failed = [record for record in records if record.phase is Phase.FAILED]
    if not failed:
        return ""
    head = "".join(_cell("th", title, True) for title in ("run", "cell", "reason", "what happened"))
    body = "".join(
        "<tr>" + _cell("td", record.run, True) + _cell("td", summary.cell_text(record.cell), True)
        + f'<td class="words failed">{_text(str(record.reason))}</td><td class="text">{_text(record.message)}</td>'
        + "</tr>\n" for record in failed)
    return _section("Failed runs", grid(head, body))


def _runs(records: Sequence[RunRecord]) -> str:
    """All runs in the order in which they were made, folded away."""
    titles = (("run", True), ("cell", True), ("block", False), ("phase", True), ("verdict", True),
              ("duration", False), ("CPU", False), ("memory peak", False))
    head = "".join(_cell("th", title, left) for title, left in titles)
    ordered = sorted(records, key=lambda record: (record.block, record.position))
    body = "".join("<tr>" + "".join(_cell("td", text, left) for text, (_, left) in zip((
        record.run, summary.cell_text(record.cell), "warm-up" if record.block == 0 else str(record.block),
        str(record.phase), str(record.verdict), units.seconds(record.duration_s),
        units.seconds(record.usage.cpu_seconds), units.size(record.usage.memory_peak_bytes),
    ), titles, strict=True)) + "</tr>\n" for record in ordered)
    return f"<details>\n<summary>All {len(records)} runs</summary>\n{grid(head, body)}</details>\n"


def _footer(records: Sequence[RunRecord]) -> str:
    finished = [record.times.finished_s for record in records if record.times.finished_s is not None]
    when = f" The last run ended {datetime.fromtimestamp(max(finished), UTC):%Y-%m-%d %H:%M} UTC." if finished else ""
    return (f"<footer>Made by Shapebench from {len(records)} run records.{when} The numbers are in "
            "<code>runs.csv</code> and <code>runs.json</code> beside this file.</footer>\n")


def grid(head: str, body: str) -> str:
    """A table that scrolls by itself where the page is too narrow for it."""
    return f'<div class="wide">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>\n'


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{_text(title)}</h2>\n{content}</section>\n" if content else ""


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>\n{drawing}\n<figcaption>{_text(caption)}</figcaption>\n</figure>\n"


def _list(items: Sequence[str]) -> str:
    if not items:
        return ""
    return '<ul class="notes">\n' + "".join(f"<li>{_text(_capital(one))}</li>\n" for one in items) + "</ul>\n"


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    if not facts:
        return ""
    return "<dl>\n" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>\n" for name, text in facts) + "</dl>\n"


def _cell(tag: str, text: str, left: bool) -> str:
    return f'<{tag} class="words">{_text(text)}</{tag}>' if left else f"<{tag}>{_text(text)}</{tag}>"


def _capital(text: str) -> str:
    """A sentence's first letter; not that of "n = 3" or "4x1"."""
    return text[:1].upper() + text[1:] if text[:2].isalpha() else text


def _text(text: str) -> str:
    return html.escape(text)

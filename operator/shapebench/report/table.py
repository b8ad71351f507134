"""The comparison: one row for each cell, best first. The terminal and the HTML report show the same rows."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shapebench.analysis import objective, summary
from shapebench.analysis.summary import CellSummary
from shapebench.api import losses
from shapebench.api.fields import scalar_text
from shapebench.api.record import Phase, Reason, RunRecord, Verdict
from shapebench.api.usage import Usage
from shapebench.report import answer, dependence, doubts, shared_cores, units
from shapebench.report.subject import Subject

_WAYS_SHOWN = 5
"""To fail: the HTML report has every failed run."""

Part = Literal["measured", "whole"]
"""Of which part of the runs usage is shown."""


@dataclass(frozen=True)
class Column:
    """A column of the comparison: `text` tells a row's cell; `left` for words, else right-aligned."""

    title: str
    text: Callable[[Row], str]
    left: bool = False


@dataclass(frozen=True)
class Row:
    """A cell with its summary, its valid runs, and the medians of what these used."""

    summary: CellSummary
    valid: Sequence[RunRecord]
    duration_s: float | None
    cost: float | None
    cpu_seconds: float | None
    network_bytes: float | None
    disk_bytes: float | None
    """CPU, network and disk are of the measured part where every valid run knows it (`part_shown`)."""
    ratio: float | None
    """The objective's median over the best cell's, where both are above 0."""
    left_out: str = ""
    """Doubtful runs that are not in the numbers, counted by verdict."""
    flagged: str = ""
    """Doubtful runs that are, counted by flag."""
    shared: str = ""
    """How many cores did this cell's work on this machine, where these are fewer than its shape asks for."""

    @property
    def usable(self) -> bool:
        """Whether there is a number, and one of a whole shape: only such a row may be shown as the best."""
        return bool(self.summary.n) and not self.shared


def rows(subject: Subject, records: Sequence[RunRecord]) -> tuple[Row, ...]:
    """The rows, best first."""
    ranked = summary.ranked(summary.cells(objective.observations(records, subject.metric)), subject.goal)
    best = summary.best(ranked, subject.goal)
    by_cell: dict[summary.CellKey, list[RunRecord]] = {}
    for record in records:
        if record.verdict is Verdict.VALID:
            by_cell.setdefault(summary.key(record.cell), []).append(record)
    part, shared = part_shown(records), shared_cores.by_shape(records)
    return tuple(replace(
        _row(one, by_cell.get(summary.key(one.cell), []), best, part),
        left_out=doubts.verdicts(doubts.in_cell(doubts.left_out(records), one)),
        flagged=doubts.kinds(doubts.in_cell(doubts.counted(records), one)),
        shared=shared.get(one.cell.shape, "")) for one in ranked)


def columns(subject: Subject, all_rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns that have something to say. A parameter called as another of them is `parameter_NAME`."""
    write = units.of_metric(subject.metric)
    chosen = [Column("valid runs", lambda row: str(row.summary.n)),
              Column(f"{answer.metric_name(subject.metric)} (median)", lambda row: write(row.summary.median)),
              Column("95 % interval" if any(row.summary.interval for row in all_rows) else "range",
                     lambda row: spread(row.summary, subject.metric)),
              Column("vs best", lambda row: f"{row.ratio:.2f}×" if row.ratio is not None else units.MISSING)]
    if subject.metric != "duration":
        chosen.append(Column("duration", lambda row: units.seconds(row.duration_s)))
    if subject.metric != "cost" and any(row.cost is not None for row in all_rows):
        chosen.append(Column("cost", lambda row: units.money(row.cost)))
    chosen += [Column("CPU", lambda row: units.seconds(row.cpu_seconds)),
               Column("network", lambda row: units.size(row.network_bytes)),
               Column("disk", lambda row: units.size(row.disk_bytes))]
    if any(row.left_out for row in all_rows):
        chosen.append(Column("left out", lambda row: row.left_out, left=True))
    if any(row.flagged for row in all_rows):
        chosen.append(Column("flagged, counts", lambda row: row.flagged, left=True))
    if any(row.summary.failed for row in all_rows):
        chosen.append(Column("failed", lambda row: answer.counts(row.summary.failures), left=True))
    if any(row.shared for row in all_rows):
        chosen.append(Column("shared cores", lambda row: row.shared, left=True))
    names = dict.fromkeys(name for row in all_rows for name in row.summary.cell.parameters)
    return (Column("shape", lambda row: row.summary.cell.shape, left=True),
            *(Column(apart(name, "parameter_", ("shape", *(one.title for one in chosen))), _parameter(name), left=True)
              for name in names), *chosen)


def apart(name: str, prefix: str, titles: Iterable[str]) -> str:
    """The name as a column's title, with the prefix where it is another column's already, in whatever case."""
    return f"{prefix}{name}" if name.lower() in {title.lower() for title in titles} else name


def spread(one: CellSummary, metric: str) -> str:
    """The interval where there is one, else the range (two ends, in words of the metric)."""
    write = units.of_metric(metric)
    if one.interval is not None:
        return f"{write(one.interval.low)} … {write(one.interval.high)}"
    if one.n < 2:
        return units.MISSING
    return f"{write(one.minimum)} … {write(one.maximum)}"


def terminal(subject: Subject, records: Sequence[RunRecord]) -> RenderableType:
    """The comparison for a terminal: the answer in a sentence, the table, and what to bear in mind."""
    all_rows = rows(subject, records)
    table = Table(title=None, header_style="bold", show_edge=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
    shown = columns(subject, all_rows)
    for column in shown:
        table.add_column(column.title, justify="left" if column.left else "right")
    for number, row in enumerate(all_rows):
        style = "bold green" if number == 0 and row.usable else "red" if not row.summary.n else ""
        table.add_row(*(column.text(row) for column in shown), style=style)
    notes = answer.caveats(subject, records)
    lines = dependence.terminal(subject, records)
    return Group(Text(f"{subject.name}: {answer.headline(subject, records)}", style="bold"), Text(), table,
                 *((Text(), lines, Text()) if lines else ()), *(Text(f"  {note}", style="dim") for note in notes),
                 *_failures(records), *doubts.terminal(records))


def _failures(records: Sequence[RunRecord]) -> list[Text]:
    """A line for each of the first ways in which runs failed."""
    ways: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.phase is Phase.FAILED:
            ways.setdefault((str(record.reason), _why(record)), []).append(record.run)
    return [Text(f"  {runs[0]}{f' and {len(runs) - 1} more' if len(runs) > 1 else ''} failed: {reason}: {why}",
                 style="red") for (reason, why), runs in list(ways.items())[:_WAYS_SHOWN]]


def _why(record: RunRecord) -> str:
    """The telling line of a failed run's message: a program's last words, or what was seen from outside."""
    lines = [line for line in record.message.strip().splitlines() if not losses.is_one(line)] or [""]
    return lines[-1 if record.reason is Reason.PROGRAM_FAILED else 0]


def _parameter(name: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        value = row.summary.cell.parameters.get(name)
        return units.MISSING if value is None else scalar_text(value)
    return text


def _row(one: CellSummary, valid: Sequence[RunRecord], best: CellSummary | None, part: Part) -> Row:
    usages = [usage_of(record, part) for record in valid]
    top = best.median if best else None
    return Row(
        summary=one,
        valid=valid,
        duration_s=median([record.duration_s for record in valid]),
        cost=median([record.cost for record in valid]),
        cpu_seconds=median([usage.cpu_seconds for usage in usages]),
        network_bytes=median([network(usage) for usage in usages]),
        disk_bytes=median([disk(usage) for usage in usages]),
        ratio=one.median / top if one.median and top and min(one.median, top) > 0 else None,
    )


def usage_of(record: RunRecord, part: Part) -> Usage:
    """What the run used in the part that is shown."""
    return record.measured_usage or record.usage if part == "measured" else record.usage


def part_shown(records: Iterable[RunRecord]) -> Part:
    """The measured part, as the durations are of it, unless one of the valid runs knows its whole usage alone."""
    known = all(record.measured_usage is not None for record in records if record.verdict is Verdict.VALID)
    return "measured" if known else "whole"


def network(usage: Usage) -> float | None:
    """Bytes received and sent."""
    return _sum(usage.network_receive_bytes, usage.network_transmit_bytes)


def disk(usage: Usage) -> float | None:
    """Bytes read and written."""
    return _sum(usage.disk_read_bytes, usage.disk_written_bytes)


def _sum(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def median(values: Sequence[float | None]) -> float | None:
    """The median of those that are known; None without any."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None

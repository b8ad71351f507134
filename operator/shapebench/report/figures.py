"""The report's figures. matplotlib is imported when one is drawn, because most commands draw none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shapebench.analysis import objective, summary
from shapebench.api.record import RunRecord, Verdict
from shapebench.api.usage import Usage
from shapebench.report import answer, svg, table, units
from shapebench.report.subject import Subject
from shapebench.report.table import Row

_BAR = "#6b8fc9"
_WIDTH_IN = 9.2
_ROW_IN = 0.36

Usages = tuple[tuple[str, Callable[[Usage], float | None], Callable[[float | None], str]], ...]
USAGES: Usages = (
    ("CPU", lambda usage: usage.cpu_seconds, units.seconds),
    ("network, in and out", table.network, units.size),
    ("disk, read and written", table.disk, units.size),
)


def objective_chart(subject: Subject, records: Sequence[RunRecord], rows: Sequence[Row]) -> str:
    """Every run as a dot in its cell's row, with the cell's median and its interval or range."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if row.summary.n]
    with svg.style():
        figure = Figure(figsize=(_WIDTH_IN, 1.1 + _ROW_IN * len(shown)))
        axes = figure.subplots()
        for height, row in enumerate(shown):
            _spread(axes, height, row)
        _dots(axes, subject, records, shown)
        _finish(axes, shown, subject.metric, f"{answer.metric_name(subject.metric)} of a run")
        if subject.goal == "Minimize":
            axes.set_xlim(left=0)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2)
        return svg.inline(figure, "objective", _described(subject, shown))


def usage_chart(records: Sequence[RunRecord], rows: Sequence[Row]) -> str:
    """What a run of each cell used: bars for the median, a dot for each valid run."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if row.summary.n]
    with svg.style():
        figure = Figure(figsize=(_WIDTH_IN, 0.9 + _ROW_IN * len(shown)))
        panels = figure.subplots(1, len(USAGES), sharey=True)
        for axes, (title, pick, write) in zip(panels, USAGES, strict=True):
            _bars(axes, shown, table.part_shown(records), pick)
            axes.set_title(title, fontsize=10)
            axes.xaxis.set_major_formatter(lambda value, _position, write=write: units.tick(write(value)))
            axes.xaxis.set_major_locator(_few_ticks())
            axes.set_xlim(left=0)
            axes.tick_params(axis="y", length=0)
        _name_rows(panels[0], shown)
        return svg.inline(figure, "usage", "Bars: the median use of CPU, network and disk by a run of each cell. "
                                           "The table above has the same numbers.")


def _spread(axes: Any, height: int, row: Row) -> None:
    """The interval of the median, or the range; and the median."""
    one = row.summary
    low, high = (one.interval.low, one.interval.high) if one.interval else (one.minimum, one.maximum)
    axes.plot([low, high], [height, height], color=svg.FAINT, linewidth=9, solid_capstyle="round", zorder=1)
    axes.plot([one.median, one.median], [height - 0.3, height + 0.3], color=svg.INK, linewidth=2, zorder=3)


def _dots(axes: Any, subject: Subject, records: Sequence[RunRecord], shown: Sequence[Row]) -> None:
    """A dot for each valid run and a ring for each warm-up; blocks are drawn beside each other."""
    heights = {summary.key(row.summary.cell): height for height, row in enumerate(shown)}
    blocks = sorted({record.block for record in records})
    for place, block in enumerate(blocks):
        xs, ys = [], []
        for record in records:
            value = objective.of_record(record, subject.metric)
            height = heights.get(summary.key(record.cell))
            if (record.block != block or value is None or height is None
                    or record.verdict not in (Verdict.VALID, Verdict.WARMUP)):
                continue
            xs.append(value)
            ys.append(height + (0.36 * place / (len(blocks) - 1) - 0.18 if len(blocks) > 1 else 0.0))
        if not xs:
            continue
        if block == 0:
            axes.scatter(xs, ys, s=26, facecolors="none", edgecolors=svg.INK, alpha=0.5, zorder=2, label="warm-up")
        else:
            colour = svg.COLOURS[(block - 1) % len(svg.COLOURS)]
            axes.scatter(xs, ys, s=30, color=colour, zorder=4, linewidths=0, label=f"block {block}")


def _bars(axes: Any, shown: Sequence[Row], part: table.Part, pick: Callable[[Usage], float | None]) -> None:
    for height, row in enumerate(shown):
        found = [pick(table.usage_of(record, part)) for record in row.valid]
        values = [value for value in found if value is not None]
        if values:
            axes.barh(height, table.median(values), color=_BAR, height=0.56)
            axes.scatter(values, [height] * len(values), s=12, color=svg.INK, zorder=3, linewidths=0)


def _finish(axes: Any, shown: Sequence[Row], metric: str, label: str) -> None:
    _name_rows(axes, shown)
    write = units.of_metric(metric)
    axes.xaxis.set_major_formatter(lambda value, _position: units.tick(write(value)))
    axes.set_xlabel(label)


def _name_rows(axes: Any, shown: Sequence[Row]) -> None:
    axes.set_yticks(range(len(shown)), [summary.cell_text(row.summary.cell) for row in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=3)


def _described(subject: Subject, shown: Sequence[Row]) -> str:
    write = units.of_metric(subject.metric)
    medians = "; ".join(f"{summary.cell_text(row.summary.cell)}: {write(row.summary.median)} "
                        f"({units.count(row.summary.n, 'run')})" for row in shown)
    return f"A dot for each run, by cell, best cell first. Medians of {answer.metric_name(subject.metric)}: {medians}."

"""The plot of the fitted lines: a column of panels for each parameter, a row for each shape, a colour for a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shapebench.analysis import regression
from shapebench.analysis.points import Group
from shapebench.analysis.regression import Line
from shapebench.report import answer, dependence, markup, svg, units

_MARKS = "os^D"
"""After as many groups as there are colours these come again, with the next mark."""
_WIDTH_IN, _ROW_IN = 9.2, 2.5
_ACROSS = 3
_STEPS = 24
_LEGEND_CHARS = 110
_FEW_TICKS = 6


def charts(lines: Sequence[Line], name: str) -> str:
    """The lines of one metric as <svg> elements of a few parameters each; `name` makes their ids unique in the page."""
    factors = list(dict.fromkeys(line.factor for line in lines))
    return "\n".join(chart([line for line in lines if line.factor in factors[first : first + _ACROSS]],
                           f"{name}-{first}") for first in range(0, len(factors), _ACROSS))


def chart(lines: Sequence[Line], name: str) -> str:
    """The lines of one metric as one <svg>."""
    from matplotlib.figure import Figure

    factors = list(dict.fromkeys(line.factor for line in lines))
    shapes = sorted({_shape(line.group) for line in lines})
    groups = sorted({_rest(line.group) for line in lines})
    with svg.style():
        figure = Figure(figsize=(_WIDTH_IN, _ROW_IN * len(shapes) + 0.5))
        panels = figure.subplots(len(shapes), len(factors), squeeze=False, sharey=True, sharex="col")
        for line in lines:
            axes = panels[shapes.index(_shape(line.group))][factors.index(line.factor)]
            _draw(axes, line, groups.index(_rest(line.group)))
        _finish(panels, lines, shapes, factors)
        if len(groups) > 1:
            handles, labels = _legend(panels)
            across = max(1, min(len(labels), _LEGEND_CHARS // (max(map(len, labels)) + 6)))
            figure.legend(handles, labels, loc="outside upper left", ncols=across, handletextpad=0.2)
        return svg.inline(figure, name, _described(lines))


def _draw(axes: Any, line: Line, place: int) -> None:
    colour, mark = svg.COLOURS[place % len(svg.COLOURS)], _MARKS[place // len(svg.COLOURS) % len(_MARKS)]
    label = dependence.group_text(_rest(line.group))
    axes.scatter(line.xs, line.ys, s=22, color=colour, marker=mark, linewidths=0, alpha=0.8, zorder=3, label=label)
    if line.fit is None:
        return
    low, high = min(line.xs), max(line.xs)
    xs = [low + (high - low) * step / _STEPS for step in range(_STEPS + 1)]
    bounds = [regression.band(line, x) for x in xs]
    axes.fill_between(xs, [one for one, _ in bounds], [other for _, other in bounds], color=colour, alpha=0.16,
                      linewidth=0, zorder=1)
    axes.plot([low, high], [line.fit.intercept + line.fit.slope * x for x in (low, high)], color=colour, linewidth=1.8,
              linestyle="--" if line.warnings else "-", zorder=2)


def _finish(panels: Any, lines: Sequence[Line], shapes: Sequence[str], factors: Sequence[str]) -> None:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    write = units.of_metric(lines[0].metric)
    ys = [y for line in lines for y in line.ys]
    for row, shape in zip(panels, shapes, strict=True):
        for axes in row:
            axes.grid(True, axis="both")
            axes.yaxis.set_major_formatter(lambda value, _position: units.tick(write(value)))
            axes.tick_params(length=0)
            if min(ys) >= 0:
                axes.set_ylim(0, max(ys) * 1.08 or 1)
        title = answer.metric_name(lines[0].metric)
        row[0].set_ylabel(f"{shape}\n{title}" if len(shapes) > 1 else title)
    for axes, factor in zip(panels[-1], factors, strict=True):
        values = sorted({x for line in lines if line.factor == factor for x in line.xs})
        axes.set_xlabel(factor)
        axes.xaxis.set_major_locator(FixedLocator(values) if len(values) <= _FEW_TICKS else MaxNLocator(nbins=5))
        axes.xaxis.set_major_formatter(lambda value, _position: f"{value:g}")


def _legend(panels: Any) -> tuple[list[Any], list[str]]:
    """Each group once, whichever panels it is in."""
    found: dict[str, Any] = {}
    for axes in panels.flat:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = sorted(found)
    return [found[label] for label in labels], labels


def _shape(group: Group) -> str:
    return dict(group).get("shape", "")


def _rest(group: Group) -> Group:
    return tuple(pair for pair in group if pair[0] != "shape")


def _described(lines: Sequence[Line]) -> str:
    slopes = "; ".join(f"on {line.factor}, {dependence.group_text(line.group)}: slope {units.number(line.fit.slope)}"
                       for line in lines if line.fit)
    metric = markup.capital(answer.metric_name(lines[0].metric))
    return f"{metric} against each parameter, with fitted lines. {slopes}. The table below has the same numbers."

"""How the measured numbers depend on each parameter: lines through the runs, and averages at each value."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from shapebench.analysis import averages, regression
from shapebench.analysis.averages import AtValue, Average
from shapebench.analysis.points import Group
from shapebench.analysis.regression import Line
from shapebench.api.record import RunRecord, Verdict
from shapebench.report import answer, markup, units
from shapebench.report.subject import Subject

TERMINAL_LINES = 12
_TITLES = (("parameter", True), ("group", True), ("points", False), ("slope", False),
           ("95 % interval of the slope", False), ("intercept", False), ("r", False), ("p", False),
           ("p\u00a0(Holm)", False), ("stderr", False))


def section(subject: Subject, records: Sequence[RunRecord]) -> str:
    """The section of the HTML report; empty where no number was varied."""
    lines = regression.lines(records, subject.metric)
    if not lines:
        return ""
    from shapebench.report import fit_figures

    found = averages.by_value(records, subject.metric)
    content = []
    for number, metric in enumerate(dict.fromkeys(line.metric for line in lines)):
        own = [line for line in lines if line.metric == metric]
        content.append(f"<h3>{markup.text(markup.capital(answer.metric_name(metric)))}</h3>\n"
                       + markup.figure(fit_figures.charts(own, f"fit{number}"), _caption(own))
                       + markup.rows(_TITLES, [_fitted(line) for line in own])
                       + _averages([one for one in found if one.metric == metric]))
    return markup.section("How it depends on each parameter",
                          "".join(content) + markup.notes(remarks(subject, records, lines)))


def terminal(subject: Subject, records: Sequence[RunRecord]) -> Table | None:
    """The lines for a terminal; None where no number was varied."""
    lines = [line for line in regression.lines(records, subject.metric) if line.fit]
    if not lines:
        return None
    more = len(lines) - TERMINAL_LINES
    table = Table(title="Lines through the runs (scipy.stats.linregress); a point is a run, or a parameter set inside "
                        "one", title_justify="left", title_style="bold",
                  caption=f"… {more} more are in report.html and regressions.csv" if more > 0 else None,
                  caption_justify="left", header_style="bold", show_edge=False, pad_edge=False, box=None,
                  padding=(0, 2, 0, 0))
    for title, left in (("of", True), ("on", True), ("group", True), ("points", False), ("slope", False), ("r", False),
                        ("p (Holm)", False), ("remark", True)):
        table.add_column(title, justify="left" if left else "right")
    for line in lines[:TERMINAL_LINES]:
        assert line.fit is not None
        table.add_row(answer.metric_name(line.metric), line.factor, group_text(line.group), str(line.fit.n),
                      units.number(line.fit.slope), f"{line.fit.r:.2f}", p_text(line.fit.p_holm),
                      "; ".join(line.warnings))
    return table


def remarks(subject: Subject, records: Sequence[RunRecord], lines: Sequence[Line]) -> tuple[str, ...]:
    """What to bear in mind with these lines."""
    fitted = sum(line.fit is not None for line in lines)
    failed = sum(record.verdict is Verdict.FAILED for record in records)
    warm = sum(record.verdict is Verdict.WARMUP for record in records)
    left_out = " and ".join(f"{count} {what}" for count, what in ((failed, "failed"), (warm, "warm-up")) if count)
    found = [f"{fitted} lines were fitted. Among so many some have a small p by chance: p (Holm) allows for it."
             if fitted > 1 else "",
             f"Only valid runs count; left out are {left_out} runs." if left_out else ""]
    found += [f"{one} and {other} vary together: these lines cannot tell which of them matters."
              for one, other in regression.moving_together(records, subject.metric)]
    found += [f"{answer.metric_name(line.metric)} on {line.factor}, {group_text(line.group)}: {words}."
              for line in lines for words in (line.refused, *line.warnings) if words]
    return (*(one for one in found if one),
            "The numbers are in regressions.csv and averages.csv beside this file.")


def group_text(group: Group) -> str:
    """The runs of a group in words: `4x1 format=images`."""
    return " ".join(text if name == "shape" else f"{name}={text}" for name, text in group) or "all"


def p_text(p: float | None) -> str:
    """A p value, without digits that nobody can trust."""
    if p is None:
        return units.MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _caption(lines: Sequence[Line]) -> str:
    dashed = " A dashed line is one to doubt: the remarks say why." if any(line.warnings for line in lines) else ""
    return ("Each point is a run, or one parameter set inside a run (its repetitions are one point, their median). "
            "The line is scipy.stats.linregress, the band the 95 % interval of its height; other parameters that vary "
            f"are in the scatter.{dashed}")


def _fitted(line: Line) -> tuple[str, ...]:
    fit = line.fit
    if fit is None:
        return line.factor, group_text(line.group), str(len(line.xs)), *[units.MISSING] * 7
    number = units.number
    return (line.factor, group_text(line.group), str(fit.n), number(fit.slope),
            f"{number(fit.low)} … {number(fit.high)}", number(fit.intercept), f"{fit.r:.3f}", p_text(fit.p),
            p_text(fit.p_holm), number(fit.stderr))


def _averages(found: Sequence[AtValue]) -> str:
    """A row for each value of each parameter, a column for each group."""
    if not found:
        return ""
    write = units.of_metric(found[0].metric)
    groups = sorted({one.group for one in found})
    titles = (("parameter", True), ("value", False), *((group_text(group), False) for group in groups))
    at = {(one.factor, one.x, one.group): one.average for one in found}
    lines = []
    for factor, x in dict.fromkeys((one.factor, one.x) for one in found):
        own = [at.get((factor, x, group)) for group in groups]
        lines.append((factor, f"{x:g}", *(f"{write(one.value)} ({_counted(one)})" if one else units.MISSING
                                          for one in own)))
    how = ", ".join(dict.fromkeys(one.average.how for one in found))
    return (markup.paragraph(f"Averages of {answer.metric_name(found[0].metric)} at each value ({how}):")
            + markup.rows(titles, lines))


def _counted(one: Average) -> str:
    """What the average is over."""
    runs = units.count(one.runs, "run")
    return runs if one.n == one.runs else f"{units.count(one.n, 'measurement')}, {runs}"

"""Which shape is best, and why: the cells of one Benchmark beside each other.

Curves lie over each other: Prometheus holds the measured part of every run as if it had begun when the Benchmark was
created, and the hidden variable `shift` moves that moment to the left edge of whatever time range is chosen. So the
range says how much of the runs to show, and nobody has to look for the hour in which they ran.
"""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableSort

from dashboards import cells, finish, panels, usage, variables
from dashboards.panels import Column, Query

_OF_BENCHMARK = 'namespace="$namespace",benchmark="$benchmark"'
_CREATED = "shapebench_run_created_seconds"
_OVER = f'{_CREATED}{{{_OF_BENCHMARK},verdict!=""}}'
"""Every run that is over, whatever it measured: one that failed has no duration."""
_CURVE = "{{cell}} {{run}}"


def dashboard() -> models.Dashboard:
    """The dashboard."""
    started = finish.started(
        finish.COMPARE, "Shapebench / Compare shapes",
        "Which shape is best, and why? One Benchmark's cells beside each other: time, cost, usage, and curves that "
        "all begin at the left. The time range says how much of the runs the curves show.", "now-15m")
    for variable in _variables():
        started.with_variable(variable)
    return finish.finished(started, [
        finish.Row("The answer", _answer()),
        finish.Row("Curves: every run begins at 0 s", _curves()),
        finish.Row("Totals of a run, by cell", _totals()),
        finish.Row("What the programs measured", _measured()),
        finish.Row("Runs", _runs())])


def _variables() -> Iterator[Builder[models.VariableModel]]:
    known = '__name__="shapebench_benchmark_created_seconds"'
    yield variables.namespace(known)
    yield variables.benchmark(known)
    yield variables.several(variables.query(
        "shape", "Shapes", f"label_values({_OVER}, shape)", "The shapes to compare."))
    yield variables.several(variables.query(
        "verdict", "Verdict", f"label_values({_OVER}, verdict)",
        "Which runs count. Valid ones alone are in the report's statistics; warm-ups and doubtful runs are told apart.",
    )).current(VariableOption(selected=True, text=["Valid"], value=["Valid"]))
    yield variables.several(variables.query(
        "by", "Cells by", _OVER,
        "What makes a cell: the shape and the Benchmark's parameters. Leave one out to average over it.",
        r"/[{,](shape|parameter_\w+)=/g")).sort(VariableSort.NATURAL_DESC)
    yield builders.AdHocVariable("filters").label("Only where").datasource(variables.PROMETHEUS).description(
        "Values of parameters to keep to, such as parameter_format = tfrecord.")
    yield variables.choice("curves", "A curve for", "Each cell, as the mean of its runs, or each run.",
                           {"each cell": "cell", "each run": "run"})
    yield variables.choice("part", "Totals of", "The measured part alone, or the pods' whole lives with start-up.",
                           {"the measured part": "measured_usage", "whole lives": "usage"})
    yield variables.number(
        "window", "Rate over (s)", f"clamp_min(ceil(max(shapebench_run_duration_seconds{{{_OF_BENCHMARK}}}) / 1800), "
        "2) or vector(2)",
        "Seconds over which a rate is taken: two samples at first. More is smoother. Any number may be typed.")
    yield variables.hidden(variables.number(
        "shift", "", "(vector(${__from:date:seconds}) - "
        f"max(shapebench_benchmark_created_seconds{{{_OF_BENCHMARK}}})) or vector(0)",
        "Seconds from the Benchmark's creation to the left edge of the time range."))
    yield variables.hidden(variables.number(
        "before", "", "vector(${shift} + ${window})", "The same, for the beginning of a rate's window."))
    yield variables.hidden(variables.number(
        "after", "", "vector(${shift} - 1)", "The same, for a second later."))


def _answer() -> Iterator[Builder[models.Panel]]:
    spread = [("mean", "avg"), ("least", "min"), ("most", "max")]
    for title, family, unit in (("Time", "duration_seconds", "s"), ("Cost", "cost", "short")):
        yield panels.bars(
            f"{title} of a run", f"Which cell has the least {title.lower()}, and how far do its runs lie apart? "
            "The measured part of each run: mean, least and most of a cell's runs.", cells.CELL,
            [Query(cells.gauge(f"shapebench_run_{family}", over), name) for name, over in spread], unit)
    yield panels.number(
        "Runs by verdict", "How many runs are there, and how many do not count? Of all verdicts, chosen or not.",
        Query(f"count by (verdict) ({_OVER})", "{{verdict}}"), "short").span(8).height(8)
    yield panels.number(
        "Cost so far", "What have these runs cost, start-up and retries included? Of all verdicts, chosen or not. "
        "Empty while a shape has no price: a part would be taken for the whole.",
        Query(_spent(), "spent"), "short").height(8)
    yield panels.rows(
        "Cells", "The same in numbers: is a difference larger than the spread? Variation is the standard deviation "
        "in per cent of the mean, as the report has it; one run has none. Failed runs are told of every cell, whatever "
        "verdicts are chosen. Intervals and significance are the report's: shapebench report.",
        [Query(_plain("count", _CREATED), "runs"),
         Query(_failed(), "failed"),
         Query(_plain("avg", "shapebench_run_duration_seconds"), "mean time"),
         Query(_variation("shapebench_run_duration_seconds"), "variation"),
         Query(_plain("avg", "shapebench_run_cost"), "mean cost")],
        {"mean time": Column("s"), "variation": Column("percentunit"), "mean cost": Column("short")}).span(20)


def _spent() -> str:
    """The sum over the runs; nothing where one that is over has no cost, for want of a price."""
    cost = f"shapebench_run_cost_spent{{{_OF_BENCHMARK}}}"
    return f"sum({cost}) unless on () (count({_OVER} unless on (run) {cost}) > 0)"


def _failed() -> str:
    """0 where none failed: so a cell of which no run can be compared has a row all the same."""
    of_shapes = f'{_CREATED}{{{_OF_BENCHMARK},shape=~"$shape",verdict'
    return (f'count by (${{by:csv}}) ({of_shapes}="Failed"}}) or count by (${{by:csv}}) ({of_shapes}!=""}}) * 0')


def _variation(family: str) -> str:
    """Prometheus' stdvar divides by the number of runs, a sample's variance by one less."""
    runs = _plain("count", family)
    return f"sqrt({_plain('stdvar', family)} * {runs} / ({runs} - 1 > 0)) / {_plain('avg', family)}"


def _plain(over: str, family: str) -> str:
    return f"{over} by (${{by:csv}}) ({family}{{{cells.RUNS}}})"


def _curves() -> Iterator[Builder[models.Panel]]:
    counter, memory = "cpu_seconds_total", "memory_working_set_bytes"
    cpu = cells.growth_of_runs(counter)
    yield _curve("CPU, % of the workers' CPUs", "Is the shape's CPU used, or does it wait? 100 % is all CPUs of its "
                 "workers; a driver's use counts too, so it can be more.", counter,
                 Query(cells.curve(f"{cpu} / {cells.aligned('cpus')} offset ${{shift}}s"), _CURVE), "percentunit")
    yield _curve("CPU, cores", "How many cores are busy, all pods of a run together?", counter,
                 Query(cells.curve(cpu), _CURVE), "short")
    yield _curve("Memory", "How much memory do the pods of a run hold together, page cache that is easy to drop left "
                 "out?", memory, Query(cells.level(memory), _CURVE), "bytes")
    for one in usage.COUNTERS:
        yield _curve(one.rate, f"When, and how much: {one.rate}, all pods of a run together?", f"{one.name}_total",
                     Query(cells.growth(f"{one.name}_total"), _CURVE), one.rate_unit)


def _curve(title: str, asks: str, family: str, drawn: Query, unit: str) -> Builder[models.Panel]:
    return panels.curves(title, f"{asks} x: seconds since the measured part began.", cells.elapsed(family), drawn, unit)


def _totals() -> Iterator[Builder[models.Panel]]:
    for name, title, unit in (("cpu_seconds", "CPU time", "s"), ("memory_peak_bytes", "Peak memory", "bytes"),
                              *((one.name, one.title, one.unit) for one in usage.COUNTERS)):
        asks = f"How much does a run of each cell need: {title.lower()}, all pods together? Mean of its runs."
        yield panels.bars(
            title, f"{asks} {usage.PEAKS}" if name == "memory_peak_bytes" else asks, cells.CELL,
            [Query(cells.gauge(f"shapebench_run_${{part}}_{name}"), "mean")], unit).span(6)


def _measured() -> Iterator[Builder[models.Panel]]:
    family = f"shapebench_run_measurement{{{cells.RUNS}}}"
    yield panels.rows(
        "Measurements", "What did the programs measure themselves (images per second, loss, …)? Mean, least and most "
        f"over a cell's runs and rows. {usage.ROWS}",
        [Query(f"{over} by (name, ${{by:csv}}) ({family})", name)
         for name, over in (("mean", "avg"), ("least", "min"), ("most", "max"))],
        {"mean": Column("short"), "least": Column("short"), "most": Column("short")})


def _runs() -> Iterator[Builder[models.Panel]]:
    def of(family: str) -> str:
        return f"max by (run, block, verdict, ${{by:csv}}) (shapebench_run_{family}{{{cells.RUNS}}})"

    link = (f"/d/{finish.RUN}?var-datasource=${{datasource}}&var-namespace=$namespace&var-benchmark=$benchmark"
            '&var-run=${__data.fields["run"]}'
            '&from=${__data.fields["from"].numeric}&to=${__data.fields["to"].numeric}')
    yield panels.rows(
        "Runs", "Every run that is compared, one a row; its name leads to its own pods, at the time when it ran. One "
        "that was cut off tells no end: its name leads to all the time from its creation until now.",
        [Query(of("created_seconds") + " * 1000", "created"), Query(of("duration_seconds"), "time"),
         Query(of("cost"), "cost"), Query(f"{of('started_seconds')} * 1000", "began"),
         Query(f"(({of('started_seconds')} - 120) or ({of('created_seconds')} - 120)) * 1000", "from"),
         Query(f"(({of('finished_seconds')} + 60) or {of('created_seconds')} * 0 + time()) * 1000", "to")],
        {"created": Column("dateTimeAsIso"), "began": Column("dateTimeAsIso"), "time": Column("s"),
         "cost": Column("short"), "from": Column(hidden=True), "to": Column(hidden=True),
         "run": Column(link=("Its pods", link))})

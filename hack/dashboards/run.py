"""What happened in one run: each of its pods, at the time when it ran."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import BigValueTextMode

from dashboards import finish, marks, panels, usage, variables
from dashboards.panels import Column, Query

_RUN = 'namespace="$namespace",benchmark="$benchmark",run="$run"'
_OVER = f'{_RUN},verdict!=""'
"""What is told of a run that is over; before that it has been created, and if it is tried again it has a cost."""
_PODS = f'{_RUN},source="$source"'
_POD = "{{role}} {{index}}"
_LOOK = "2h:10s"
_SEEN = '__name__=~"shapebench_pod_cpu_seconds_total|shapebench_run_created_seconds"'
"""What there is of a run: of one that failed perhaps no samples."""


def dashboard() -> models.Dashboard:
    """The dashboard."""
    started = finish.started(
        finish.RUN, "Shapebench / One run",
        "What happened in one run? Its pods at the time when it ran, with the measured part marked. The runs table of "
        "Compare shapes leads here with the right time range.", "now-15m")
    for variable in _variables():
        started.with_variable(variable)
    for name, family, colour in (("measured part begins", "started_seconds", "green"),
                                 ("measured part ends", "finished_seconds", "red")):
        started.annotation(marks.Mark(name, f"{_fact(family)} * 1000", colour))
    return finish.finished(started, [
        finish.Row("The run", _summary()),
        finish.Row("Its pods", _pods()),
        finish.Row("Start-up and the measured part", _parts()),
        finish.Row("What the program measured", _measured())])


def _fact(family: str) -> str:
    """A gauge of the run. The operator tells it only when the run is over, after the time range that shows the run:
    hence a look an hour ahead. A Benchmark that was deleted and applied again has runs of the same names: of what was
    told of them, what goes with the chosen creation."""
    other = f"shapebench_run_created_seconds{{{_OVER}}} != ${{created}}"
    told = f"shapebench_run_{family}{{{_OVER}}} unless on (namespace, run) {other}"
    return f"last_over_time(({told})[{_LOOK}] offset -1h)"


def _created() -> str:
    """When the chosen run was created, in Unix seconds: of the runs of this name that were told of since the time range
    began the last that was created before its end, be it over or not; else 0."""
    told = (f"shapebench_run_created_seconds{{{_RUN}}} <= ${{__to:date:seconds}} "
            "and on () vector(time()) >= ${__from:date:seconds}")
    return f"max(max_over_time(({told})[{_LOOK}] offset -1h)) or vector(0)"


def _variables() -> Iterator[Builder[models.VariableModel]]:
    yield variables.namespace(_SEEN)
    yield variables.benchmark(_SEEN)
    yield variables.query(
        "run", "Run", f'label_values({{{_SEEN},namespace="$namespace",benchmark="$benchmark"}}, run)',
        "One of the runs that have samples in the time range.")
    yield variables.hidden(variables.number(
        "created", "", _created(), "When the run was created: there may have been another run of its name."))
    yield variables.choice(
        "source", "From", "The run's own record, written when it ended, with every sample that was taken; or what "
        "Prometheus scraped from the pods, which is there while they run.",
        {"the record (exact)": "record", "the agents (live)": "agent"})
    yield variables.hidden(variables.number(
        "look", "", "ceil(vector((${__to:date:seconds} - ${__from:date:seconds}) / 7200))",
        "How many seconds lie between looks at how far apart samples are: in a long time range more."))
    yield variables.number(
        "window", "Rate over (s)", f"{_two_samples()} or vector(2) "
        + " ".join(f'or label_replace(vector({seconds}), "typed", "{seconds}", "", "")'
                   for seconds in (5, 10, 30, 60, 120, 300)),
        "Seconds over which a rate is taken: two samples at first. Any number may be typed.")


def _two_samples() -> str:
    """Twice as far as the samples of a pod lie apart, in whole seconds: for how many seconds it had any, by how many.
    A series is there until the next sample would have come, or until now: hence a tenth more. A fifth of a second is
    for what is uneven, else samples of each second would have three seconds."""
    samples = f"shapebench_pod_cpu_seconds_total{{{_PODS}}}"
    seconds = f"(count_over_time({samples}[${{__range_s}}s:${{look}}s]) - 1) * ${{look}}"
    return f"clamp_min(2 * ceil(1.1 * max({seconds} / count_over_time({samples}[${{__range_s}}s])) - 0.2), 2)"


def _summary() -> Iterator[Builder[models.Panel]]:
    yield panels.number("Time", "How long was the measured part?", Query(_fact("duration_seconds"), "time"), "s")
    yield panels.number("Cost", "What did the measured part cost?", Query(_fact("cost"), "cost"), "short")
    yield panels.number("Cost with start-up", "What did the pods cost for all the time that they held their nodes?",
                        Query(_fact("cost_spent"), "spent"), "short")
    yield panels.number("Verdict", "Does the run count, and if not, why?",
                        Query(f"max by (verdict) ({_fact('created_seconds')})", "{{verdict}}"), "none").text_mode(
                            BigValueTextMode.NAME)
    yield panels.number("Doubts", "Which bounds of validity did the run pass? None: no doubt.",
                        Query(f"count by (kind) ({_fact('flag')}) or on () "
                              f'label_replace(max({_fact("created_seconds")}) * 0, "kind", "none", "", "")',
                              "{{kind}}"), "none").text_mode(BigValueTextMode.NAME).span(8)


def _pods() -> Iterator[Builder[models.Panel]]:
    yield panels.lines("CPU, cores", "Which pod works, and when?", [Query(_rate("cpu_seconds"), _POD)], "short")
    yield panels.lines("Memory", "How much memory does each pod hold, page cache that is easy to drop left out?",
                       [Query(_once(f"shapebench_pod_memory_working_set_bytes{{{_PODS}}}"), _POD)], "bytes")
    for one in usage.COUNTERS:
        yield panels.lines(one.rate, f"When, and how much: {one.rate}, of each pod?",
                           [Query(_rate(one.name), _POD)], one.rate_unit)


def _rate(counter: str) -> str:
    return _once(f"rate(shapebench_pod_{counter}_total{{{_PODS}}}[${{window}}s])")


def _once(of_pods: str) -> str:
    """A pod that is scraped twice, by its annotation and by a PodMonitor, is not two."""
    return f"max by (role, index) ({of_pods})"


def _parts() -> Iterator[Builder[models.Panel]]:
    kinds = (("cpu_seconds", "CPU time"), *((one.name, one.title) for one in usage.COUNTERS))
    shares = (f'label_replace(max({_fact(f"measured_usage_{name}")}) / (max({_fact(f"usage_{name}")}) > 0), '
              f'"of", "{title}", "", "")' for name, title in kinds)
    yield panels.bars("Share of the measured part", "How much of what the pods used in their whole lives fell in the "
                      "measured part? The rest is start-up and wind-down. What was not used at all has no bar.",
                      "of", [Query(" or ".join(shares), "share")], "percentunit").span(16)
    yield panels.number("Peak memory", f"How much memory did each of the pods hold at most, summed? {usage.PEAKS}",
                        Query(_fact("usage_memory_peak_bytes"), "peak"), "bytes").span(8).height(8)


def _measured() -> Iterator[Builder[models.Panel]]:
    yield panels.rows("Measurements", f"What did the program measure itself, row by row? {usage.ROWS}",
                      [Query(_fact("measurement"), "value")],
                      {"value": Column("short"), **{name: Column(hidden=True) for name in _KNOWN}})


_KNOWN = ("__name__", "instance", "job", "namespace", "benchmark", "run", "verdict", "block", "shape")
"""Labels that are the same in each row."""

"""Is the operator well? What it does, how fast, and what it could not do."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards import finish, panels, variables
from dashboards.panels import Column, Query

_OPERATOR = 'job=~"$job",instance=~"$instance"'
_BEAT = "shapebench_last_event_age_seconds"
"""Every operator has it, and nobody else."""
_PREFIX = "shapebench_remote_write_"


def dashboard() -> models.Dashboard:
    """The dashboard."""
    started = finish.started(
        finish.OPERATOR, "Shapebench / Operator",
        "Is the operator well? Is it fast enough, does it hear from the API server, does what it measured arrive?",
        "now-1h").refresh("1m")
    for variable in _variables():
        started.with_variable(variable)
    return finish.finished(started, [
        finish.Row("Now", _now()),
        finish.Row("Work", _work()),
        finish.Row("Remote write", _remote_write()),
        finish.Row("Process", _process()),
        finish.Row("Benchmarks", _benchmarks())])


def _variables() -> Iterator[Builder[models.VariableModel]]:
    yield variables.several(variables.query(
        "job", "Job", f"label_values({_BEAT}, job)", "What Prometheus calls the scrape of the operator."))
    yield variables.several(variables.query(
        "instance", "Operator", f'label_values({_BEAT}{{job=~"$job"}}, instance)',
        "The operator's pod; after a restart there are two in the time range."))
    yield variables.choice(
        "window", "Rate over", "Over how long a rate is taken. Automatic: four scrapes or more.",
        {"automatic": "$__rate_interval", "1m": "1m", "5m": "5m", "15m": "15m"})


def _now() -> Iterator[Builder[models.Panel]]:
    yield panels.number("Silence while runs are active", "For how long has the operator heard of no change? A run of "
                        "an hour is quiet for an hour; two hours are a fault, as the alert has it. 0: none is active.",
                        Query(_silence(), "silence"), "s", (5400, 7200))
    yield panels.number("Slow reconciles", "How long does one look at a Benchmark take, 19 of 20 times?",
                        Query(_quantile(0.95), "95 %"), "s", (1, 10))
    yield panels.number("Failed reconciles", "How many looks at a Benchmark failed, of a hundred? They are repeated. "
                        "No data: it looked at none.",
                        Query(f"sum(rate(shapebench_reconcile_seconds_count{{{_OPERATOR},result=\"failed\"}}[$window]) "
                              f"or rate(shapebench_reconcile_seconds_count{{{_OPERATOR}}}[$window]) * 0) / "
                              f"(sum(rate(shapebench_reconcile_seconds_count{{{_OPERATOR}}}[$window])) > 0)", "failed"),
                        "percentunit", (0.01, 0.1))
    yield panels.number("Active runs", "How many runs are at work?", Query(
        'sum(shapebench_benchmark_runs{state="active"})', "active"), "short")
    yield panels.number("Runs not written yet", "How many finished runs wait to be written to Prometheus?", Query(
        f"sum({_PREFIX}pending_runs{{{_OPERATOR}}})", "waiting"), "short", (10, 100))
    yield panels.number("Remote write fails since", "For how long has nothing arrived? 0: the last request did.", Query(
        f"max({_PREFIX}failing_seconds{{{_OPERATOR}}})", "failing"), "s", (60, 600))


def _silence() -> str:
    age = f"max({_BEAT}{{{_OPERATOR}}})"
    return f'{age} and on () sum(shapebench_benchmark_runs{{state="active"}}) > 0 or on () {age} * 0'


def _work() -> Iterator[Builder[models.Panel]]:
    yield panels.lines("Time of a reconcile", "How long does one look at a Benchmark take?",
                       [Query(_quantile(share), f"{share:.0%}") for share in (0.5, 0.95, 0.99)], "s")
    yield panels.lines("Reconciles", "How often does the operator look at a Benchmark, and how does it end?", [
        Query(f"sum by (result) (rate(shapebench_reconcile_seconds_count{{{_OPERATOR}}}[$window]))", "{{result}}")],
        "ops")
    yield panels.buckets("Times of reconciles", "Are a few looks slow, or all?", Query(
        f"sum by (le) (increase(shapebench_reconcile_seconds_bucket{{{_OPERATOR}}}[$window]))", "{{le}}"), "s")
    yield panels.lines("Age of the last event", "Does the API server speak to the operator? A slope without end "
                       "while runs are active is a watch that hangs.",
                       [Query(f"{_BEAT}{{{_OPERATOR}}}", "{{instance}}")], "s")
    yield panels.lines("Runs by state", "Is there progress? All Benchmarks together.", [
        Query("sum by (state) (shapebench_benchmark_runs)", "{{state}}")], "short")


def _remote_write() -> Iterator[Builder[models.Panel]]:
    for what, asks in (("runs", "Do finished runs arrive, and are any given up?"),
                       ("samples", "How many samples is that?")):
        yield panels.lines(f"{what.capitalize()} written", asks, [
            Query(f"sum by (result) (increase({_PREFIX}{what}_total{{{_OPERATOR}}}[$window]))", "{{result}}")], "short")
    yield panels.lines("Retries", "Why were requests repeated: the receiver busy (429), faulty (5xx), slow or out of "
                       "reach, or the record not to be had from the cluster?", [
        Query(f"sum by (reason) (increase({_PREFIX}retries_total{{{_OPERATOR}}}[$window]))", "{{reason}}")], "short")
    yield panels.lines("Waiting runs", "Does a queue build up?", [
        Query(f"{_PREFIX}pending_runs{{{_OPERATOR}}}", "{{instance}}")], "short")
    yield panels.lines("Failing for", "Since when does every attempt fail?", [
        Query(f"{_PREFIX}failing_seconds{{{_OPERATOR}}}", "{{instance}}")], "s")


def _process() -> Iterator[Builder[models.Panel]]:
    yield panels.lines("Memory", "Does the operator stay small? The chart's limit is 256 MiB.", [
        Query(f"process_resident_memory_bytes{{{_OPERATOR}}}", "{{instance}}")], "bytes")
    yield panels.lines("CPU, cores", "How much CPU does the operator take?", [
        Query(f"rate(process_cpu_seconds_total{{{_OPERATOR}}}[$window])", "{{instance}}")], "short")
    yield panels.lines("Time of a scrape", "Is /metrics answered quickly?", [
        Query(f"scrape_duration_seconds{{{_OPERATOR}}}", "{{instance}}")], "s")


def _benchmarks() -> Iterator[Builder[models.Panel]]:
    link = (f"/d/{finish.COMPARE}?var-datasource=${{datasource}}"
            '&var-namespace=${__data.fields["namespace"]}&var-benchmark=${__data.fields["benchmark"]}')
    counts = [Query(f'max by (namespace, benchmark) (shapebench_benchmark_runs{{state="{state}"}})', state)
              for state in ("planned", "succeeded", "failed", "active")]
    yield panels.rows(
        "Benchmarks", "Which Benchmarks are there, and how far are they? A name leads to its shapes.",
        [Query("max by (namespace, benchmark) (shapebench_benchmark_created_seconds) * 1000", "created"), *counts,
         Query("max by (namespace, benchmark) (shapebench_benchmark_cost_spent)", "cost")],
        {"created": Column("dateTimeAsIso"), "cost": Column("short"), "benchmark": Column(link=("Its shapes", link))})


def _quantile(share: float) -> str:
    """No number where nothing was looked at: it would be NaN."""
    return (f"histogram_quantile({share}, sum by (le) "
            f"(rate(shapebench_reconcile_seconds_bucket{{{_OPERATOR}}}[$window]))) >= 0")

"""The operator's series: one per object that is there, with its parameters as labels."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fakes.clock import Clock
from hypothesis import given, strategies
from prometheus_client.parser import text_string_to_metric_families

from shapebench.api.usage import Usage
from shapebench.metrics.registry import Metrics
from shapebench.remote_write import parameters


def run(name: str, parameters: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {"apiVersion": "shapebench.dev/v1alpha1", "kind": "BenchmarkRun",
            "metadata": {"name": name, "namespace": "lab", "creationTimestamp": "2026-01-02T03:04:06Z"},
            "spec": {"benchmark": "one", "shape": "4x2", "parameters": parameters or {}, "block": 1, "repetition": 1,
                     "position": 1},
            "status": status}


def benchmark(**status: Any) -> dict[str, Any]:
    return {"apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "spec": {},
            "metadata": {"name": "one", "namespace": "lab", "creationTimestamp": "2026-01-02T03:04:05Z"},
            "status": status}


def lines(metrics: Metrics, prefix: str) -> list[str]:
    text = metrics.text().decode()
    return [line for line in text.splitlines() if line.startswith(prefix)]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Clock())


def test_an_ended_run(metrics: Metrics) -> None:
    metrics.board.saw(run("one-1-1", {"batchSize": 4, "cached": True}, phase="Succeeded", verdict="Valid",
                          durationS=12.5, cost=0.25, usage={"cpuSeconds": 30.5, "networkReceiveBytes": 1000}))
    labels = ('{benchmark="one",block="1",namespace="lab",parameter_batchSize="4",parameter_cached="true",'
              'run="one-1-1",shape="4x2",verdict="Valid"}')
    assert lines(metrics, "shapebench_run_")[1:] == [
        f"shapebench_run_duration_seconds{labels} 12.5", f"shapebench_run_cost{labels} 0.25",
        f"shapebench_run_usage_cpu_seconds{labels} 30.5", f"shapebench_run_usage_network_receive_bytes{labels} 1000.0"]


@pytest.mark.parametrize("status", [
    pytest.param({"phase": "Running"}, id="not-yet"),
    pytest.param({"phase": "Failed", "reason": "Unschedulable", "verdict": "Failed"}, id="never")])
def test_a_run_that_measured_nothing_says_that_it_is_there(metrics: Metrics, status: dict[str, Any]) -> None:
    metrics.board.saw(run("one-1-1", **status))
    verdict = status.get("verdict", "")
    assert lines(metrics, "shapebench_run_") == [
        'shapebench_run_created_seconds{benchmark="one",block="1",namespace="lab",run="one-1-1",shape="4x2",'
        f'verdict="{verdict}"}} 1.767323046e+09']


@pytest.mark.parametrize(("field", "part"), [
    ("usage", "usage"), ("measuredUsage", "measured_usage"), ("lostUsage", "lost_usage")])
def test_every_usage_has_its_series(metrics: Metrics, field: str, part: str) -> None:
    usage = {field.alias or name: 1 for name, field in Usage.model_fields.items()}
    metrics.board.saw(run("one-1-1", **{field: usage}))
    prefix = f"shapebench_run_{part}_"
    names = {line.split("{")[0].removeprefix(prefix) for line in lines(metrics, prefix)}
    assert names == set(Usage.model_fields)


def test_flags_times_and_money_of_a_run(metrics: Metrics) -> None:
    metrics.board.saw(run("one-1-1", verdict="Neighbour", costSpent=0.5, times={"startedS": 10.5, "finishedS": 23.0},
                          flags=[{"kind": "Neighbour", "message": "others used 40 %"},
                                 {"kind": "Steal", "message": "7 %"}, {"kind": "Neighbour", "message": "and 50 %"}]))
    found = {line.split("{")[0] + line.split("}")[1] for line in lines(metrics, "shapebench_run_")}
    assert found == {"shapebench_run_created_seconds 1.767323046e+09", "shapebench_run_cost_spent 0.5",
                     "shapebench_run_started_seconds 10.5", "shapebench_run_finished_seconds 23.0",
                     "shapebench_run_flag 1.0"}
    # Each series once, however many roles or pods have a flag of the kind.
    assert [line.split('kind="')[1].split('"')[0] for line in lines(metrics, "shapebench_run_flag")] == [
        "Neighbour", "Steal"]


@given(strategies.text(), strategies.floats(allow_nan=False))
def test_any_text_and_number_is_read_back_as_it_was(parameter: str, value: float) -> None:
    metrics = Metrics(Clock())
    metrics.board.saw(run("one-1-1", {"format": parameter}, durationS=value))
    (_, family) = text_string_to_metric_families(metrics.board.text())
    assert [(sample.labels["parameter_format"], sample.value) for sample in family.samples] == [(parameter, value)]


@given(strategies.lists(strategies.dictionaries(strategies.text(), strategies.text(), max_size=4), max_size=4))
def test_rows_may_name_their_parameters_in_any_words(rows: list[dict[str, str]]) -> None:
    """One name that cannot be read would cost the whole scrape."""
    metrics = Metrics(Clock())
    metrics.board.saw(run("one-1-1", {"step": 7}, measurements=[
        {"parameters": row, "values": {"loss": 0.5}} for row in rows]))
    samples = [one for family in text_string_to_metric_families(metrics.board.text()) for one in family.samples
               if family.name == "shapebench_run_measurement"]
    labels = parameters.names((name for row in rows for name in row), taken=["parameter_step"])
    own = {"benchmark", "block", "name", "namespace", "row", "run", "shape", "verdict", "parameter_step"}
    assert len(samples) == len(rows)
    for sample, row in zip(samples, rows, strict=True):
        assert {key: value for key, value in sample.labels.items() if key not in own} == {
            labels[name]: value for name, value in row.items()}
        assert sample.labels["parameter_step"] == "7"
        assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", label) for label in sample.labels)


def test_a_row_never_takes_a_label_of_the_cells(metrics: Metrics) -> None:
    metrics.board.saw(run("one-1-1", {"step": 7}, measurements=[{"parameters": {"step": 1}, "values": {"loss": 0.5}}]))
    (found,) = lines(metrics, "shapebench_run_measurement{")
    assert 'parameter_step="7",parameter_step_2="1"' in found


def test_a_run_that_changes_is_said_once(metrics: Metrics) -> None:
    metrics.board.saw(run("one-1-1", phase="Running", durationS=1.0, cost=0.1))
    metrics.board.saw(run("one-1-1", phase="Succeeded", durationS=2.0))
    assert [line.split("} ")[1] for line in lines(metrics, "shapebench_run_")[1:]] == ["2.0"]


def test_the_end_of_a_run_is_not_the_end_of_the_next_one_of_its_name(metrics: Metrics) -> None:
    first, second = run("one-1-1"), run("one-1-1")
    first["metadata"]["uid"], second["metadata"]["uid"] = "1", "2"
    metrics.board.saw(first)
    metrics.board.saw(second)
    metrics.board.gone(first)
    assert len(lines(metrics, "shapebench_run_")) == 1
    metrics.board.gone(second)
    assert lines(metrics, "shapebench_run_") == []


def test_measurements_of_equal_parameters_are_told_apart(metrics: Metrics) -> None:
    rows = [{"parameters": {"step": 1}, "values": {"loss": 0.5}}, {"parameters": {"step": 1}, "values": {"loss": 0.4}}]
    metrics.board.saw(run("one-1-1", measurements=rows))
    found = lines(metrics, "shapebench_run_measurement{")
    assert len(found) == 2
    assert all('name="loss",namespace="lab",parameter_step="1"' in line for line in found)


def test_a_benchmark_counts_its_runs_and_names_its_best(metrics: Metrics) -> None:
    best = {"shape": "4x2", "parameters": {"format": "tfrecord"}, "metric": "duration", "objective": 9.5, "runs": 3,
            "summary": "4x2"}
    metrics.board.saw(benchmark(runs={"planned": 12, "succeeded": 7}, best=best))
    assert 'shapebench_benchmark_runs{benchmark="one",namespace="lab",state="succeeded"} 7.0' in lines(
        metrics, "shapebench_benchmark_runs{")
    assert lines(metrics, "shapebench_benchmark_best_objective") == [
        'shapebench_benchmark_best_objective{benchmark="one",metric="duration",namespace="lab",'
        'parameter_format="tfrecord",shape="4x2"} 9.5']


def test_series_end_with_their_object(metrics: Metrics) -> None:
    one = run("one-1-1", durationS=1.0)
    metrics.board.saw(one)
    metrics.board.saw(benchmark())
    metrics.board.gone(one)
    metrics.board.gone(one)
    assert lines(metrics, "shapebench_run_") == []
    assert lines(metrics, "shapebench_benchmark_runs{")


def test_a_body_of_another_version_says_nothing(metrics: Metrics) -> None:
    metrics.board.saw(run("one-1-1", phase="Dreaming"))
    assert lines(metrics, "shapebench_run_") == []


def test_the_age_of_the_last_event() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    clock.now_s += 30
    assert lines(metrics, "shapebench_last_event") == ["shapebench_last_event_age_seconds 30.0"]
    metrics.heard()
    clock.now_s += 5
    assert lines(metrics, "shapebench_last_event") == ["shapebench_last_event_age_seconds 5.0"]


def test_when_a_benchmark_was_made_and_what_it_cost(metrics: Metrics) -> None:
    metrics.board.saw(benchmark(costSpent=1.25))
    assert [line.split("} ")[1] for line in lines(metrics, "shapebench_benchmark_c")] == ["1.767323045e+09", "1.25"]

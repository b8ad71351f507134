"""What the dashboards say of what is not as it should be: runs that failed, whose clock was set, that are doubtful or
sampled seldom; cells of one run; an operator with nothing to do."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import yaml
from prometheus import grafana, lab, scraping, server
from prometheus.grafana import Range, View
from prometheus.lab import Study
from prometheus.server import Answered, Prometheus
from prometheus.test_dashboards import COMPARE, OPERATOR, RUN, panels

from shapebench.agent import counters
from shapebench.agent.series import Sample
from shapebench.agent.series import Series as Sampled
from shapebench.analysis import validity
from shapebench.api import assemble
from shapebench.api.benchmark import Validity
from shapebench.api.record import Flag, PodRecord, Reason, RunRecord, Times, Verdict
from shapebench.api.usage import Series, Usage
from shapebench.remote_write.run import Choice, time_series
from shapebench.remote_write.series import TimeSeries, ended, labels_of

NAME, KILLED, SPARSE = "odd", "killed", "sparse"
MADE = lab.benchmark()
PAIR_S = (9.0, 11.0)
"""What the two runs of one cell took."""
CORES = 0.5


def run_of(name: str, created_s: float, pods: Iterable[PodRecord] = (), *, shape: str = "2x1", batch: int = 1,
           reason: Reason | None = None) -> RunRecord:
    """A run's record as the operator makes it of its pods' and of how it ended."""
    benchmark = name.split("-")[0]
    context = assemble.RunContext(
        benchmark=benchmark, namespace=lab.NAMESPACE, run=name, backend="kubernetes",
        cell=lab.recorded(lab.SHORT, created_s)[0].cell.model_copy(
            update={"shape": shape, "parameters": {"batchSize": batch}}),
        shape=next(one for one in MADE.spec.shapes if one.name == shape), block=1, repetition=1, position=1,
        price_per_hour=None)
    return assemble.run_record(context, list(pods), assemble.Outcome(1, reason), Times(created_s=created_s))


def odd_runs(now_s: float) -> Iterator[RunRecord]:
    """Two of one cell; a doubtful one and one whose clock was set, of another; and a shape whose runs all failed."""
    pods = lab.recorded(lab.SHORT, now_s - 400)[0].pods
    for number, took_s in enumerate(PAIR_S, start=1):
        yield run_of(f"{NAME}-1-{number}", now_s - 500, pods).model_copy(update={"duration_s": took_s})
    doubtful = run_of(f"{NAME}-1-3", now_s - 500, pods, batch=3)
    yield doubtful.model_copy(update={"flags": (Flag(kind=Verdict.THROTTLED, message="14 %"),)})
    fallen = run_of(f"{NAME}-1-4", now_s - 500, pods, batch=3).model_copy(update={"duration_s": -2.0})
    yield validity.judged(fallen, Validity(), [])
    for number, reason in ((5, Reason.OUT_OF_MEMORY), (6, Reason.UNSCHEDULABLE)):
        yield run_of(f"{NAME}-1-{number}", now_s - 500, shape="1x2", reason=reason)


def sampled_pod(end_s: float, life_s: int, measured_s: int, distance_s: int) -> PodRecord:
    """A pod of an even load that marked the end of its life as the measured part; thinned as the agent thins."""
    begun_s, kept = end_s - life_s, Sampled(600)
    used = [Sample(begun_s + at_s, counters.Usage(cpu_seconds=at_s * CORES), 2**20)
            for at_s in range(0, life_s + 1, distance_s)]
    for sample in used[:-1]:
        kept.add(sample)
    kept.close(used[-1])
    times, columns = kept.columns()
    return PodRecord(
        pod="p", role="worker", index=0, counters="cgroup-v2", agent_started_s=begun_s, program_started_s=begun_s,
        program_finished_s=end_s, measured_started_s=end_s - measured_s, measured_finished_s=end_s, exit_code=0,
        usage=Usage(cpu_seconds=life_s * CORES), measured_usage=Usage(cpu_seconds=measured_s * CORES),
        series=Series(time_s=tuple(times), columns={name: tuple(column) for name, column in columns.items()}))


def gauge(name: str, labels: dict[str, str], samples: Iterable[tuple[float, float]]) -> Iterator[TimeSeries]:
    """Scraped of an operator."""
    return ended(labels_of(name, {"job": "shapebench", "instance": "a", **labels}), samples)


@pytest.fixture(scope="module")
def now_s() -> float:
    return time.time()


@pytest.fixture(scope="module")
def odd(now_s: float, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen them all, some minutes ago."""
    sparse = [run_of(f"{SPARSE}-1-1", now_s - 400, [sampled_pod(now_s - 90, 100, 100, 10)]),
              run_of(f"{SPARSE}-1-2", now_s - 1500, [sampled_pod(now_s - 90, 1300, 100, 1)])]
    with server.running(tmp_path_factory.mktemp("prometheus")) as running:
        for records in (tuple(odd_runs(now_s)), tuple(sparse)):
            study = Study(MADE.model_copy(update={"metadata": MADE.metadata.model_copy(
                update={"name": records[0].benchmark})}), records, now_s - 3600)
            running.write(scraping.told(study.bodies(), now_s - 300, now_s + 30))
            for run in study.finished:
                running.write(time_series(run, Choice()))
        yield running


def panel(dashboard: dict[str, Any], title: str) -> dict[str, Any]:
    (found,) = (one for one in panels(dashboard) if one["title"] == title)
    return dict(found)


def shown(view: View, dashboard: dict[str, Any], title: str, column: int = 0) -> list[Answered]:
    return view.answer(panel(dashboard, title)["targets"][column])


def compare(odd: Prometheus, now_s: float, **chosen: Any) -> View:
    return grafana.view(COMPARE, odd, Range(now_s - 900, now_s), benchmark=NAME, **chosen)


def test_every_run_is_counted_whatever_it_measured(odd: Prometheus, now_s: float) -> None:
    counted = {one.labels["verdict"]: one.value for one in shown(compare(odd, now_s), COMPARE, "Runs by verdict")}
    assert counted == {"Valid": 3, "Clock": 1, "Failed": 2}


def test_a_shape_of_which_all_runs_failed_is_there(odd: Prometheus, now_s: float) -> None:
    view = compare(odd, now_s)
    assert set(view.values["shape"]) == {"1x2", "2x1"}
    assert view.values["by"] == ("shape", "parameter_batchSize")
    failed = {(one.labels["shape"], one.labels["parameter_batchSize"]): one.value
              for one in shown(view, COMPARE, "Cells", 1)}
    assert failed == {("2x1", "1"): 0, ("2x1", "3"): 0, ("1x2", "1"): 2}


def test_verdicts_of_runs_without_a_time_can_be_chosen(odd: Prometheus, now_s: float) -> None:
    view = compare(odd, now_s, verdict=("Failed", "Clock"))
    assert view.values["verdict"] == ("Failed", "Clock")
    for column in (0, 4, 5):  # created, and where the link leads
        listed = {one.labels["run"] for one in shown(view, COMPARE, "Runs", column)}
        assert listed == {f"{NAME}-1-{number}" for number in (4, 5, 6)}, column


def test_variation_is_the_reports(odd: Prometheus, now_s: float) -> None:
    """And a cell of one run, or of one with a time, has none: 0 % would read as perfectly steady."""
    (found,) = shown(compare(odd, now_s), COMPARE, "Cells", 3)
    assert found.labels == {"shape": "2x1", "parameter_batchSize": "1"}
    assert found.value == pytest.approx(statistics.stdev(PAIR_S) / statistics.mean(PAIR_S))


@pytest.mark.parametrize(("number", "verdict", "doubts"), [
    pytest.param(1, "Valid", {"none"}, id="no-doubt"), pytest.param(3, "Valid", {"Throttled"}, id="flagged"),
    pytest.param(4, "Clock", {"Clock", "Neighbour"}, id="clock"), pytest.param(5, "Failed", {"none"}, id="killed")])
def test_the_verdict_and_the_doubts_of_each_run(
        odd: Prometheus, now_s: float, number: int, verdict: str, doubts: set[str]) -> None:
    """Opened by the link in the table of runs."""
    table, run = compare(odd, now_s, verdict=("Valid", "Failed", "Clock")), f"{NAME}-1-{number}"
    from_s, to_s = (next(one.value / 1000 for one in shown(table, COMPARE, "Runs", column)
                         if one.labels["run"] == run) for column in (4, 5))
    view = grafana.view(RUN, odd, Range(from_s, to_s), benchmark=NAME, run=run)
    assert [one.labels["verdict"] for one in shown(view, RUN, "Verdict")] == [verdict]
    assert {one.labels["kind"] for one in shown(view, RUN, "Doubts")} == doubts


def test_runs_without_samples_are_offered(odd: Prometheus, now_s: float) -> None:
    (variable,) = (one for one in RUN["templating"]["list"] if one["name"] == "run")
    values = {"namespace": lab.NAMESPACE, "benchmark": NAME}
    assert f"{NAME}-1-6" in grafana.query_options(variable, odd, Range(now_s - 300, now_s), values)


@pytest.mark.parametrize(("run", "life_s", "window"), [
    pytest.param(f"{SPARSE}-1-1", 100, 22, id="ten-seconds-apart"),
    pytest.param(f"{SPARSE}-1-2", 1300, 10, id="a-short-measured-part-of-a-long-life")])
def test_curves_are_there_however_far_apart_the_samples(
        odd: Prometheus, now_s: float, run: str, life_s: int, window: int) -> None:
    end_s = now_s - 90
    view = grafana.view(RUN, odd, Range(end_s - life_s - 120, end_s + 60), benchmark=SPARSE, run=run)
    assert view.values["window"] == f"{window}"
    (curve,) = shown(view, RUN, "CPU, cores")
    even = [value for moment_s, value in curve.samples if end_s - life_s + window < moment_s < end_s]
    assert even == pytest.approx([CORES] * len(even))
    assert len(even) == pytest.approx((life_s - window) / view.range.step_s(1), abs=2)


def test_a_live_pods_rate_is_over_two_scrapes(odd: Prometheus, now_s: float) -> None:
    """They go on: the last sample has not been there for long."""
    labels = {"namespace": lab.NAMESPACE, "benchmark": "live", "run": "live-1-1", "role": "worker", "index": "0"}
    odd.write(gauge("shapebench_pod_cpu_seconds_total", {**labels, "source": "agent"},
                    [(now_s - 590 + 30 * number, 30 * number * CORES) for number in range(20)]))
    view = grafana.view(RUN, odd, Range(now_s - 900, now_s), benchmark="live", run="live-1-1", source="agent")
    assert view.values["window"] == "66"
    (curve,) = shown(view, RUN, "CPU, cores")
    assert len(curve.samples) > 500


def test_a_run_is_not_told_of_by_the_killed_one_of_its_name(odd: Prometheus, now_s: float) -> None:
    """It ran out of memory, its Benchmark was deleted, mended and applied: the new run is at work."""
    old = run_of(f"{KILLED}-1-1", now_s - 1500, reason=Reason.OUT_OF_MEMORY)
    new = run_of(f"{KILLED}-1-1", now_s - 700, reason=Reason.OUT_OF_MEMORY)
    for record, from_s, to_s in ((old, now_s - 1400, now_s - 800), (new, now_s - 600, now_s)):
        (body,) = Study(MADE, (record,), now_s - 3600).run_bodies()
        body["status"] = body["status"] if record is old else {"phase": "Running"}
        odd.write(scraping.told([body], from_s, to_s))
    for shown_, verdicts in ((Range(now_s - 900, now_s), []), (Range(now_s - 1600, now_s - 810), ["Failed"])):
        view = grafana.view(RUN, odd, shown_, benchmark=KILLED, run=old.run)
        assert [one.labels["verdict"] for one in shown(view, RUN, "Verdict")] == verdicts
        assert len(shown(view, RUN, "Doubts")) == len(verdicts)


def operator_at(odd: Prometheus, at_s: float, silent_s: float, active: int, looks: float) -> View:
    """An operator that has heard nothing for so long, with so many runs, and so many looks a second."""
    moments = [at_s - 15 * number for number in range(20, -1, -1)]
    labels = {"state": "active", "namespace": lab.NAMESPACE, "benchmark": "quiet"}
    odd.write(gauge("shapebench_last_event_age_seconds", {}, [(one, silent_s) for one in moments]))
    odd.write(gauge("shapebench_benchmark_runs", labels, [(one, active) for one in moments]))
    for name, more in (("count", {"result": "done"}), ("bucket", {"result": "done", "le": "0.5"}),
                       ("bucket", {"result": "done", "le": "+Inf"})):
        odd.write(gauge(f"shapebench_reconcile_seconds_{name}", more,
                        [(one, 7 + looks * (one - moments[0])) for one in moments]))
    return grafana.view(OPERATOR, odd, Range(at_s - 600, at_s + 5))


def test_an_hour_without_news_is_as_little_a_fault_as_a_quiet_cluster(odd: Prometheus, now_s: float) -> None:
    """A healthy run of an hour gives no news; and where no run is active none is to come."""
    title = "Silence while runs are active"
    steps = panel(OPERATOR, title)["fieldConfig"]["defaults"]["thresholds"]["steps"]
    warns, fault = (step["value"] for step in steps[1:])
    for number, (silent_s, active, told) in enumerate(((3300, 1, 3300), (90000, 0, 0), (7300, 1, 7300))):
        view = operator_at(odd, now_s - 3300 + 600 * number, silent_s, active, 0.1)
        (found,) = shown(view, OPERATOR, title)
        assert found.value == told
        assert (found.value >= warns, found.value >= fault) == (silent_s == 7300,) * 2
    rules = yaml.safe_load((server.ROOT / "helm/shapebench/files/prometheus/rules.yaml").read_text())
    alert = next(rule["expr"] for group in rules["groups"] for rule in group["rules"]
                 if rule["alert"] == "ShapebenchOperatorHearsNothing")
    assert f"shapebench_last_event_age_seconds > {fault:g}" in alert


@pytest.mark.parametrize(("looks", "failed"), [pytest.param(0.0, [], id="none"), pytest.param(0.1, [0.0], id="some")])
def test_an_operator_that_looks_at_nothing_has_no_share_of_failures(
        odd: Prometheus, now_s: float, looks: float, failed: list[float]) -> None:
    view = operator_at(odd, now_s - 1500 + 600 * len(failed), 10, 0, looks)
    assert [one.value for one in shown(view, OPERATOR, "Failed reconciles")] == failed
    assert len(shown(view, OPERATOR, "Slow reconciles")) == len(failed)

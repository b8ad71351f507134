"""Every query of every dashboard, asked as Grafana asks it, of a real Prometheus that holds real runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ports
import pytest
from prometheus import grafana, lab, scraping, server
from prometheus.grafana import Range, View
from prometheus.lab import Study
from prometheus.server import Answered, Prometheus

from shapebench.api import wire
from shapebench.api.record import RunRecord
from shapebench.handlers.endpoints import Endpoints
from shapebench.handlers.remote_metrics import RemoteMetrics
from shapebench.metrics.registry import Metrics
from shapebench.remote_write import names
from shapebench.remote_write.run import Choice, time_series

Tree = dict[str, Any]
DASHBOARDS: dict[str, Tree] = {path.stem: json.loads(path.read_text())
                               for path in sorted((server.ROOT / "manifests" / "dashboards").glob("*.json"))}
COMPARE, RUN, OPERATOR = (DASHBOARDS[f"shapebench-{name}"] for name in ("compare", "run", "operator"))
LIVE_RUN = "read-live-1-1"
NOT_COUNTED = ("disk_reads", "disk_writes", "cpu_throttled_seconds")
"""By processes."""


def panels(dashboard: Tree) -> list[Tree]:
    """Those that ask something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: Tree) -> list[Any]:
    """Each query of each panel."""
    return [pytest.param(target, id=f"{panel['title']}-{target['refId']}".replace(" ", "-"))
            for panel in panels(dashboard) for target in panel["targets"]]


def linked(record: RunRecord) -> Range:
    """The time range that the table of runs links to."""
    times = record.times
    assert times.started_s is not None
    assert times.finished_s is not None
    return Range(times.started_s - 120, times.finished_s + 60)


def has_values(found: list[Answered]) -> bool:
    return bool(found) and all(any(math.isfinite(value) for _, value in one.samples) for one in found)


def is_variation(target: Tree) -> bool:
    return "stdvar" in target["expr"]


def has_what_there_is(view: View, target: Tree) -> bool:
    """Values; but these Benchmarks have one run of each cell, so the variation within one is none."""
    found = view.answer(target)
    one_run_a_cell = is_variation(target) and len(view.values["by"]) == 2
    return not found if one_run_a_cell else has_values(found)


@pytest.fixture(scope="module")
def live_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real agent whose program is at work."""
    folder = tmp_path_factory.mktemp("live")
    port = ports.free(1)[0]
    environ = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": str(server.ROOT / "operator"), wire.ENV_METRICS_PORT: str(port),
        wire.ENV_RECORD_FILE: str(folder / "record.json"), wire.ENV_EVENTS_FILE: str(folder / "events"),
        wire.ENV_NAMESPACE: lab.NAMESPACE, wire.ENV_BENCHMARK: "read-live", wire.ENV_RUN: LIVE_RUN,
        wire.ENV_SHAPE: "2x1", wire.ENV_ROLE: wire.ROLE_WORKER, wire.ENV_INDEX: "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "shapebench.agent", "--", sys.executable, str(lab.PROGRAM), "600", "0.05", "100"],
        env=environ, cwd=folder)
    yield port
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def operator(study: Study, long_study: Study, fine_study: Study) -> Iterator[int]:
    """The port of an operator's endpoints that saw all studies, and is at work."""
    metrics, over = Metrics(time.monotonic), threading.Event()
    remote = RemoteMetrics(metrics.registry, time.monotonic)
    remote.count_pending(lambda: 0)
    for one in (study, long_study, fine_study):
        for body in one.bodies():
            metrics.board.saw(body)

    def work() -> None:
        while not over.wait(0.1):
            metrics.heard()
            metrics.reconcile_seconds.labels("done").observe(0.02)
            metrics.reconcile_seconds.labels("failed").observe(0.4)
            remote.run_sent()
            remote.samples(100, 0)

    worker = threading.Thread(target=work)
    worker.start()
    endpoints = Endpoints(metrics.text, lambda: None, 0)
    endpoints.start()
    yield endpoints.port
    over.set()
    worker.join()
    endpoints.stop()


@pytest.fixture(scope="module")
def filled(study: Study, long_study: Study, fine_study: Study, operator: int, live_agent: int,
           tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that was written to, and scrapes an operator and a live pod's agent; that by two jobs."""
    scrapes = [{"job_name": name, "honor_labels": True, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
               for name, port in (("shapebench", operator), ("pods", live_agent), ("pod-monitor", live_agent))]
    with server.running(tmp_path_factory.mktemp("prometheus"), scrapes) as running:
        for one in (study, long_study, fine_study):
            for run in one.finished:
                running.write(time_series(run, Choice()))
        for metric in ("shapebench_last_event_age_seconds", "shapebench_pod_cpu_seconds_total"):
            server.until(lambda sought=metric: _scraped(running, sought, 4),  # type: ignore[misc]
                         f"{metric} is not scraped")
        yield running


def _scraped(running: Prometheus, metric: str, times: int) -> bool:
    selector = metric if "pod" not in metric else f'{metric}{{run="{LIVE_RUN}"}}'
    return any(len(one.samples) >= times for one in running.samples(selector, time.time(), 60))


@pytest.fixture(scope="module", params=["3-seconds", "30-minutes"])
def compared(request: pytest.FixtureRequest, filled: Prometheus, study: Study, long_study: Study) -> View:
    """The comparison, opened now, however long ago the runs were."""
    now_s = time.time()
    chosen, back_s = (study, 900) if request.param == "3-seconds" else (long_study, 3600)
    return grafana.view(COMPARE, filled, Range(now_s - back_s, now_s), benchmark=chosen.benchmark.metadata.name)


@pytest.mark.parametrize("target", queries(COMPARE))
def test_comparing_shapes(compared: View, target: Tree) -> None:
    assert has_what_there_is(compared, target)


@pytest.mark.parametrize("chosen", [
    pytest.param({"by": ("shape",)}, id="by-shape"),
    pytest.param({"by": ("parameter_batchSize",)}, id="by-a-parameter"),
    pytest.param({"curves": "run", "part": "usage"}, id="each-run-whole-lives"),
    pytest.param({"shape": ("2x1",), "window": "3"}, id="one-shape-other-window"),
])
def test_comparing_as_chosen(filled: Prometheus, chosen: dict[str, Any]) -> None:
    now_s = time.time()
    view = grafana.view(COMPARE, filled, Range(now_s - 900, now_s), benchmark="read-speed", **chosen)
    empty = [f"{panel['title']} {target['refId']}" for panel in panels(COMPARE) for target in panel["targets"]
             if not has_what_there_is(view, target)]
    assert not empty


def test_comparing_only_where_a_parameter_has_a_value(filled: Prometheus) -> None:
    """Grafana puts such a filter into every selector of every panel: all that is asked of must have the parameters."""
    now_s = time.time()
    view = grafana.view(COMPARE, filled, Range(now_s - 900, now_s), benchmark="read-speed")
    for panel in panels(COMPARE):
        for target in panel["targets"]:
            narrowed = target["expr"].replace("{namespace=", '{parameter_batchSize="3",namespace=')
            found = view.answer({**target, "expr": narrowed})
            assert is_variation(target) or has_values(found), panel["title"]
            cells = {one.labels["cell"] for one in found if "cell" in one.labels}
            assert all(cell.endswith(" 3") for cell in cells), panel["title"]


@pytest.mark.parametrize(("priced", "measured"), [
    pytest.param(4, True, id="all"), pytest.param(3, True, id="all-but-one"), pytest.param(3, False, id="one-failed")])
def test_what_was_spent_is_the_whole_or_nothing(
        filled: Prometheus, study: Study, priced: int, measured: bool) -> None:
    """A shape without a price has runs without a cost, whatever they measured."""
    name, now_s = f"priced-{priced}-{measured}", time.time()
    bodies = list(study.bodies())
    for body in bodies[1 + priced:]:
        body["status"].pop("costSpent")
        if not measured:
            body["status"].pop("durationS")
    for body in bodies:
        body["spec"] = {**body["spec"], "benchmark": name}
    filled.write(scraping.told(bodies[1:], now_s - 60, now_s))
    view = grafana.view(COMPARE, filled, Range(now_s - 900, now_s), benchmark=name)
    (target,) = next(panel for panel in panels(COMPARE) if panel["title"] == "Cost so far")["targets"]
    spent = sum(body["status"].get("costSpent", 0.0) for body in bodies[1:])
    assert [one.value for one in view.answer(target)] == ([pytest.approx(spent)] if priced == 4 else [])


def test_cells_are_the_shapes_and_the_benchmarks_own_parameters(compared: View) -> None:
    assert compared.values["by"] == ("shape", "parameter_batchSize")
    assert compared.values["verdict"] == ("Valid",)
    target = next(panel for panel in panels(COMPARE) if panel["title"] == "Time of a run")["targets"][0]
    assert {one.labels["cell"] for one in compared.answer(target)} == {"1x2 1", "1x2 3", "2x1 1", "2x1 3"}


CURVES = [pytest.param(panel, id=panel["title"].replace(" ", "-")) for panel in panels(COMPARE)
          if panel["type"] == "trend"]


@pytest.mark.parametrize("panel", CURVES)
def test_curves_lie_over_each_other_from_the_left_edge(compared: View, panel: Tree, study: Study,
                                                       long_study: Study) -> None:
    """At every moment of a curve the seconds since the run's beginning are known: they are what is drawn over."""
    of_x, of_curves = panel["targets"]
    (elapsed,) = compared.answer(of_x)
    known = dict(elapsed.samples)
    step_s = compared.range.step_s(1)
    name = compared.values["benchmark"]
    longest_s = next(one.longest_s for one in (study, long_study) if one.benchmark.metadata.name == name)
    for moment_s, value in known.items():
        assert value == pytest.approx(moment_s - int(compared.range.from_s))
    assert max(known.values()) == pytest.approx(longest_s, abs=step_s + 1)
    for curve in compared.answer(of_curves):
        assert {moment_s for moment_s, _ in curve.samples} <= set(known)
        assert curve.samples[0][0] == pytest.approx(compared.range.from_s, abs=2 * step_s + 1)


def test_each_point_of_a_curve_is_what_was_used_by_the_time_it_took(compared: View, filled: Prometheus) -> None:
    """Also in the first second of three, of which rate() shows half; and there are none once the run is over."""
    name, window_s = compared.values["benchmark"], int(str(compared.values["window"]))
    panel = next(panel for panel in panels(COMPARE) if panel["title"] == "Network bytes in per second")
    stored = filled.samples(f'shapebench_aligned_network_receive_bytes_total{{benchmark="{name}"}}', time.time(),
                            2 * 86400)
    counted = {f"{one.labels['shape']} {one.labels['parameter_batchSize']}": one.samples for one in stored}
    curves = compared.answer(panel["targets"][1])
    assert {curve.labels["cell"] for curve in curves} == set(counted)
    for curve in curves:
        samples = counted[curve.labels["cell"]]
        begun_s, over_s = samples[0][0], samples[-1][0] - samples[0][0]
        level = {round(moment_s - begun_s): value for moment_s, value in samples if moment_s % 1 == 0}
        shown = {round(moment_s - int(compared.range.from_s)): value for moment_s, value in curve.samples}
        assert 1 <= min(shown) <= compared.range.step_s(1)
        assert over_s - compared.range.step_s(1) - 1 <= max(shown) <= over_s
        for after_s, value in shown.items():
            before_s = max(0, after_s - window_s)
            assert value == pytest.approx((level[after_s] - level[before_s]) / (after_s - before_s))


def test_cpu_per_cent_is_of_the_workers_cpus(compared: View) -> None:
    per_cent, cores = (next(panel for panel in panels(COMPARE) if panel["title"] == title)["targets"][1]
                       for title in ("CPU, % of the workers' CPUs", "CPU, cores"))
    busy = {one.labels["cell"]: dict(one.samples) for one in compared.answer(cores)}
    for curve in compared.answer(per_cent):
        for moment_s, share in curve.samples:
            assert share == pytest.approx(busy[curve.labels["cell"]][moment_s] / 0.4)  # of both shapes


@pytest.fixture(scope="module", params=["3-seconds", "30-minutes"])
def one_run(request: pytest.FixtureRequest, filled: Prometheus, study: Study, long_study: Study) -> View:
    """One run, opened from the table of runs: over its own time."""
    record = (study if request.param == "3-seconds" else long_study).records[0]
    return grafana.view(RUN, filled, linked(record), benchmark=record.benchmark, run=record.run)


@pytest.mark.parametrize("target", queries(RUN))
def test_one_run(one_run: View, target: Tree) -> None:
    assert has_values(one_run.answer(target))


@pytest.mark.parametrize("number", [0, 1])
def test_marks_of_the_measured_part(one_run: View, study: Study, long_study: Study, number: int) -> None:
    mark = RUN["annotations"]["list"][number]
    (found,) = one_run.answer({"expr": mark["expr"], "interval": mark["step"]})
    times = {one.run: one.times for records in (study.records, long_study.records) for one in records}
    expected = times[str(one_run.values["run"])]
    (moment,) = {value for _, value in found.samples}
    assert moment == pytest.approx(1000 * ((expected.started_s, expected.finished_s)[number] or 0))


def test_rates_of_pods_are_over_two_samples_however_long_the_run(filled: Prometheus, study: Study,
                                                                 long_study: Study) -> None:
    """A record has 600 samples of a pod at most: of half an hour one each four seconds."""
    windows = [grafana.view(RUN, filled, linked(record), benchmark=record.benchmark, run=record.run).values["window"]
               for record in (study.records[0], long_study.records[0])]
    assert windows == ["2", "10"]


def test_a_live_run(filled: Prometheus) -> None:
    """The pods' panels, of what the agent offers here: which counters there are is the kernel's to say."""
    now_s = time.time()
    view = grafana.view(RUN, filled, Range(now_s - 300, now_s), namespace=lab.NAMESPACE, benchmark="read-live",
                        run=LIVE_RUN, source="agent", window="5")
    offered = {one.labels["__name__"] for one in filled.query(f'{{run="{LIVE_RUN}"}}', now_s)}
    assert {"shapebench_pod_cpu_seconds_total", "shapebench_pod_memory_working_set_bytes",
            "shapebench_pod_network_receive_bytes_total", "shapebench_pod_disk_written_bytes_total"} <= offered
    asked = [target for panel in panels(RUN) for target in panel["targets"] if any(
        f"{name}{{" in target["expr"] for name in offered)]
    assert len(asked) == len(offered)
    for target in asked:
        assert has_values(view.answer(target)), target["expr"]


def test_a_pod_that_two_jobs_scrape_is_drawn_once(filled: Prometheus) -> None:
    """By its annotation and by a PodMonitor: as much CPU as one of them saw, and one line."""
    now_s = time.time()
    time.sleep(1.5)  # what was scraped by then is there: a scrape may take a second
    view = grafana.view(RUN, filled, Range(now_s - 300, now_s), namespace=lab.NAMESPACE, benchmark="read-live",
                        run=LIVE_RUN, source="agent", window="5")
    (target,) = next(panel for panel in panels(RUN) if panel["title"] == "CPU, cores")["targets"]
    (drawn,) = view.answer({**target, "instant": True})
    seen = filled.query(f'rate(shapebench_pod_cpu_seconds_total{{run="{LIVE_RUN}"}}[5s])', view.range.to_s)
    assert {one.labels["job"] for one in seen} == {"pods", "pod-monitor"}
    assert drawn.value == max(one.value for one in seen)
    (memory,) = next(panel for panel in panels(RUN) if panel["title"] == "Memory")["targets"]
    assert len(view.answer(memory)) == 1


def test_the_recorded_pods_had_every_counter(study: Study, long_study: Study) -> None:
    """So a panel that asks for one by a wrong name has nothing to show, and fails above. They are what the kernel told
    the agents (recording.py): of real control groups of the first version, of Linux 6.18, which counts operations of
    disks only below a limit, however high. The second version's are in tests/unit/agent alone."""
    for record in (*study.records, *long_study.records):
        for pod in record.pods:
            assert pod.counters == "cgroup-v1"
            assert set(pod.series.columns) == {*names.SUFFIXES}
        used = record.measured_usage
        assert used is not None
        assert None not in used.model_dump().values()
        assert min(used.disk_reads or 0, used.disk_writes or 0) > 100
    for one in (study, long_study):
        assert max(record.usage.cpu_throttled_seconds or 0.0 for record in one.records) > 0.3


@pytest.mark.parametrize("dashboard", [pytest.param(COMPARE, id="compare"), pytest.param(RUN, id="run")])
def test_what_is_not_counted_has_no_data_and_all_else_has(
        filled: Prometheus, fine_study: Study, dashboard: Tree) -> None:
    """A run of this machine: by processes alone nothing counts disk operations, or what a limit withholds."""
    (record,) = fine_study.records
    now_s = time.time()
    shown, chosen = (linked(record), {"run": record.run}) if dashboard is RUN else (Range(now_s - 900, now_s), {})
    view = grafana.view(dashboard, filled, shown, benchmark=record.benchmark, **chosen)
    for panel in panels(dashboard):
        found = [view.answer(target) for target in panel["targets"] if not is_variation(target)]
        asked = panel["targets"][-1]["expr"]
        if any(f"_{name}" in asked for name in NOT_COUNTED) and panel["title"] != "Share of the measured part":
            assert not any(found), panel["title"]  # nor an x to draw over: Grafana would speak of a missing field
        else:
            assert all(map(has_values, found)), panel["title"]


@pytest.mark.parametrize("target", queries(OPERATOR))
def test_the_operators_health(filled: Prometheus, target: Tree) -> None:
    now_s = time.time()
    assert has_values(grafana.view(OPERATOR, filled, Range(now_s - 3600, now_s)).answer(target))


def test_what_a_query_of_no_metric_would_say(filled: Prometheus) -> None:
    """These tests would see a misspelt metric."""
    now_s = time.time()
    view = grafana.view(OPERATOR, filled, Range(now_s - 3600, now_s))
    target = {**panels(OPERATOR)[0]["targets"][0], "expr": "shapebench_no_such_metric"}
    assert not has_values(view.answer(target))


def test_links_lead_to_dashboards_and_their_variables() -> None:
    urls = [link["url"] for one in DASHBOARDS.values() for panel in panels(one)
            for override in panel["fieldConfig"]["overrides"] for looks in override["properties"]
            if looks["id"] == "links" for link in looks["value"]]
    assert len(urls) == 2
    for url in urls:
        path, _, query = url.partition("?")
        target = DASHBOARDS[Path(path).name]
        named = {one.partition("=")[0].removeprefix("var-") for one in query.split("&")} - {"from", "to"}
        assert named <= {variable["name"] for variable in target["templating"]["list"]}

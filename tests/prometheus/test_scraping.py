"""A Prometheus that scrapes a running agent and an operator, with what the chart's monitors and annotations mean.

It has no window for late samples, so it also refuses runs of long ago, as a Prometheus that nobody prepared does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import ports
import pytest
import yaml
from prometheus import lab, scraping, server
from prometheus.lab import Study
from prometheus.server import ROOT, Prometheus, promtool
from prometheus_client import generate_latest, parser
from prometheus_client.openmetrics import parser as openmetrics

from shapebench.agent import package
from shapebench.api import wire
from shapebench.handlers.endpoints import Endpoints
from shapebench.handlers.remote_metrics import RemoteMetrics
from shapebench.metrics.registry import Metrics
from shapebench.remote_write import names, sending
from shapebench.remote_write.endpoint import Endpoint, Target
from shapebench.remote_write.run import Choice, time_series

SHARE = 0.3
LABELS = {"namespace": "lab", "benchmark": "live", "run": "live-1-1", "shape": "1x1", "role": "worker", "index": "0"}


@dataclass(frozen=True)
class Scraped:
    """The targets, and the server that scrapes them."""

    prometheus: Prometheus
    metrics: Metrics
    agent_port: int
    operator_port: int

    def text(self, port: int) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def now(self, query: str) -> list[server.Answered]:
        return self.prometheus.query(query, time.time())

    def last(self, name: str) -> list[server.Answered]:
        """Also where the last scrape took too long: then nothing is there now."""
        return self.now(f"last_over_time({name}[1m])")


@pytest.fixture(scope="module")
def agent_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an agent whose program uses an even share of a core."""
    folder, port = tmp_path_factory.mktemp("agent"), ports.free(1)[0]
    package.build(folder / "agent.pyz")
    environment = {"PATH": os.environ["PATH"], wire.ENV_METRICS_PORT: str(port), wire.ENV_SAMPLE_INTERVAL_S: "0.5",
                   **{f"SHAPEBENCH_{name.upper()}": value for name, value in LABELS.items()}}
    with subprocess.Popen([sys.executable, "-I", str(folder / "agent.pyz"), "--", sys.executable, str(lab.PROGRAM),
                           "600", str(SHARE), "100"], env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        yield port
        process.terminate()


@pytest.fixture(scope="module")
def scraped(agent_port: int, study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    metrics = Metrics(time.time)
    RemoteMetrics(metrics.registry, time.monotonic).count_pending(lambda: 0)
    for body in study.bodies():
        metrics.board.saw(body)
    endpoints = Endpoints(metrics.text, lambda: None, 0)
    endpoints.start()
    configs = scraping.of_monitors(agent_port, endpoints.port)
    with server.running(tmp_path_factory.mktemp("prometheus"), configs, window="") as running:
        server.until(lambda: running.targets() == {"agent": "up", "operator": "up"}, "not scraped")
        yield Scraped(running, metrics, agent_port, endpoints.port)
    endpoints.stop()


def test_a_live_pods_rate(scraped: Scraped) -> None:
    query = 'rate(shapebench_pod_cpu_seconds_total{benchmark="live", source="agent"}[4s])'
    server.until(lambda: [one.value for one in scraped.now(query)] == [pytest.approx(SHARE, rel=0.3)],
                 f"not {SHARE}")


def test_an_agents_labels_are_its_own(scraped: Scraped) -> None:
    """And not exported_namespace and so on beside those of the scrape."""
    (found,) = scraped.last("shapebench_pod_memory_working_set_bytes")
    assert LABELS.items() <= found.labels.items()
    assert found.labels["source"] == "agent"
    assert not [name for name in found.labels if name.startswith("exported_")]


def test_the_operators_series_are_of_the_benchmarks_namespace(scraped: Scraped, study: Study) -> None:
    runs = scraped.last("shapebench_run_duration_seconds")
    assert {one.labels["run"]: one.value for one in runs} == {
        record.run: pytest.approx(record.duration_s) for record in study.records}
    assert {one.labels["namespace"] for one in runs} == {lab.NAMESPACE}
    (own,) = scraped.last("shapebench_last_event_age_seconds")
    assert own.labels["namespace"] == "shapebench-system"


def test_series_end_with_their_objects(scraped: Scraped, study: Study) -> None:
    bodies = list(study.bodies())
    gone = next(body for body in bodies if body["kind"] == "BenchmarkRun")
    scraped.metrics.board.gone(gone)
    server.until(lambda: len(scraped.now("shapebench_run_duration_seconds")) == len(study.records) - 1, "still there")
    scraped.metrics.board.saw(gone)
    server.until(lambda: len(scraped.now("shapebench_run_duration_seconds")) == len(study.records), "not back")


def test_a_prometheus_that_is_not_prepared_refuses_old_runs_and_the_fix_is_said(
        scraped: Scraped, study: Study) -> None:
    old = replace(study, created_s=study.created_s - 3 * 3600)
    run = next(old.finished)
    endpoint = Endpoint(Target(scraped.prometheus.write_url, timeout_s=10))
    sent = sending.send(time_series(run, Choice(per_pod=False)), endpoint.post)
    assert sent.again is None
    assert (sent.samples, sent.dropped > 0) == (0, True)
    assert "out of bounds" in sent.refused
    assert "Set storage.tsdb.out_of_order_time_window" in sent.refused


def test_promtool_finds_no_fault_with_the_agents_metrics(scraped: Scraped) -> None:
    """In the older of the two formats, the only one that it reads."""
    families = list(openmetrics.text_string_to_metric_families(scraped.text(scraped.agent_port)))
    text = generate_latest(SimpleNamespace(collect=lambda: families)).decode()  # type: ignore[arg-type]
    assert text.count("# TYPE shapebench_pod_") >= 8
    assert faults(text) == ""


def test_promtool_finds_no_fault_with_the_operators_metrics(scraped: Scraped) -> None:
    """The parameters' names are the user's; promtool would rather have them in snake_case."""
    text = scraped.text(scraped.operator_port).replace("parameter_batchSize", "parameter_batch_size")
    assert "shapebench_remote_write_runs_total" in text
    assert faults(text) == ""


def test_promtool_finds_no_fault_with_any_words_of_a_jobs_rows(study: Study) -> None:
    metrics = Metrics(time.time)
    body = next(one for one in study.bodies() if one["kind"] == "BenchmarkRun")
    words = {"block size": 4, "block-size": "8\n\"", "größe": True, "": "", "9\n}": 1}
    rows = [{"parameters": words, "values": {"a b": 1}}]
    metrics.board.saw({**body, "status": {**body["status"], "measurements": rows}})
    text = metrics.board.text().replace("parameter_batchSize", "parameter_batch_size")
    assert 'parameter_block_size="4",parameter_block_size_2="8' in text
    assert faults(text) == ""


def faults(text: str) -> str:
    checked = promtool("check", "metrics", text=text)
    assert (checked.returncode == 0) == (not checked.stderr)
    return checked.stdout + checked.stderr


def test_promtool_finds_no_fault_with_the_names_that_are_written(study: Study) -> None:
    written = {dict(one.labels)["__name__"] for run in study.finished for one in time_series(run, Choice())}
    assert len(written) == len(names.SUFFIXES) + len(names.ALIGNED_SUFFIXES)
    kinds = {name: "counter" if name.endswith("_total") else "gauge" for name in sorted(written)}
    text = "".join(f"# HELP {name} Usage.\n# TYPE {name} {kind}\n{name} 1\n" for name, kind in kinds.items())
    assert faults(text) == ""


def pod_annotations() -> dict[str, str]:
    """Those of a run's pod, as the builders' golden manifest has them."""
    golden = yaml.safe_load_all((ROOT / "tests/unit/build/golden/tensorflow.yaml").read_text())
    pod = next(one for one in golden if one["kind"] == "Pod")
    annotations: dict[str, str] = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(wire.AGENT_PORT)
    return annotations


def operator_annotations() -> dict[str, str]:
    rendered = scraping.rendered()
    annotations: dict[str, str] = rendered.one("Deployment")["spec"]["template"]["metadata"]["annotations"]
    return annotations


@pytest.mark.parametrize(("annotations", "who", "name"), [
    pytest.param(pod_annotations, "agent", "shapebench_pod_cpu_seconds_total", id="a-runs-pod"),
    pytest.param(operator_annotations, "operator", "shapebench_run_duration_seconds", id="the-operator")])
def test_plain_annotations_lead_to_the_metrics(scraped: Scraped, annotations: Any, who: str, name: str) -> None:
    given = annotations()
    assert given["prometheus.io/scrape"] == "true"
    port = scraped.agent_port if who == "agent" else scraped.operator_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{given['prometheus.io/path']}", timeout=5) as answer:
        families = parser.text_string_to_metric_families(answer.read().decode())
        assert name in {sample.name for family in families for sample in family.samples}

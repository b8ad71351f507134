"""Scrape configurations that mean what the chart's objects mean, for targets on this machine; and scrapes that were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chart import rendering
from prometheus_client import parser

from shapebench.metrics.board import Board
from shapebench.remote_write.series import TimeSeries, ended, labels_of

EACH_S = 30

SERVED = tuple(f"monitoring.coreos.com/v1/{kind}" for kind in ("PodMonitor", "ServiceMonitor"))


def rendered(**values: Any) -> rendering.Rendered:
    """The chart with these values, on a cluster with the Prometheus Operator."""
    result = rendering.render(rendering.find_helm(), values, SERVED)
    assert not result.error
    return result


def of_monitors(agent_port: int, operator_port: int) -> list[dict[str, Any]]:
    """What the Prometheus Operator makes of the chart's PodMonitor and ServiceMonitor, with our targets."""
    enabled = {"enabled": True, "interval": "1s"}
    made = rendered(podMonitor=enabled, serviceMonitor=enabled)
    (pod,) = made.one("PodMonitor")["spec"]["podMetricsEndpoints"]
    (service,) = made.one("ServiceMonitor")["spec"]["endpoints"]
    return [_config("agent", pod, agent_port, {"namespace": "lab", "pod": "live-1-1-a1-worker-0"}),
            _config("operator", service, operator_port, {"namespace": "shapebench-system", "service": "shapebench"})]


def _config(job: str, endpoint: dict[str, Any], port: int, labels: dict[str, str]) -> dict[str, Any]:
    return {"job_name": job, "honor_labels": endpoint.get("honorLabels", False),
            "scrape_interval": endpoint["interval"], "metrics_path": endpoint.get("path", "/metrics"),
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": labels}]}


def told(bodies: Iterable[dict[str, Any]], from_s: float, to_s: float) -> Iterator[TimeSeries]:
    """What a Prometheus got of an operator that knew these objects from one moment to another (Unix seconds)."""
    board = Board()
    for body in bodies:
        board.saw(body)
    moments = [from_s + number * EACH_S for number in range(int((to_s - from_s) / EACH_S) + 1)]
    for family in parser.text_string_to_metric_families(board.text()):
        for sample in family.samples:
            labels = labels_of(sample.name, {**sample.labels, "job": "shapebench", "instance": "operator"})
            yield from ended(labels, [(moment_s, sample.value) for moment_s in moments])

"""The pod's counters as Prometheus metrics, in the OpenMetrics text format.

prometheus-client's data model and text format are imported here and only on the first scrape; its package as a
whole would bring HTTP, TLS and WSGI servers, 10 MB, into every pod (package.py carries the four modules needed).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from shapebench.agent.series import Sample

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class _Row(NamedTuple):
    name: str
    help: str


_COUNTERS: dict[str, _Row] = {
    "cpu_seconds": _Row("cpu_seconds", "CPU time used since the program started."),
    "cpu_throttled_seconds": _Row("cpu_throttled_seconds", "Time that the CPU limit held the pod back."),
    "network_receive_bytes": _Row("network_receive_bytes", "Bytes received."),
    "network_transmit_bytes": _Row("network_transmit_bytes", "Bytes sent."),
    "network_receive_packets": _Row("network_receive_packets", "Packets received."),
    "network_transmit_packets": _Row("network_transmit_packets", "Packets sent."),
    "disk_read_bytes": _Row("disk_read_bytes", "Bytes read from storage."),
    "disk_written_bytes": _Row("disk_written_bytes", "Bytes written to storage."),
    "disk_reads": _Row("disk_reads", "Read operations of block devices."),
    "disk_writes": _Row("disk_writes", "Write operations of block devices."),
}
"""Field of Usage -> the metric, shapebench_pod_<name>_total."""

_PERIODS: dict[str, _Row] = {
    "periods": _Row("cpu_periods", "Periods of the CPU limit in which the pod ran."),
    "throttled_periods": _Row("cpu_throttled_periods", "Periods of the CPU limit that it cut short."),
}
"""Field of Sample -> the metric."""

_SOURCE = {"source": "agent"}
"""Tells these apart from the same series as the operator writes them from the record."""


class PodCollector:
    """A prometheus_client collector of one pod; what is not known is not shown."""

    def __init__(self, labels: dict[str, str], latest: Callable[[], Sample]) -> None:
        self._labels = {**labels, **_SOURCE}
        self._latest = latest

    def collect(self) -> Iterator[Metric]:
        """The metrics as of the last sample."""
        from prometheus_client.metrics_core import (
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        names, values = tuple(self._labels), tuple(self._labels.values())
        sample = self._latest()
        for told, rows in ((sample.usage, _COUNTERS), (sample, _PERIODS)):
            for field, row in rows.items():
                value: float | None = getattr(told, field)
                if value is not None:
                    counter = CounterMetricFamily(f"shapebench_pod_{row.name}", row.help, labels=names)
                    counter.add_metric(values, value)
                    yield counter
        if sample.memory_bytes is not None:
            gauge = GaugeMetricFamily("shapebench_pod_memory_working_set_bytes",
                                      "Memory in use without page cache that is easy to drop.", labels=names)
            gauge.add_metric(values, sample.memory_bytes)
            yield gauge


def render(collector: PodCollector) -> bytes:
    """The metrics as text."""
    from prometheus_client.openmetrics.exposition import generate_latest
    from prometheus_client.registry import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(collector)
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # it has no annotations
    return text

"""The other shipped jobs on the cluster: each example ends well, each pod left its record and its numbers."""

from __future__ import annotations

import brief
import pytest

from e2e.conftest import ROOT, Cluster
from e2e.reporting import records

EXAMPLES = ROOT / "manifests/examples"

MEASURED = {
    "read-grid": "images_per_second",
    "write-tfrecords": "images_per_second",
    "train-strategies": "validation_accuracy",
    "batch-growth": "updates",
    "stream-windows": "processed_rows_per_second",
    "train-stream": "images_per_second",
    "sort": "records_per_second",
    "sql": "seconds",
    "k-means": "points_per_second",
}
"""Example → a value that its job must have measured."""

EVERY_VALUE = {"train-strategies", "batch-growth", "read-grid"}
"""Examples whose parameter is another way of working together, not another size."""


@pytest.mark.parametrize("example", MEASURED)
def test_a_shipped_job(spark_cluster: Cluster, example: str) -> None:
    cluster = spark_cluster
    benchmark = brief.benchmark(EXAMPLES / f"{example}.yaml", every_value=example in EVERY_VALUE)
    name = benchmark["metadata"]["name"]
    del benchmark["spec"]["shapes"][1:]
    cluster.apply(benchmark)
    cluster.wait("Succeeded", f"bm/{name}")
    found = records(cluster, name)
    assert {record["phase"] for record in found} == {"Succeeded"}
    for record in found:
        pods = [pod for pod in record["pods"] if pod["role"] in ("executor", "worker")]
        assert len(pods) == record["workers"], "every pod of the shape left its record"
        assert all(pod["usage"]["cpu_seconds"] > 0 for pod in pods)
        assert record["duration_s"] > 0
        assert any(MEASURED[example] in row["values"] for row in record["measurements"])

"""The shipped examples on the cluster: real Spark executors and real TensorFlow workers, measured."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import brief
import pytest

from e2e.conftest import ROOT, Cluster
from e2e.reporting import records, report

EXAMPLES = ROOT / "manifests/examples"


def test_spark_read_speed(spark_cluster: Cluster, tmp_path: Path) -> None:
    cluster = spark_cluster
    cluster.apply(brief.benchmark(EXAMPLES / "read-speed.yaml", every_value=True))
    cluster.wait("Succeeded", "bm/read-speed")
    found = records(cluster, "read-speed")
    assert {record["phase"] for record in found} == {"Succeeded"}
    for record in found:
        executors = [pod for pod in record["pods"] if pod["role"] == "executor"]
        assert len(executors) == record["workers"], "every executor left its record"
        assert all(pod["usage"]["cpu_seconds"] > 0.5 for pod in executors)
        assert record["duration_s"] > 0
        assert any("images_per_second" in row["values"] for row in record["measurements"])
    _what_people_see(cluster, "read-speed", tmp_path)


def test_tensorflow_train(cluster: Cluster, tmp_path: Path) -> None:
    cluster.apply(brief.benchmark(EXAMPLES / "train.yaml", every_value=True))
    cluster.wait("Succeeded", "bm/train")
    for record in records(cluster, "train"):
        assert record["phase"] == "Succeeded"
        final = [row["values"] for row in record["measurements"] if "replicas_in_sync" in row["values"]]
        assert [row["replicas_in_sync"] for row in final] == [record["workers"]] * record["workers"]
        assert len({row["final_loss"] for row in final}) == 1, "all tell the sum over all"
        assert len({row["weights_crc32"] for row in final}) == 1, "each worker's own weights are the same: one training"
        if record["workers"] > 1:
            assert record["usage"]["network_transmit_bytes"] > 100_000, "gradients went over the network"
    _what_people_see(cluster, "train", tmp_path)


def _what_people_see(cluster: Cluster, name: str, folder: Path) -> None:
    benchmarks, runs = cluster.kubectl("get", "bm"), cluster.kubectl("get", "bmr")
    status = cluster.get("bm", name)["status"]
    assert "PHASE" in benchmarks
    assert status["best"]["shape"] in benchmarks
    assert status["progress"] in benchmarks
    assert "Succeeded" in runs
    described = cluster.kubectl("describe", "bm", name)
    assert "created the pods of attempt 1" in described
    assert status["best"]["summary"] in described
    assert status["best"]["shape"] in report(cluster, name)
    report(cluster, name, f"--output={folder}")
    assert {path.name for path in folder.rglob("*.*")} >= {"report.html", "runs.csv", "runs.json"}
    rows = list(csv.DictReader(io.StringIO(report(cluster, name, "--format=csv"))))
    assert len(rows) == status["runs"]["created"]


@pytest.mark.parametrize(("file", "name", "role"), [
    pytest.param("own-pyspark-script.yaml", "word-count", "executor", id="pyspark"),
    pytest.param("own-tensorflow-script.yaml", "own-training", "worker", id="tensorflow"),
])
def test_a_users_own_unmodified_script(spark_cluster: Cluster, file: str, name: str, role: str) -> None:
    """The scripts fail by themselves where they computed something wrong or some replica was not with them."""
    cluster = spark_cluster
    cluster.apply(EXAMPLES / file)
    cluster.wait("Succeeded", f"bm/{name}")
    found = records(cluster, name)
    assert sorted(record["workers"] for record in found) == [1, 2]
    for record in found:
        assert record["phase"] == "Succeeded"
        assert record["duration_s"] > 0
        serving = [pod for pod in record["pods"] if pod["role"] == role]
        assert len(serving) == record["workers"]
        assert all(pod["usage"]["cpu_seconds"] > 0 for pod in serving)
        if record["workers"] > 1:
            assert record["usage"]["network_transmit_bytes"] > 10_000, "they worked together"

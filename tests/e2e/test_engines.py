"""Whole runs through the real training operator and the real Spark operator: the same programs, measured the same.

The two operators run here as processes with the cluster's kubeconfig, since no image of theirs is needed for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brief
import pytest
import yaml
from apiserver import definitions, other_operators
from apiserver.control_plane import ControlPlane

from e2e.conftest import KUBECONFIG, KUBECTL, PATIENCE_S, ROOT, Cluster, until
from e2e.reporting import records

pytestmark = pytest.mark.xdist_group("engines")  # its tests share what they install

EXAMPLES = ROOT / "manifests/examples"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """The cluster, with the two operators' definitions."""
    server = yaml.safe_load(Path(KUBECONFIG).read_text())["clusters"][0]["cluster"]["server"]
    made = ControlPlane(server, "", Path(KUBECONFIG), KUBECTL)
    for operator in ("training-operator", "spark-operator"):
        definitions.install(made, operator)
    yield made
    for operator in ("training-operator", "spark-operator"):
        definitions.remove(made, operator)


def once(example: str) -> dict[str, Any]:
    """An example's first shape, once."""
    body = brief.benchmark(EXAMPLES / f"{example}.yaml")
    del body["spec"]["shapes"][1:]
    return body


def phase_at_the_end(cluster: Cluster) -> str:
    """How the one run ended; empty until then."""
    phases = [run.get("status", {}).get("phase", "") for run in cluster.items("bmr")]
    return phases[0] if phases and phases[0] in ("Succeeded", "Failed") else ""


def test_a_tf_job(plane: ControlPlane, cluster: Cluster, tmp_path: Path) -> None:
    with other_operators.training_operator(plane, tmp_path, cluster.namespace) as log:
        cluster.apply(once("tf-job"))
        assert until(lambda: phase_at_the_end(cluster), PATIENCE_S) == "Succeeded", log.read_text()[-2000:]
        (record,) = records(cluster, "tf-job")
        assert [pod["role"] for pod in record["pods"]] == ["worker", "worker"]
        assert sorted(pod["index"] for pod in record["pods"]) == [0, 1]
        assert [row["values"]["replicas_in_sync"] for row in record["measurements"]
                if "replicas_in_sync" in row["values"]] == [2, 2]
        assert record["usage"]["network_transmit_bytes"] > 100_000, "gradients went over the network"
        until(lambda: not cluster.items("tfjobs") and not cluster.items("pods"))


def test_a_spark_application(plane: ControlPlane, spark_cluster: Cluster, tmp_path: Path) -> None:
    cluster = spark_cluster
    with other_operators.spark_operator(plane, tmp_path, cluster.namespace) as log:
        cluster.apply(once("spark-application"))
        assert until(lambda: phase_at_the_end(cluster), PATIENCE_S) == "Succeeded", log.read_text()[-2000:]
        (record,) = records(cluster, "spark-application")
        assert sorted(pod["role"] for pod in record["pods"]) == ["driver", "executor", "executor"]
        assert all(pod["usage"]["cpu_seconds"] > 0.5 for pod in record["pods"])
        assert any("images_per_second" in row["values"] for row in record["measurements"])
        until(lambda: not cluster.items("sparkapplications") and not cluster.items("pods"))

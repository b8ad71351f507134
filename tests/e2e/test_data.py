"""Where data may lie, on the cluster: a bucket of a real S3 server on this machine, and a claimed volume."""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3_server
from s3_server import S3Server, User

from e2e.conftest import ROOT, Cluster
from e2e.reporting import records, report
from shapebench_jobs.dataset import making
from shapebench_jobs.dataset.files import DatasetArguments

pytestmark = pytest.mark.xdist_group("data")  # its tests share what they install

EXAMPLES = ROOT / "manifests/examples"
SMALL = DatasetArguments(images=200, width=32, height=32, classes=3, seed=3, shards=4)
NAMES = ("bucket-read-speed", "bucket-train")
ON_NODES = "/var/lib/shapebench-e2e"
"""A folder of the kind cluster's nodes, which are containers: nothing of this machine."""


def _docker(*arguments: str, content: bytes | None = None) -> str:
    done = subprocess.run(["docker", *arguments], input=content, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> making.Dataset:
    return making.ensure(tmp_path_factory.mktemp("data"), SMALL)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory, made: making.Dataset) -> Iterator[S3Server]:
    """Listening on an address of this machine that pods reach: not that of the nodes' own network, from which nothing
    finds back to a pod."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))  # sends nothing: only asks which address leads outside
        address = probe.getsockname()[0]
    with s3_server.running(tmp_path_factory.mktemp("s3") / "server", address) as server:
        server.make_bucket("flowers")
        server.upload(made.folder, "flowers", "made")
        yield server


def _credentials(cluster: Cluster, s3: S3Server, user: User) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bucket"}, "stringData": {
        name: value for name, value in s3.environ(user).items() if name != "AWS_REGION"}})


def _secret_is_unwritten(cluster: Cluster, secret: str) -> None:
    """Neither in what the operator wrote, nor in any pod's log, nor in the records (packed, where they are logged)."""
    written = cluster.kubectl("get", "bm,bmr,pods,configmaps,events", "-o", "yaml")
    written += cluster.kubectl("logs", "--selector=shapebench.dev/benchmark", "--all-containers", "--prefix",
                               "--tail=-1", "--max-log-requests=50", "--ignore-errors")
    written += "".join(report(cluster, name, "--format=json") for name in NAMES)
    assert secret not in written
    assert base64.b64encode(secret.encode()).decode() not in written


def test_a_bucket(spark_cluster: Cluster, s3: S3Server) -> None:
    cluster = spark_cluster
    _credentials(cluster, s3, s3.reader)
    cluster.apply(EXAMPLES / "object-storage.yaml")
    for name in NAMES:
        cluster.wait("Succeeded", f"bm/{name}")
    reads = records(cluster, "bucket-read-speed")
    assert [record["phase"] for record in reads] == ["Succeeded"] * 2
    for record in reads:
        assert [row["values"]["images"] for row in record["measurements"]] == [SMALL.images]
        assert record["environment"]["dataset"] == SMALL.fingerprint
        assert record["usage"]["network_receive_bytes"] > 200_000, "the images came over the network"
    (training,) = records(cluster, "bucket-train")
    assert training["phase"] == "Succeeded"
    assert training["environment"]["dataset"] == SMALL.fingerprint
    assert float(training["environment"]["staging_seconds"]) > 0
    _secret_is_unwritten(cluster, s3.reader.secret)


def test_a_bucket_without_rights(spark_cluster: Cluster, s3: S3Server) -> None:
    cluster = spark_cluster
    _credentials(cluster, s3, s3.outsider)
    cluster.apply(EXAMPLES / "object-storage.yaml")
    for name in NAMES:
        cluster.wait("Failed", f"bm/{name}")
        for record in records(cluster, name):
            assert (record["phase"], record["reason"]) == ("Failed", "ProgramFailed")
            said = cluster.run_status(record["run"])["message"]
            assert "--data=s3a://flowers/made: access denied. Check that the credentials (AWS_ACCESS_KEY_ID" in said
    _secret_is_unwritten(cluster, s3.outsider.secret)


@pytest.fixture
def volume(spark_cluster: Cluster, made: making.Dataset, tmp_path: Path) -> Iterator[Cluster]:
    """A PersistentVolume with the data set, the same on every node, for the claim of the test's namespace."""
    folder = f"{ON_NODES}/{spark_cluster.namespace}"
    archive = subprocess.run(["tar", "--create", "--directory", str(made.folder), "."], capture_output=True, check=True)
    nodes = Cluster("default").kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split()
    for node in nodes:
        _docker("exec", "-i", node, "bash", "-c", f"mkdir -p {folder}/made && tar --extract -C {folder}/made "
                "--no-same-owner && chmod -R a+rX " + folder, content=archive.stdout)
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": spark_cluster.namespace}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany"], "storageClassName": "",
        "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": folder},
        "claimRef": {"namespace": spark_cluster.namespace, "name": "flowers"}}}
    spark_cluster.apply(body)
    yield spark_cluster
    spark_cluster.kubectl("delete", "pv", spark_cluster.namespace, "--wait=false", "--ignore-not-found")
    for node in nodes:
        _docker("exec", node, "rm", "-rf", folder)


def test_a_claim(volume: Cluster) -> None:
    cluster = volume
    cluster.apply(EXAMPLES / "read-speed-claim.yaml")
    cluster.wait("Succeeded", "bm/claim-read-speed")
    reads = records(cluster, "claim-read-speed")
    assert sorted(record["workers"] for record in reads) == [1, 2]
    for record in reads:
        assert record["phase"] == "Succeeded"
        assert [row["values"]["images"] for row in record["measurements"]] == [SMALL.images]
        assert record["environment"]["dataset"] == SMALL.fingerprint

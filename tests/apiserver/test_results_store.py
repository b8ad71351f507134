"""Records in a volume: the operator keeps them there, a full one loses nothing, and users read them through the API
server with no more than the rights that the chart's results.readers gives."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiserver import operator_process
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import NAMESPACE, ROOT, OperatorProcess, apply, end_pods, listed, tensorflow, until

PORT = 9090
READER = {"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}
VALUES = {"results": {"volume": {"enabled": True}, "readers": [READER]}}


@dataclass(frozen=True)
class Installed:
    """An operator with a volume of 64 KiB, and its Service."""

    operator: OperatorProcess
    volume: Path


@pytest.fixture(scope="module")
def installed(api_server: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    if os.geteuid() != 0:
        pytest.fail("these tests mount a tmpfs of 64 KiB as the volume: run them as root")
    folder = tmp_path_factory.mktemp("operator")
    volume = folder / "results"
    volume.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(volume)], check=True)
    try:
        account = operator_process.install_account(api_server, folder, VALUES)
        with operator_process.running(account, folder, SHAPEBENCH_RESULTS_URL=volume.as_uri(),
                                      SHAPEBENCH_RESULTS_SERVICE=f"{NAMESPACE}/shapebench:{PORT}") as operator:
            _service(api_server, operator.metrics_port)
            yield Installed(operator, volume)
            assert operator.denials() == []
            assert "Traceback" not in operator.log, operator.log
    finally:
        subprocess.run(["umount", str(volume)], check=True)


def _service(plane: ControlPlane, port: int) -> None:
    """The chart's Service and the operator's pod, as controllers would leave them: with this machine's own address.

    The API server hands a request on only to an address that a pod of the namespace has.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        any_socket.connect(("192.0.2.1", 9))  # nothing is sent; it tells which address is ours
        address = any_socket.getsockname()[0]
    metadata = {"name": "shapebench", "namespace": NAMESPACE}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
           "spec": {"containers": [{"name": "operator", "image": "none"}]}}
    target = {"targetRef": {"kind": "Pod", **metadata}}
    slices = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
              "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "shapebench"}},
              "endpoints": [{"addresses": [address], "conditions": {"ready": True}, **target}],
              "ports": [{"name": "metrics", "port": port, "protocol": "TCP"}]}
    endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [
        {"addresses": [{"ip": address, **target}], "ports": [{"name": "metrics", "port": port}]}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata,
               "spec": {"ports": [{"name": "metrics", "port": PORT}]}}
    applied = plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all([pod, service, endpoints, slices]))
    assert applied.returncode == 0, applied.stderr
    status = {"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}
    patched = plane.kubectl("patch", "pod", "shapebench", "-n", NAMESPACE, "--subresource=status", "--type=merge",
                            "-p", json.dumps(status))
    assert patched.returncode == 0, patched.stderr


def finished(plane: ControlPlane, installed: Installed, namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A Benchmark whose one run has ended; the run's status."""
    apply(plane, namespace, tensorflow(name, **spec))
    until(lambda: len(listed(plane, namespace, "pods")) == 2, installed.operator)
    end_pods(plane, namespace, name, exit_code=3)
    until(lambda: operator_process.run_status(plane, namespace, f"{name}-1-1").get("phase") == "Failed",
          installed.operator)
    return operator_process.run_status(plane, namespace, f"{name}-1-1")


def kubeconfig(plane: ControlPlane, folder: Path, account: str, namespace: str) -> Path:
    """Of an account that may see Benchmarks and their results in the namespace, and nothing cluster-wide."""
    rules = [{"apiGroups": ["shapebench.dev"], "resources": ["benchmarks", "benchmarkruns"], "verbs": ["get", "list"]},
             {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    metadata = {"name": f"{account}-{namespace}", "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    bodies = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": NAMESPACE}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": metadata,
         "roleRef": {"apiGroup": group, "kind": "Role", "name": metadata["name"]},
         "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}]}]
    assert plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(bodies)).returncode == 0
    token = plane.kubectl("create", "token", account, "-n", NAMESPACE, "--duration=1h")
    assert token.returncode == 0, token.stderr
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token.stdout.strip()}
    place = folder / f"{account}.kubeconfig"
    place.write_text(yaml.safe_dump(config))
    return place


def elsewhere(installed: Installed, config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`shapebench` where the volume is not mounted."""
    command = f"mount -t tmpfs tmpfs {installed.volume.parent}/results && exec \"$@\""
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", command, "sh", sys.executable, "-m", "shapebench", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "operator"), "KUBECONFIG": str(config)})


def test_a_reader_exports_what_is_in_the_volume_and_others_learn_which_right_is_missing(
        api_server: ControlPlane, installed: Installed, namespace: str, tmp_path: Path) -> None:
    status = finished(api_server, installed, namespace, "stored")
    assert status["record"].startswith(f"{installed.volume.as_uri()}/{namespace}/stored/")
    assert Path(status["record"].removeprefix("file://")).is_file()
    assert listed(api_server, namespace, "configmaps") == []

    exporting = ("export", "stored", "-n", namespace, "--format", "json", "--output", str(tmp_path))
    done = elsewhere(installed, kubeconfig(api_server, tmp_path, "reader", namespace), *exporting)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads((tmp_path / "runs.json").read_text())
    assert (record["run"], record["reason"]) == ("stored-1-1", "ProgramFailed")

    refused = elsewhere(installed, kubeconfig(api_server, tmp_path, "outsider", namespace), *exporting)
    assert refused.returncode == 2
    assert refused.stderr.startswith("shapebench: the records are in the operator's volume")
    assert f"get on services/proxy, name shapebench:{PORT}, in namespace {NAMESPACE}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_the_status_says_how_kubectl_reads_a_record(api_server: ControlPlane, installed: Installed,
                                                    namespace: str) -> None:
    finished(api_server, installed, namespace, "raw")
    def path() -> str:
        answer = api_server.kubectl("get", "benchmark", "raw", "-n", namespace, "-o", "jsonpath={.status.recordsPath}")
        return answer.stdout
    until(lambda: bool(path()), installed.operator)
    raw = subprocess.run(f'"{api_server.kubectl_path}" --kubeconfig="{api_server.kubeconfig}" get --raw '
                         f'"{path()}/raw-1-1.json.gz" | gunzip', shell=True, capture_output=True, text=True, check=True)
    assert json.loads(raw.stdout)["run"] == "raw-1-1"


def test_records_outlive_their_benchmark(api_server: ControlPlane, installed: Installed, namespace: str) -> None:
    status = finished(api_server, installed, namespace, "short", ttlSecondsAfterFinished=0)
    until(lambda: "short" not in api_server.kubectl("get", "benchmark", "-n", namespace, "-o", "name").stdout,
          installed.operator)
    assert Path(status["record"].removeprefix("file://")).is_file()


def test_a_full_volume_loses_nothing_and_says_so(api_server: ControlPlane, installed: Installed, namespace: str,
                                                 tmp_path: Path) -> None:
    filler = installed.volume / "filler"
    with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(b"x" * 4096)
    status = finished(api_server, installed, namespace, "full")
    filler.unlink()
    assert status["record"] == "full-1-1-record"
    (kept,) = listed(api_server, namespace, "configmaps")
    assert kept["metadata"]["name"] == "full-1-1-record"
    told = api_server.kubectl("describe", "benchmark", "full", "-n", namespace).stdout
    assert "Warning  ResultsStore" in told
    assert "No space left on device; the record of full-1-1 is in ConfigMap full-1-1-record instead" in told
    assert 'shapebench_results_writes_total{result="failed"} 1.0' in installed.operator.get("/metrics")[1]
    done = elsewhere(installed, kubeconfig(api_server, tmp_path, "outsider", namespace),
                     "export", "full", "-n", namespace, "--format", "json", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "runs.json").read_text())[0]["run"] == "full-1-1"

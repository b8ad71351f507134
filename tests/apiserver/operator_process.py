"""The operator as the chart runs it: under the chart's service account and role, as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ports
import yaml
from apiserver.control_plane import ControlPlane
from chart import rendering

NAMESPACE = "shapebench-system"
ROOT = Path(__file__).parents[2]
PATIENCE_S = 90
"""Below what a whole test may take: what is waited for comes in a second or two, on a slow machine in more."""
ROLES = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def install_account(plane: ControlPlane, folder: Path, values: dict[str, Any] | None = None) -> Path:
    """Apply the chart's accounts and roles; a kubeconfig of the operator's account."""
    _ensure_namespace(plane, NAMESPACE)
    rendered = rendering.render(rendering.find_helm(), values)
    assert not rendered.error
    wanted = [one for one in rendered.objects if one["kind"] in ROLES]
    applied = plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(wanted))
    assert applied.returncode == 0, applied.stderr
    (deployment,) = rendered.all("Deployment")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    token = plane.kubectl("create", "token", account, f"--namespace={NAMESPACE}", "--duration=1h")
    assert token.returncode == 0, token.stderr
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"] = [{"name": config["contexts"][0]["context"]["user"], "user": {"token": token.stdout.strip()}}]
    path = folder / "operator.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def _ensure_namespace(plane: ControlPlane, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert plane.kubectl("apply", "-f", "-", text=yaml.safe_dump(body)).returncode == 0


@dataclass(frozen=True)
class OperatorProcess:
    """A running operator."""

    process: subprocess.Popen[bytes]
    log_file: Path
    metrics_port: int
    probe_port: int

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def denials(self) -> list[str]:
        """What the operator wanted to do and its role does not let it."""
        return [line for line in self.log.splitlines() if re.search(r"User .* cannot ", line)]

    def get(self, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
        """The status and text of /metrics, /readyz or /healthz; status 0 when nothing answers."""
        port = self.probe_port if path == "/healthz" else self.metrics_port
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""


@contextmanager
def running(kubeconfig: Path, folder: Path, **settings: str) -> Iterator[OperatorProcess]:
    """Start the operator and wait until it is ready; end it with SIGTERM if the caller did not."""
    log_file = folder / "operator.log"
    metrics_port, probe_port = ports.free(2)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "USER": "operator", "PYTHONPATH": str(ROOT / "operator"),
        "KUBECONFIG": str(kubeconfig), "SHAPEBENCH_METRICS_PORT": str(metrics_port),
        "SHAPEBENCH_PROBE_PORT": str(probe_port), **settings}
    with log_file.open("wb") as output, subprocess.Popen(
            [sys.executable, "-m", "shapebench.main"], env=environment, stdout=output, stderr=output) as process:
        operator = OperatorProcess(process, log_file, metrics_port, probe_port)
        try:
            until(lambda: operator.get("/readyz")[0] == 200 and operator.get("/healthz")[0] == 200, operator)
            yield operator
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def faultless(plane: ControlPlane, folder: Path, values: dict[str, Any] | None = None) -> Iterator[OperatorProcess]:
    """The operator with the rights that the chart gives it with these values; at the end it had all that it wanted."""
    with running(install_account(plane, folder, values), folder) as operator:
        yield operator
        assert operator.denials() == []
        assert "Traceback" not in operator.log, operator.log


def until(condition: Callable[[], bool], operator: OperatorProcess | None = None) -> None:
    """Wait for it; fail with the operator's log."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        told = operator.log[-3000:] if operator else ""
        assert operator is None or operator.process.poll() is None, f"the operator ended: {told}"
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s; the operator says\n{told}"
        time.sleep(0.02)


def end_pods(plane: ControlPlane, namespace: str, benchmark: str, exit_code: int, reason: str = "",
             totals: Callable[[dict[str, Any]], str] = lambda pod: "") -> None:
    """Play the kubelet of pods whose programs end with this code and leave no log; `totals`: what they leave instead.

    `reason`: why the kubelet broke them off, if it did.
    """
    listed = plane.kubectl("get", "pods", "-n", namespace, "-l", f"shapebench.dev/benchmark={benchmark}", "-o", "json")
    for pod in json.loads(listed.stdout)["items"]:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ended = {"terminated": {"exitCode": exit_code, "reason": "Error", "startedAt": now, "finishedAt": now,
                                "message": totals(pod)}}
        status = {"phase": "Failed" if exit_code else "Succeeded", "reason": reason, "startTime": now,
                  "containerStatuses": [{
            "name": one["name"], "image": one["image"], "imageID": "", "ready": False, "restartCount": 0,
            "state": ended} for one in pod["spec"]["containers"]]}
        plane.kubectl("patch", "pod", pod["metadata"]["name"], "-n", namespace, "--subresource=status", "--type=merge",
                      "-p", json.dumps({"status": status}))


def tensorflow(name: str, **spec: Any) -> dict[str, Any]:
    """A Benchmark of one run of two workers, unless said otherwise."""
    return {"apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": name}, "spec": {
        "workload": {"tensorflow": {"job": "train"}}, "repetitions": {"count": 1, "warmups": 0},
        "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi"}], **spec}}


def spark(name: str) -> dict[str, Any]:
    """A Benchmark of one Spark run."""
    return tensorflow(name, workload={"spark": {"job": "read-speed"}})


def apply(plane: ControlPlane, namespace: str, body: dict[str, Any]) -> None:
    """kubectl apply."""
    applied = plane.kubectl("apply", "-n", namespace, "-f", "-", text=yaml.safe_dump(body))
    assert applied.returncode == 0, applied.stderr


def run_status(plane: ControlPlane, namespace: str, run: str) -> dict[str, Any]:
    """The status of a BenchmarkRun; empty while there is none."""
    answer = plane.kubectl("get", "benchmarkrun", run, "-n", namespace, "-o", "json", "--ignore-not-found")
    found: dict[str, Any] = json.loads(answer.stdout) if answer.stdout else {}
    return found.get("status", {})


def listed(plane: ControlPlane, namespace: str, kinds: str) -> list[dict[str, Any]]:
    """The operator's objects of these kinds."""
    answer = plane.kubectl("get", kinds, "-n", namespace, "-l", "shapebench.dev/benchmark", "-o", "json")
    assert answer.returncode == 0, answer.stderr
    return list(json.loads(answer.stdout)["items"])

"""A real etcd and kube-apiserver on loopback: no kubelet, no scheduler, no controllers.

Enough to prove what the API server itself decides: schemas, CEL rules, defaulting, pruning, printer columns, RBAC.
"""

from __future__ import annotations

import os
import secrets
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import built_tools
import ports
import yaml
from kubernetes import client

START_TIMEOUT_S = 60
TOOLS = ("etcd", "kube-apiserver", "kubectl")


class ControlPlaneError(RuntimeError):
    """The control plane cannot be started; the message says what to do."""


@dataclass(frozen=True)
class ControlPlane:
    """A running API server: its kubeconfig file, and two ways to talk to it as cluster administrator."""

    url: str
    token: str
    kubeconfig: Path
    kubectl_path: Path

    def client(self) -> client.ApiClient:
        """A new client of the official library. Close it after use."""
        settings = client.Configuration(host=self.url, api_key={"authorization": f"Bearer {self.token}"})
        settings.verify_ssl = True
        settings.ssl_ca_cert = str(self.kubeconfig.parent / "apiserver.crt")
        return client.ApiClient(settings)

    def kubectl(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl with `text` as its standard input; a refusal is a returncode, not an exception."""
        command = [str(self.kubectl_path), f"--kubeconfig={self.kubeconfig}",
                   f"--cache-dir={self.kubeconfig.parent / 'cache'}", *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def find_tools() -> dict[str, Path]:
    """The binaries: in $SHAPEBENCH_KUBE_BIN, else the newest of each in the project's cache."""
    folder = os.environ.get("SHAPEBENCH_KUBE_BIN")
    found = {name: Path(folder, name) if folder else built_tools.newest(f"tools/{name}-*/{name}")
             for name in TOOLS}
    missing = [name for name, path in found.items() if path is None or not path.is_file()]
    if missing:
        raise ControlPlaneError(
            f"no {', '.join(missing)} here: run `make test-tools` once (hack/kind/tools.sh {' '.join(TOOLS)} builds "
            "them from Go modules), or set SHAPEBENCH_KUBE_BIN to a folder that has them")
    return {name: path for name, path in found.items() if path is not None}


@contextmanager
def running(folder: Path) -> Iterator[ControlPlane]:
    """Start a control plane whose files lie in `folder`; stop it at the end. Raises ControlPlaneError."""
    tools = find_tools()
    etcd_port, peer_port, port = ports.free(3)
    token = secrets.token_hex(16)
    key = folder / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    etcd, peer, url = (f"http://127.0.0.1:{etcd_port}", f"http://127.0.0.1:{peer_port}", f"https://127.0.0.1:{port}")
    with ExitStack() as processes:
        processes.enter_context(_process(folder / "etcd.log", [
            tools["etcd"], f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--name=test",
            f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}", f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}"]))
        server = processes.enter_context(_process(folder / "apiserver.log", [
            tools["kube-apiserver"], f"--etcd-servers={etcd}", "--bind-address=127.0.0.1", f"--secure-port={port}",
            f"--cert-dir={folder}", f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/24",
            # The controller that makes service accounts' objects does not run here.
            "--disable-admission-plugins=ServiceAccount"]))
        plane = ControlPlane(url, token, folder / "kubeconfig", tools["kubectl"])
        plane.kubeconfig.write_text(_kubeconfig(url, token, folder / "apiserver.crt"))
        _wait_until_ready(plane, server, folder / "apiserver.log")
        yield plane


@contextmanager
def _process(log: Path, command: Sequence[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:  # an API server waits a minute for open watches
                process.kill()


def _kubeconfig(url: str, token: str, authority: Path) -> str:
    return yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    })


def _wait_until_ready(plane: ControlPlane, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        if _is_ready(plane):
            return
        time.sleep(0.1)
    raise ControlPlaneError(f"kube-apiserver did not become ready; its log ends with\n{log.read_text()[-2000:]}")


def _is_ready(plane: ControlPlane) -> bool:
    authority = plane.kubeconfig.parent / "apiserver.crt"  # the server writes it when it starts
    if not authority.exists():
        return False
    request = urllib.request.Request(f"{plane.url}/readyz", headers={"Authorization": f"Bearer {plane.token}"})
    try:
        with urllib.request.urlopen(request, timeout=2, context=ssl.create_default_context(cafile=authority)):
            return True
    except OSError:  # refused, not ready yet (an HTTPError), or the certificate's file is half written
        return False

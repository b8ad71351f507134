"""The operators that a Benchmark may be launched through, as processes against a real API server: built from their own
Go modules, not imitated. Their webhooks are not registered, so nothing has to reach them.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import built_tools
import ports
import pyspark
import yaml
from apiserver.control_plane import ControlPlane, ControlPlaneError

from shapebench.local import java

ENABLED = {"engines": {"sparkApplication": {"enabled": True}, "tfJob": {"enabled": True}}, "kueue": {"enabled": True}}
"""The chart's values that give our operator the rights on their objects."""
INTEGRATIONS = ("kubeflow.org/tfjob", "sparkoperator.k8s.io/sparkapplication")
"""What Kueue calls the kinds that Benchmarks are launched through."""
WEBHOOK_CERTIFICATES = Path("/tmp/k8s-webhook-server/serving-certs")
"""Where a webhook server of the training operator looks for its certificate, with no option to change it."""


def find(tool: str) -> Path:
    """A binary that hack/kind/tools.sh built."""
    built = built_tools.newest(f"tools/{tool}-*/{tool}")
    if built is None:
        raise ControlPlaneError(f"no {tool} here: run `make test-tools` once")
    return built


@contextmanager
def training_operator(plane: ControlPlane, folder: Path, namespace: str) -> Iterator[Path]:
    """The training operator for one namespace; gives its log."""
    _certificate(WEBHOOK_CERTIFICATES)
    _apply(plane, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}},
           {"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "training-operator-webhook-cert", "namespace": "kubeflow"}},
           {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "validator.training-operator.kubeflow.org"}, "webhooks": []})
    webhook, probe = ports.free(2)
    with process(folder / "training-operator.log", [
            find("training-operator"), f"--kubeconfig={plane.kubeconfig}", f"--namespace={namespace}",
            "--enable-scheme=tfjob", "--metrics-bind-address=0", f"--webhook-server-port={webhook}",
            f"--health-probe-bind-address=127.0.0.1:{probe}"], {}) as log:
        yield log


@contextmanager
def spark_operator(plane: ControlPlane, folder: Path, namespace: str) -> Iterator[Path]:
    """The Spark operator for one namespace, submitting with this environment's own Spark; gives its log."""
    server = urlsplit(plane.url)
    runtime = java.find(os.environ)
    with process(folder / "spark-operator.log", [
            find("spark-operator"), "controller", "start", f"--namespaces={namespace}", "--health-probe-bind-address=0",
            "--enable-ui-service=false"], {
                "KUBECONFIG": str(plane.kubeconfig), "KUBERNETES_SERVICE_HOST": str(server.hostname),
                "KUBERNETES_SERVICE_PORT": str(server.port), "SPARK_HOME": str(Path(pyspark.__file__).parent),
                "JAVA_HOME": str(runtime.program.resolve().parents[1])}) as log:
        yield log


@contextmanager
def kueue(plane: ControlPlane, folder: Path, integrations: Sequence[str] = INTEGRATIONS) -> Iterator[Path]:
    """Kueue for these kinds of object; gives its log."""
    names = {"clientConfig": {"service": {"name": "kueue-webhook-service", "namespace": "kueue-system"}},
             "conversionReviewVersions": ["v1"]}
    for kind in ("localqueues", "clusterqueues", "workloads", "cohorts", "multikueueclusters"):
        # It writes its certificate there before it starts. Nothing is converted: all ask for the stored version.
        patched = plane.kubectl("patch", "crd", f"{kind}.kueue.x-k8s.io", "--type=merge", "-p",
                                json.dumps({"spec": {"conversion": {"strategy": "Webhook", "webhook": names}}}))
        assert patched.returncode == 0, patched.stderr
    hook = {"apiVersion": "admissionregistration.k8s.io/v1", "webhooks": []}
    _apply(plane, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kueue-system"}},
           {"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "kueue-webhook-server-cert", "namespace": "kueue-system"}},
           *(hook | {"kind": f"{one}WebhookConfiguration",
                     "metadata": {"name": f"kueue-{one.lower()}-webhook-configuration"}}
             for one in ("Validating", "Mutating")))
    certificates, settings = folder / "kueue-certificates", folder / "kueue.yaml"
    _certificate(certificates)
    webhook, probe = ports.free(2)
    settings.write_text(yaml.safe_dump({
        "apiVersion": "config.kueue.x-k8s.io/v1beta2", "kind": "Configuration", "namespace": "kueue-system",
        "health": {"healthProbeBindAddress": f"127.0.0.1:{probe}"}, "metrics": {"bindAddress": "0"},
        "webhook": {"port": webhook, "certDir": str(certificates)}, "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": True},
        "integrations": {"frameworks": list(integrations)}}))
    gates = "--feature-gates=SparkApplicationIntegration=true,VisibilityOnDemand=false"
    command = [find("kueue"), f"--config={settings}", f"--kubeconfig={plane.kubeconfig}", gates]
    with process(folder / "kueue.log", command, {}) as log:
        yield log


def _certificate(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")],
                   check=True, capture_output=True)


def _apply(plane: ControlPlane, *bodies: Mapping[str, object]) -> None:
    applied = plane.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(bodies))
    assert applied.returncode == 0, applied.stderr


@contextmanager
def process(log: Path, command: Sequence[str | Path], environment: Mapping[str, str]) -> Iterator[Path]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with log.open("wb") as output, subprocess.Popen(
            command, stdout=output, stderr=output, env={**inherited, **environment}) as started:
        try:
            yield log
        finally:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()

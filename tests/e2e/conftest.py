"""The real cluster: kubectl on `make kind-up`, the chart installed by `make deploy`, one namespace a test.

Two tests run at a time, but for those marked `alone`: they measure loads, take a node for themselves or kill the
operator.

Refuses any context that is not a kind cluster's: these tests kill pods.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KUBECONFIG = os.environ.get("KUBECONFIG", str(ROOT / "build/kind/kubeconfig"))
KUBECTL = ROOT / "build/kind/bin/kubectl"
SYSTEM = "shapebench-system"
PATIENCE_S = 900
"""Below what a whole test may take (Makefile): a slow machine is no fault."""


@dataclass(frozen=True)
class Cluster:
    """kubectl in one namespace."""

    namespace: str

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        done = subprocess.run([str(KUBECTL), "-n", self.namespace, *arguments], input=stdin, text=True,
                              capture_output=True, env=os.environ | {"KUBECONFIG": KUBECONFIG}, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return done.stdout + ("" if done.returncode == 0 else done.stderr)

    def apply(self, manifest: dict[str, Any] | Path) -> str:
        if isinstance(manifest, Path):
            return self.kubectl("apply", "-f", str(manifest))
        return self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    def get(self, what: str, name: str = "", *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", what, *filter(None, [name]), *arguments, "-o", "json"))
        return found

    def items(self, what: str, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(what, "", *arguments)["items"]
        return found

    def wait(self, condition: str, what: str) -> None:
        """Until it is so; an AssertionError with what happened as soon as a Benchmark has ended otherwise."""
        ends = condition in ("Succeeded", "Failed")
        self.kubectl("wait", f"--for=condition={'Finished' if ends else condition}", what, f"--timeout={PATIENCE_S}s")
        conditions = {one["type"]: one for one in self.get(what)["status"]["conditions"]} if ends else {}
        if ends and conditions[condition]["status"] != "True":
            runs = {run["metadata"]["name"]: run["status"].get("message", "") for run in self.items("bmr")}
            raise AssertionError(f"{what} has not {condition}: {conditions['Finished']}, {runs}")

    def run_status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get("bmr", name).get("status", {})
        return found


def until(true: Callable[[], Any], timeout_s: float = 120, every_s: float = 0.5) -> Any:
    """What `true` returns as soon as it is true; an AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < deadline, f"not so within {timeout_s} s"
        time.sleep(every_s)
    return found


@pytest.fixture(scope="session", autouse=True)
def _kind_alone() -> None:
    assert KUBECTL.exists(), "no cluster: run `make kind-up images deploy` first"
    context = Cluster("default").kubectl("config", "current-context").strip()
    assert context.startswith("kind-"), f"context {context!r} is not a kind cluster's; these tests kill pods"


@pytest.fixture(scope="session")
def system() -> Cluster:
    """The operator's namespace."""
    return Cluster(SYSTEM)


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A namespace of the test's own, under Pod Security's `restricted` level, gone afterwards."""
    name = request.node.name.replace("_", "-").split("[")[0].removeprefix("test-")[:40].strip("-")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")  # another one's may begin in the same second
    name = f"e2e-{name}-{worker}-{int(time.time()) % 100000}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    made = Cluster(name)
    made.apply(body)
    yield made
    made.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def spark_cluster(cluster: Cluster) -> Cluster:
    """The same, with the account that the chart makes in each of its workloadNamespaces."""
    account = Cluster("default").get("serviceaccount", "shapebench-driver")
    role = Cluster("default").get("role", "shapebench-driver")
    binding = Cluster("default").get("rolebinding", "shapebench-driver")
    binding["subjects"][0]["namespace"] = cluster.namespace
    for body in (account, role, binding):
        body["metadata"] = {"name": body["metadata"]["name"], "namespace": cluster.namespace}
        cluster.apply(body)
    return cluster


def python_benchmark(name: str, program: str, *, workers: int = 1, cpu: str = "500m", memory: str = "256Mi",
                     **spec: Any) -> dict[str, Any]:
    """A Benchmark of a few lines of Python in the TensorFlow image, without importing TensorFlow."""
    return {
        "apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": name},
        "spec": {
            "workload": {"tensorflow": {"command": ["python3", "-c", program]}},
            "shapes": [{"name": "one", "workers": workers, "cpu": cpu, "memory": memory}],
            "repetitions": {"count": 1, "warmups": 0},
            # The nodes share one machine with all else that runs there: every pod has loud neighbours.
            "validity": {"policy": "Flag"},
        } | spec,
    }

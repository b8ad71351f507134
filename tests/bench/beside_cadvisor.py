"""The same pods as the agent and as the kubelet's cAdvisor tell them, on the kind cluster.

    PYTHONPATH=operator python tests/bench/beside_cadvisor.py

Pods of 3, 15 and 60 s burn half a core and send 20 MB to each other. The kubelet is asked once a second, far more
often than any Prometheus would, so what it lacks it did not have. Prints one line for each length and counter.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KUBECTL = ROOT / "build/kind/bin/kubectl"
KUBECONFIG = os.environ.get("KUBECONFIG", str(ROOT / "build/kind/kubeconfig"))
NAMESPACE = "default"
LENGTHS_S = (3, 15, 60)
SENT_BYTES = 20_000_000
TIMEOUT_S = 240

PROGRAM = """
import json, os, socket, time
config, end = json.loads(os.environ["TF_CONFIG"]), time.time() + {seconds}
peer = config["cluster"]["worker"][1].rsplit(":", 1)[0]
if config["task"]["index"] == 1:
    server = socket.create_server(("", 2222)); connection, _ = server.accept()
    while connection.recv(1 << 16): pass
else:
    connection = socket.create_connection((peer, 2222))
    connection.sendall(bytes({sent})); connection.close()
while time.time() < end:
    sum(range(10000))
"""

COUNTERS = {
    "cpu_seconds": "container_cpu_usage_seconds_total",
    "network_receive_bytes": "container_network_receive_bytes_total",
    "network_transmit_bytes": "container_network_transmit_bytes_total",
    "memory_peak_bytes": "container_memory_max_usage_bytes",
}
"""Field of the record's usage -> cAdvisor's family."""

_SAMPLE = re.compile(r'^(\w+)\{(.*)\} (\S+)(?: \d+)?$')
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Kubelets:
    """The highest value of each family and pod that any node's kubelet told."""

    seen: dict[tuple[str, str], float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        nodes = kubectl("get", "nodes", "-o", "name").split()
        while not self.stop.wait(1.0):
            for node in nodes:
                for family, pod, value in _samples(kubectl(
                        "get", "--raw", f"/api/v1/nodes/{node.removeprefix('node/')}/proxy/metrics/cadvisor")):
                    self.seen[family, pod] = max(value, self.seen.get((family, pod), 0.0))


def _samples(text: str) -> Iterator[tuple[str, str, float]]:
    """Family, pod and value of what belongs to a pod's program, or to its network."""
    for line in text.splitlines():
        found = _SAMPLE.match(line)
        if found is None or found[1] not in COUNTERS.values():
            continue
        labels = dict(_LABEL.findall(found[2]))
        ours = labels.get("container") == "program" or labels.get("interface") == "eth0"
        if labels.get("pod") and ours:
            yield found[1], labels["pod"], float(found[3])


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Its output. Raises CalledProcessError."""
    return subprocess.run([str(KUBECTL), "-n", NAMESPACE, *arguments], input=stdin, text=True, check=True,
                          stdout=subprocess.PIPE, env=os.environ | {"KUBECONFIG": KUBECONFIG}).stdout


def benchmark(seconds: int) -> dict[str, Any]:
    """Two workers, one run."""
    program = PROGRAM.format(seconds=seconds, sent=SENT_BYTES).replace("{", "{{").replace("}", "}}")
    return {
        "apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": f"beside-{seconds}"},
        "spec": {"workload": {"tensorflow": {"command": ["python3", "-c", program]}},
                 "shapes": [{"name": "two", "workers": 2, "cpu": "500m", "memory": "128Mi"}],
                 "repetitions": {"count": 1, "warmups": 0}, "validity": {"policy": "Flag"}},
    }


def usages(seconds: int) -> Mapping[str, Mapping[str, float]]:
    """Run it; the usage of each pod, by its name, as the agents recorded it."""
    name = f"beside-{seconds}"
    kubectl("apply", "-f", "-", stdin=json.dumps(benchmark(seconds)))
    kubectl("wait", "--for=condition=Succeeded", f"bm/{name}", f"--timeout={TIMEOUT_S}s")
    shapebench = ROOT / ".venv/bin/shapebench"
    text = subprocess.run([str(shapebench), "report", name, "-n", NAMESPACE, "--format", "json"], text=True, check=True,
                          stdout=subprocess.PIPE, env=os.environ | {"KUBECONFIG": KUBECONFIG}).stdout
    kubectl("delete", "bm", name, "--wait=false")
    return {pod["pod"]: pod["usage"] for record in json.loads(text) for pod in record["pods"]}


def main() -> int:
    """Print the comparison."""
    kubelets = Kubelets()
    thread = threading.Thread(target=kubelets.follow, daemon=True)
    thread.start()
    print(f"{'pods of':>8}  {'counter':<24}{'agent':>14}{'cAdvisor':>14}{'cAdvisor has':>14}")
    for seconds in LENGTHS_S:
        agent = usages(seconds)
        time.sleep(3.0)
        for counter, family in COUNTERS.items():
            own = [usage[counter] for usage in agent.values()]
            theirs = [kubelets.seen.get((family, pod)) for pod in agent]
            known = [value for value in theirs if value is not None]
            share = f"{sum(known) / sum(own):.1%}" if len(known) == len(own) else f"{len(known)} of {len(own)} pods"
            middle = f"{statistics.fmean(known):,.3g}" if known else "nothing"
            print(f"{seconds:>6} s  {counter:<24}{statistics.fmean(own):>14,.4g}{middle:>14}{share:>14}")
    kubelets.stop.set()
    thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())

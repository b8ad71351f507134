"""How quick and how lean the operator is, on the kind cluster: `make bench`.

Prints, for Benchmarks of a program that ends at once: from apply to the first pod's creation, and from a run's end (the
last program's own last moment, to the kubelet's second) to the creation of the next run's first pod; then what the
operator has resident, and what CPU it takes when nothing happens. Times are those at which a watch sees the objects.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client, config, watch

ROOT = Path(__file__).parents[2]
NAMESPACE, SYSTEM = "default", "shapebench-system"
KUBECONFIG = os.environ.get("KUBECONFIG", str(ROOT / "build/kind/kubeconfig"))
GROUP = ("shapebench.dev", "v1alpha1", NAMESPACE, "benchmarks")


@dataclass
class Seen:
    """When the watch first saw each run's first pod, and each run's last program ended."""

    created_s: dict[str, float] = field(default_factory=dict)
    ended_s: dict[str, float] = field(default_factory=dict)

    def follow(self) -> None:
        api = client.CoreV1Api()
        for event in watch.Watch().stream(api.list_namespaced_pod, NAMESPACE, label_selector="shapebench.dev/run"):
            now, pod = time.time(), event["object"]
            run = pod.metadata.labels["shapebench.dev/run"]
            self.created_s.setdefault(run, now)
            statuses = pod.status.container_statuses or []
            if any(one.name == "program" and one.state.terminated for one in statuses):
                self.ended_s.setdefault(run, now)


def benchmark(name: str, runs: int) -> dict[str, Any]:
    return {
        "apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": name},
        "spec": {"workload": {"tensorflow": {"command": ["python3", "-c", "pass"]}},
                 "shapes": [{"name": "one", "workers": 1, "cpu": "200m", "memory": "128Mi"}],
                 "repetitions": {"count": runs, "warmups": 0}},
    }


def until_finished(api: client.CustomObjectsApi, name: str, timeout_s: float = 300) -> None:
    deadline = time.monotonic() + timeout_s
    while not api.get_namespaced_custom_object(*GROUP, name).get("status", {}).get("finishedAt"):
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} did not finish within {timeout_s:.0f} s")
        time.sleep(0.2)


def latencies(seen: Seen, benchmarks: int, runs: int) -> tuple[list[float], list[float]]:
    """(apply → first pod, run end → next run's first pod), in seconds."""
    api = client.CustomObjectsApi()
    first, between = [], []
    for number in range(benchmarks):
        name = f"bench-{number}"
        applied_s = time.time()
        api.create_namespaced_custom_object(*GROUP, benchmark(name, runs))
        until_finished(api, name)
        first.append(seen.created_s[f"{name}-1-1"] - applied_s)
        between += [seen.created_s[f"{name}-{block + 1}-1"] - seen.ended_s[f"{name}-{block}-1"]
                    for block in range(1, runs)]
        api.delete_namespaced_custom_object(*GROUP, name)
    return first, between


def operator_shell(command: str) -> str:
    kubectl = [str(ROOT / "build/kind/bin/kubectl"), "-n", SYSTEM, "exec", "deploy/shapebench", "--"]
    return subprocess.run([*kubectl, "sh", "-c", command], check=True, capture_output=True, text=True,
                          env=os.environ | {"KUBECONFIG": KUBECONFIG}).stdout


def operator_cpu_s() -> float:
    """CPU seconds of the operator's process so far."""
    fields = operator_shell("cat /proc/1/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(seconds: float) -> tuple[float, float]:
    """(resident MiB, per cent of a core) while nothing happens."""
    before_s, began = operator_cpu_s(), time.monotonic()
    time.sleep(seconds)
    used = (operator_cpu_s() - before_s) / (time.monotonic() - began) * 100
    resident = int(operator_shell("grep VmRSS /proc/1/status").split()[1]) / 1024
    return resident, used


def summary(values: list[float]) -> dict[str, float]:
    return {"n": len(values), "median": round(statistics.median(values), 3), "min": round(min(values), 3),
            "max": round(max(values), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmarks", type=int, default=10, help="how many to apply, one after the other")
    parser.add_argument("--runs", type=int, default=4, help="runs of each")
    parser.add_argument("--idle-seconds", type=float, default=60)
    options = parser.parse_args()
    config.load_kube_config(KUBECONFIG)
    seen = Seen()
    threading.Thread(target=seen.follow, daemon=True).start()
    first, between = latencies(seen, options.benchmarks, options.runs)
    resident, used = idle(options.idle_seconds)
    print(json.dumps({
        "apply_to_first_pod_s": summary(first),
        "run_end_to_next_pod_s": summary(between),
        "operator_resident_mib": round(resident, 1),
        "operator_idle_core_percent": round(used, 2),
    }, indent=2))


if __name__ == "__main__":
    main()

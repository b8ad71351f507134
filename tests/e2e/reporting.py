"""What `shapebench report` says of a Benchmark on the cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from e2e.conftest import KUBECONFIG, ROOT, Cluster


def report(cluster: Cluster, name: str, *arguments: str) -> str:
    """Its output."""
    return subprocess.run([sys.executable, "-m", "shapebench", "report", name, "-n", cluster.namespace, *arguments],
                          text=True, capture_output=True, check=True,
                          env=os.environ | {"KUBECONFIG": KUBECONFIG, "PYTHONPATH": str(ROOT / "operator")}).stdout


def records(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """The records of its runs."""
    found: list[dict[str, Any]] = json.loads(report(cluster, name, "--format=json"))
    return found

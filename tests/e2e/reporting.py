"""What `shapebench report` says of a Benchmark on the cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from e2e.conftest import KUBECONFIG, ROOT, Cluster


def report(cluster: Cluster, name: str, *arguments: str) -> str:
    """Its output, whether or not the runs have an answer."""
    done = subprocess.run([sys.executable, "-m", "shapebench", "report", name, "-n", cluster.namespace, *arguments],
                          text=True, capture_output=True, check=False,
                          env=os.environ | {"KUBECONFIG": KUBECONFIG, "PYTHONPATH": str(ROOT / "operator")})
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def records(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """The records of its runs."""
    found: list[dict[str, Any]] = json.loads(report(cluster, name, "--format=json"))
    return found

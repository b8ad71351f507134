"""The CustomResourceDefinitions of other operators, as their Go modules carry them: installed and taken away."""

from __future__ import annotations

import os
import time
from pathlib import Path

import yaml
from apiserver.control_plane import ControlPlane, ControlPlaneError


def folder(operator: str) -> Path:
    """Where hack/kind/definitions.sh keeps the definitions of spark-operator, training-operator or kueue."""
    home_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("SHAPEBENCH_CACHE") or Path(home_cache, "shapebench"))
    found = sorted(cache.glob(f"definitions/{operator}-v*"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise ControlPlaneError(f"no definitions of {operator} here: run `make test-tools` once")
    return found[-1]


def install(plane: ControlPlane, operator: str) -> None:
    """Install them, and wait until they are served."""
    applied = plane.kubectl("apply", "--server-side", "-f", str(folder(operator)))
    assert applied.returncode == 0, applied.stderr
    wait = ("wait", "--for=condition=Established", "--timeout=30s", *names(operator))
    for _ in range(30):  # kubectl does not wait for one that has no conditions at all yet
        waited = plane.kubectl(*wait)
        if waited.returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError(waited.stderr)


def remove(plane: ControlPlane, operator: str) -> None:
    """Take them away, with every object of theirs."""
    deleted = plane.kubectl("delete", "--ignore-not-found", *names(operator))
    assert deleted.returncode == 0, deleted.stderr


def names(operator: str) -> list[str]:
    """As kubectl wants them: `crd/NAME`."""
    bodies = (yaml.load(path.read_text(), yaml.CSafeLoader) for path in sorted(folder(operator).iterdir()))
    return [f"crd/{body['metadata']['name']}" for body in bodies]

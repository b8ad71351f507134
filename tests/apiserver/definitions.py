"""The CustomResourceDefinitions of other operators, as their Go modules carry them: installed and taken away."""

from __future__ import annotations

import time
from pathlib import Path

import built_tools
import yaml
from apiserver.control_plane import ControlPlane, ControlPlaneError


def folder(operator: str) -> Path:
    """Where hack/kind/definitions.sh keeps the definitions of spark-operator, training-operator or kueue."""
    found = built_tools.newest(f"definitions/{operator}-v*")
    if found is None:
        raise ControlPlaneError(f"no definitions of {operator} here: run `make test-tools` once")
    return found


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

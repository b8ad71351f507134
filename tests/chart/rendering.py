"""A rendered chart, and where it comes from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import built_tools
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "shapebench"

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What `helm template` made of some values, or why it refused them."""

    error: str
    objects: tuple[Manifest, ...]

    def all(self, kind: str) -> list[Manifest]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, name: str = "shapebench") -> Manifest:
        (found,) = (one for one in self.all(kind) if one["metadata"]["name"] == name)
        return found


Render = Callable[..., Rendered]


def find_helm() -> Path:
    """The project's helm: in $SHAPEBENCH_KUBE_BIN, else where `make kind-tools` links it, else in its cache."""
    built = built_tools.newest("tools/helm-*/helm")
    given = os.environ.get("SHAPEBENCH_KUBE_BIN")
    places = [Path(given, "helm")] if given else [ROOT / "build" / "kind" / "bin" / "helm", *([built] if built else [])]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError("no helm here: run `make test-tools` once (it builds the pinned one from Go modules)")


def render(helm: Path, values: Manifest | None = None, served: Iterable[str] = ()) -> Rendered:
    """Render the chart as release shapebench in namespace shapebench-system; `served`: kinds beside Kubernetes' own."""
    done = subprocess.run(
        [helm, "template", "shapebench", CHART, "--namespace=shapebench-system", "--kube-version=1.33.0", "--values=-",
         *(f"--api-versions={one}" for one in served)],
        input=yaml.safe_dump(values or {}), capture_output=True, text=True, timeout=60, check=False)
    objects = tuple(one for one in yaml.safe_load_all(done.stdout) if one) if done.returncode == 0 else ()
    return Rendered(done.stderr if done.returncode else "", objects)

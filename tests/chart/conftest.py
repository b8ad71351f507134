"""Renders the chart with the pinned helm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from chart.rendering import CHART, ROOT, Manifest, Render, Rendered


@pytest.fixture(scope="session")
def helm() -> Path:
    """The project's helm: in $SHAPEBENCH_KUBE_BIN, else where `make kind-tools` links it, else in its cache."""
    cache = Path(os.environ.get("SHAPEBENCH_CACHE")
                 or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "shapebench"))
    built = sorted(cache.glob("tools/helm-*/helm"), key=lambda path: path.stat().st_mtime)
    given = os.environ.get("SHAPEBENCH_KUBE_BIN")
    places = [Path(given, "helm")] if given else [ROOT / "build" / "kind" / "bin" / "helm", *reversed(built)]
    for place in places:
        if place.is_file():
            return place
    pytest.fail("no helm here: run `make kind-tools` once (it builds the pinned one from Go modules)")


@pytest.fixture(scope="session")
def render(helm: Path) -> Render:
    """Renders with values given as a tree."""
    def render(values: Manifest | None = None) -> Rendered:
        done = subprocess.run(
            [helm, "template", "shapebench", CHART, "--namespace=shapebench-system", "--kube-version=1.33.0",
             "--values=-"],
            input=yaml.safe_dump(values or {}), capture_output=True, text=True, timeout=60, check=False)
        objects = tuple(one for one in yaml.safe_load_all(done.stdout) if one) if done.returncode == 0 else ()
        return Rendered(done.stderr if done.returncode else "", objects)

    return render


@pytest.fixture(scope="session")
def rendered(render: Render) -> Rendered:
    """The chart with its default values."""
    result = render()
    assert not result.error
    return result

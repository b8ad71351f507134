"""Every example is taken by the API server as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from apiserver.control_plane import ControlPlane

EXAMPLES = sorted(path for folder in ("examples", "study")
                  for path in (Path(__file__).parents[2] / "manifests" / folder).rglob("*.yaml"))


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", [pytest.param(path, id=path.stem) for path in EXAMPLES])
def test_example_is_taken(api_server: ControlPlane, namespace: str, example: Path) -> None:
    applied = api_server.kubectl("apply", "-n", namespace, "-f", str(example))
    assert applied.returncode == 0, applied.stderr
    again = api_server.kubectl("apply", "-n", namespace, "-f", str(example))
    assert all(line.endswith(" unchanged") for line in again.stdout.splitlines()), again.stdout


@pytest.mark.parametrize("example", [pytest.param(path, id=path.stem) for path in EXAMPLES])
def test_example_is_taken_server_side(api_server: ControlPlane, namespace: str, example: Path) -> None:
    for _ in range(2):
        applied = api_server.kubectl("apply", "--server-side", "-n", namespace, "-f", str(example))
        assert applied.returncode == 0, applied.stderr

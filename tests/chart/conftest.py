"""Renders the chart with the pinned helm."""

from __future__ import annotations

from pathlib import Path

import pytest
from chart import rendering


@pytest.fixture(scope="session")
def helm() -> Path:
    """The project's helm."""
    return rendering.find_helm()


@pytest.fixture(scope="session")
def render(helm: Path) -> rendering.Render:
    """Renders with values given as a tree, and the kinds that the cluster serves beside Kubernetes' own."""
    return lambda values=None, served=(): rendering.render(helm, values, served)


@pytest.fixture(scope="session")
def rendered(render: rendering.Render) -> rendering.Rendered:
    """The chart with its default values."""
    result = render()
    assert not result.error
    return result

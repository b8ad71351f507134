"""A rendered chart, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

"""The definitions as files: current, the same each time, and bounded everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shapebench.api import crd, reference

ROOT = Path(__file__).parents[3]
DEFINITIONS = [pytest.param(crd.benchmark_crd(), id="benchmark"), pytest.param(crd.run_crd(), id="run")]


def test_committed_definitions_are_current(tmp_path: Path) -> None:
    crd.write(tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text() for path in (ROOT / "manifests" / "crd").iterdir()}


def test_committed_reference_is_current() -> None:
    assert reference.text() == (ROOT / "docs" / "reference" / "api.md").read_text()


def test_generation_is_deterministic() -> None:
    assert crd.benchmark_crd() == crd.benchmark_crd()
    assert crd.run_crd() == crd.run_crd()


def _walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _walk(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _walk(schema[key], f"{path}[]")


def _fields(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    properties = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return {path: node for part in ("spec", "status") for path, node in _walk(properties[part], part)}


def _unbounded(node: dict[str, Any]) -> bool:
    kind = node.get("type")
    if kind == "array":
        return "maxItems" not in node
    if kind == "object":
        return "additionalProperties" in node and "maxProperties" not in node
    if kind == "string":
        return "maxLength" not in node and "enum" not in node
    return kind is None and "maxLength" not in node


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_every_text_list_and_map_is_bounded(definition: dict[str, Any]) -> None:
    assert [path for path, node in _fields(definition).items() if _unbounded(node)] == []


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_every_list_says_how_it_merges(definition: dict[str, Any]) -> None:
    lists = {path: node for path, node in _fields(definition).items() if node.get("type") == "array"}
    assert lists
    assert [path for path, node in lists.items() if "x-kubernetes-list-type" not in node] == []


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_no_default_inside_a_list(definition: dict[str, Any]) -> None:
    """Kubectl would take the same file, applied twice, for a change."""
    assert [path for path, node in _fields(definition).items() if "[]" in path and "default" in node] == []

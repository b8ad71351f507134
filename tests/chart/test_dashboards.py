"""The dashboards that the chart brings to Grafana's sidecar: the generated ones, where and how the values say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chart.rendering import ROOT, Manifest, Render, Rendered

GENERATED = {path.name: path.read_text() for path in (ROOT / "manifests" / "dashboards").glob("*.json")}
LIMIT_BYTES = 1024 * 1024
"""What a ConfigMap may hold."""


def _dashboards(rendered: Rendered) -> list[Manifest]:
    assert not rendered.error
    return rendered.all("ConfigMap")


def test_none_unless_asked_for(rendered: Rendered) -> None:
    assert _dashboards(rendered) == []


def test_each_is_delivered_whole(render: Render) -> None:
    maps = _dashboards(render({"dashboards": {"enabled": True}}))
    delivered = {name: text for one in maps for name, text in one["data"].items()}
    assert {name: json.loads(text) for name, text in delivered.items()} == {
        name: json.loads(text) for name, text in GENERATED.items()}
    assert len(maps) == len(GENERATED) == 3
    assert all(len(text.encode()) < LIMIT_BYTES for text in delivered.values())


def test_by_default_as_grafanas_chart_looks_for_them(render: Render) -> None:
    for one in _dashboards(render({"dashboards": {"enabled": True}})):
        assert one["metadata"]["namespace"] == "shapebench-system"
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shapebench"
        assert one["metadata"]["labels"]["app.kubernetes.io/component"] == "dashboard"
        assert "annotations" not in one["metadata"]


def test_as_another_sidecar_looks_for_them(render: Render) -> None:
    maps = _dashboards(render({"fullnameOverride": "a" * 63, "dashboards": {
        "enabled": True, "label": "example.org/dashboard", "labelValue": "yes", "namespace": "monitoring",
        "labels": {"team": "data"}, "annotations": {"grafana_folder": "Shapebench"}}}))
    assert len({one["metadata"]["name"] for one in maps}) == len(maps)
    for one in maps:
        assert one["metadata"]["namespace"] == "monitoring"
        assert len(one["metadata"]["name"]) <= 63
        labels = one["metadata"]["labels"]
        assert (labels["example.org/dashboard"], labels["team"]) == ("yes", "data")
        assert "grafana_dashboard" not in labels
        assert one["metadata"]["annotations"] == {"grafana_folder": "Shapebench"}


@pytest.mark.parametrize(("values", "where"), [
    pytest.param({"enable": True}, "enable", id="typo"),
    pytest.param({"label": "grafana dashboard"}, "label", id="not-a-label"),
    pytest.param({"labelValue": 1}, "labelValue", id="a-number-is-no-label-value"),
    pytest.param({"namespace": "Monitoring"}, "namespace", id="not-a-namespace"),
    pytest.param({"annotations": {"folder": 1}}, "folder", id="not-a-text"),
])
def test_the_schema_refuses(render: Render, values: dict[str, Any], where: str) -> None:
    assert where in render({"dashboards": values}).error

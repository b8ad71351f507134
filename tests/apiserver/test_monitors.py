"""The chart's monitors and alerts, as the Prometheus Operator's own definitions take them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from apiserver import definitions
from apiserver.control_plane import ControlPlane
from chart import rendering

KINDS = ("PodMonitor", "ServiceMonitor", "PrometheusRule")


@pytest.fixture(scope="module")
def prometheus_operators(api_server: ControlPlane) -> ControlPlane:
    """A cluster with the three kinds."""
    folder = definitions.folder("prometheus-operator")
    files = [folder / f"monitoring.coreos.com_{kind.lower()}s.yaml" for kind in KINDS]
    applied = api_server.kubectl("apply", "--server-side", *(f"--filename={file}" for file in files))
    assert applied.returncode == 0, applied.stderr
    waited = api_server.kubectl("wait", "--for=condition=Established", "--timeout=30s",
                                *(f"crd/{kind.lower()}s.monitoring.coreos.com" for kind in KINDS))
    assert waited.returncode == 0, waited.stderr
    return api_server


def _applied(plane: ControlPlane, namespace: str, body: dict[str, Any]) -> str:
    """What the API server has against the object; empty: nothing."""
    moved = copy.deepcopy(body)
    moved["metadata"]["namespace"] = namespace
    done = plane.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", text=yaml.safe_dump(moved))
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("kind", KINDS)
def test_the_prometheus_operator_takes_it(prometheus_operators: ControlPlane, namespace: str, kind: str) -> None:
    value = kind[0].lower() + kind[1:]
    rendered = rendering.render(rendering.find_helm(), {value: {"enabled": True, "labels": {"release": "a"}}},
                                [f"monitoring.coreos.com/v1/{kind}"])
    body = rendered.one(kind)
    assert _applied(prometheus_operators, namespace, body) == ""
    body["spec"]["honourLabels"] = True
    assert "honourLabels" in _applied(prometheus_operators, namespace, body)

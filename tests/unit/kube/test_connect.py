"""Which cluster and which namespace a command means, and how they are reached."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from shapebench.kube import connect


@pytest.mark.parametrize(("context", "expected"), [
    pytest.param(None, "team-a", id="current"),
    pytest.param("other", "default", id="names-none"),
    pytest.param("missing", "default", id="no-such-context"),
])
def test_namespace(context: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "mine",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "mine", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}},
                     {"name": "other", "context": {"cluster": "c", "user": "u"}}]}))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    assert connect.namespace(context) == expected


def test_no_proxy_leads_to_the_cluster_that_the_operator_runs_in(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies are for remote write and buckets: an operator that is told of one must not lose its cluster."""
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("x")
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr("kubernetes.config.incluster_config.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    for name, value in {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443",
                        "HTTPS_PROXY": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    found = connect.client().configuration
    assert (found.host, found.proxy) == ("https://10.96.0.1:443", None)

"""Where a command looks when nobody says: in the namespace of the kubeconfig's context, as kubectl does."""

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

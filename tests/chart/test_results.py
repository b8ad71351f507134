"""Where the chart lets the operator keep the records of runs."""

from __future__ import annotations

from typing import Any

import pytest
from chart.rendering import Render, Rendered

from shapebench.api.settings import Settings, from_environment

VOLUME = {"results": {"volume": {"enabled": True}}}


def pod(rendered: Rendered) -> dict[str, Any]:
    spec: dict[str, Any] = rendered.one("Deployment")["spec"]["template"]["spec"]
    return spec


def settings(rendered: Rendered) -> Settings:
    return from_environment({one["name"]: one["value"] for one in pod(rendered)["containers"][0]["env"]})


def test_by_default_records_are_in_config_maps(rendered: Rendered) -> None:
    assert settings(rendered).results_url == ""
    assert [volume["name"] for volume in pod(rendered)["volumes"]] == ["tmp"]
    assert "fsGroup" not in pod(rendered)["securityContext"]
    assert "envFrom" not in pod(rendered)["containers"][0]
    assert not rendered.all("PersistentVolumeClaim")


def test_a_volume_is_claimed_mounted_and_writable_and_outlives_the_release(render: Render) -> None:
    rendered = render({"results": {"volume": {"enabled": True, "size": "2Gi", "storageClassName": "fast"}}})
    claim = rendered.one("PersistentVolumeClaim", "shapebench-results")
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
                             "resources": {"requests": {"storage": "2Gi"}}}
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert {"name": "results", "mountPath": "/results"} in pod(rendered)["containers"][0]["volumeMounts"]
    assert {"name": "results", "persistentVolumeClaim": {"claimName": "shapebench-results"}} in pod(rendered)["volumes"]
    assert pod(rendered)["securityContext"]["fsGroup"] == 10001
    assert settings(rendered).results_url == "file:///results"
    assert settings(rendered).results_service == "shapebench-system/shapebench:9090"


def test_an_existing_claim_is_used_as_it_is(render: Render) -> None:
    rendered = render({"results": {"volume": {"enabled": True, "existingClaim": "mine", "fsGroup": None}}})
    assert not rendered.all("PersistentVolumeClaim")
    assert {"name": "results", "persistentVolumeClaim": {"claimName": "mine"}} in pod(rendered)["volumes"]
    assert "fsGroup" not in pod(rendered)["securityContext"]


def test_a_bucket_takes_its_credentials_from_a_secret(render: Render) -> None:
    rendered = render({"results": {"url": "s3://bucket/folder", "secretName": "s3"}})
    assert settings(rendered).results_url == "s3://bucket/folder"
    assert pod(rendered)["containers"][0]["envFrom"] == [{"secretRef": {"name": "s3"}}]


def test_readers_may_reach_the_operators_service_and_no_other(render: Render) -> None:
    team = {"kind": "Group", "name": "team-a", "apiGroup": "rbac.authorization.k8s.io"}
    rendered = render({"results": {"volume": {"enabled": True}, "readers": [team]}, "metrics": {"port": 9191}})
    assert rendered.one("Role", "shapebench-results-reader")["rules"] == [
        {"apiGroups": [""], "resources": ["services/proxy"], "resourceNames": ["shapebench:9191"], "verbs": ["get"]}]
    assert rendered.one("RoleBinding", "shapebench-results-reader")["subjects"] == [team]
    assert not [one for one in render(VOLUME).all("Role") if one["metadata"]["name"].endswith("reader")]


@pytest.mark.parametrize(("results", "words"), [
    pytest.param({"url": "s3://b/f", "volume": {"enabled": True}}, "exclude each other", id="two-places"),
    pytest.param({"url": "file:///results"}, "nothing is mounted there", id="folder-without-a-volume"),
    pytest.param({"url": "bucket/folder"}, "results.url (bucket/folder)", id="no-url"),
    pytest.param({"url": "s4://bucket"}, "results.url (s4://bucket): write s3://", id="misspelt-scheme"),
    pytest.param({"url": "https://host/x"}, "results.url (https://host/x)", id="nothing-can-be-written-there"),
    pytest.param({"readers": [{"kind": "Group", "name": "a"}]}, "results.volume.enabled=true", id="nothing-to-read"),
    pytest.param({"url": "s3://key:secret@bucket"}, "in results.secretName", id="credentials-in-the-url"),
    pytest.param({"volume": {"size": "many"}}, "results", id="no-size"),
    pytest.param({"volume": {"accessModes": ["ReadOnlyMany"]}}, "results", id="read-only"),
    pytest.param({"bucket": "x"}, "results", id="misspelt"),
])
def test_what_cannot_work_is_refused_when_installing(render: Render, results: dict[str, Any], words: str) -> None:
    error = render({"results": results}).error
    assert words in error
    assert "nil pointer" not in error

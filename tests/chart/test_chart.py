"""What the chart installs: the operator, hardened and with no more rights than it uses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart.rendering import CHART, ROOT, Render, Rendered

from shapebench.api import crd
from shapebench.api.settings import Settings, from_environment


def test_lints_clean(helm: Path) -> None:
    done = subprocess.run([helm, "lint", "--strict", "--quiet", CHART], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_default_objects(rendered: Rendered) -> None:
    assert sorted((one["kind"], one["metadata"]["name"]) for one in rendered.objects) == [
        ("ClusterRole", "shapebench"), ("ClusterRole", "shapebench-edit"), ("ClusterRole", "shapebench-view"),
        ("ClusterRoleBinding", "shapebench"),
        ("CustomResourceDefinition", "benchmarkruns.shapebench.dev"),
        ("CustomResourceDefinition", "benchmarks.shapebench.dev"),
        ("Deployment", "shapebench"), ("Pod", "shapebench-test"), ("Role", "shapebench-driver"),
        ("RoleBinding", "shapebench-driver"), ("Service", "shapebench"),
        ("ServiceAccount", "shapebench"), ("ServiceAccount", "shapebench-driver")]


def test_every_object_of_ours_is_labelled(rendered: Rendered) -> None:
    for one in rendered.objects:
        assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shapebench"


def test_the_crds_are_the_generated_ones(rendered: Rendered) -> None:
    by_name = {one["metadata"]["name"]: one for one in rendered.all("CustomResourceDefinition")}
    for generated in (crd.benchmark_crd(), crd.run_crd()):
        installed = by_name[generated["metadata"]["name"]]
        assert installed["spec"] == json.loads(json.dumps(generated["spec"]))


@pytest.mark.parametrize(("values", "count", "kept"), [
    pytest.param({}, 2, True, id="default"),
    pytest.param({"crds": {"keep": False}}, 2, False, id="not-kept"),
    pytest.param({"crds": {"install": False}}, 0, False, id="not-installed"),
])
def test_crds(render: Render, values: dict[str, Any], count: int, kept: bool) -> None:
    crds = render(values).all("CustomResourceDefinition")
    assert len(crds) == count
    assert all((one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep") == kept
               for one in crds)


def _operator(rendered: Rendered) -> dict[str, Any]:
    (container,) = rendered.one("Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(container)


def _settings(rendered: Rendered) -> Settings:
    return from_environment({one["name"]: one["value"] for one in _operator(rendered)["env"]})


def test_the_environment_is_the_operators_settings(render: Render) -> None:
    settings = _settings(render({
        "images": {"registry": "registry.example.org/team/", "tag": "v1", "pullPolicy": "Always",
                   "spark": {"repository": "own/spark", "tag": "v2"},
                   "tensorflow": {"repository": "tf", "digest": f"sha256:{'0' * 64}"}},
        "watchNamespaces": ["a", "b", "a"], "metrics": {"port": 9191}, "probes": {"port": 8181},
        "isolation": {"systemNamespaces": ["kube-system", "monitoring"]},
        "driver": {"serviceAccountName": "driver"}, "operator": {"sampleIntervalSeconds": 0.5}}))
    assert settings == Settings(
        operator_image="registry.example.org/team/shapebench/operator:v1",
        spark_image="registry.example.org/team/own/spark:v2",
        tensorflow_image=f"registry.example.org/team/tf@sha256:{'0' * 64}",
        image_pull_policy="Always", driver_service_account="driver", namespaces=("a", "b"),
        metrics_port=9191, probe_port=8181, sample_interval_s=0.5,
        system_namespaces=("kube-system", "monitoring"),
        results_service="shapebench-system/shapebench:9191")


def test_the_default_environment_leaves_no_setting_out(rendered: Rendered) -> None:
    given = {one["name"] for one in _operator(rendered)["env"]}
    assert {f"SHAPEBENCH_{name.upper()}" for name in Settings.model_fields} <= given


def test_the_operator_passes_pod_security_restricted(rendered: Rendered) -> None:
    for pod in (rendered.one("Deployment")["spec"]["template"]["spec"], rendered.one("Pod", "shapebench-test")["spec"]):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                    "capabilities": {"drop": ["ALL"]}}


def test_never_two_operators_at_once(rendered: Rendered) -> None:
    spec = rendered.one("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_openshift_may_choose_the_user(render: Render) -> None:
    pod = render({"operator": {"runAsUser": None}}).one("Deployment")["spec"]["template"]["spec"]
    assert "runAsUser" not in pod["securityContext"]


def test_watching_some_namespaces_needs_nothing_cluster_wide(render: Render) -> None:
    result = render({"watchNamespaces": ["a", "b"], "workloadNamespaces": ["a"]})
    assert not result.all("ClusterRole")
    assert not result.all("ClusterRoleBinding")
    assert [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in result.all("Role")] == [
        ("a", "shapebench-driver"), ("a", "shapebench"), ("b", "shapebench")]
    for binding in result.all("RoleBinding"):
        (subject,) = binding["subjects"]
        owner = "shapebench-system" if binding["metadata"]["name"] == "shapebench" else "a"
        assert subject["namespace"] == owner


def test_rules_are_the_same_cluster_wide_and_per_namespace(render: Render, rendered: Rendered) -> None:
    per_namespace = render({"watchNamespaces": ["a"]}).one("Role")
    assert per_namespace["rules"] == rendered.one("ClusterRole")["rules"]


def _may(rendered: Rendered, role: str) -> set[tuple[str, str]]:
    """What Kubernetes' own role of this name gains: verbs and resources."""
    return {(verb, resource)
            for one in rendered.all("ClusterRole")
            if one["metadata"]["labels"].get(f"rbac.authorization.k8s.io/aggregate-to-{role}") == "true"
            for rule in one["rules"] for verb in rule["verbs"] for resource in rule["resources"]}


READING = {(verb, resource) for verb in ("get", "list", "watch") for resource in ("benchmarks", "benchmarkruns")}
WRITING = {("create", "benchmarks"), ("patch", "benchmarks"), ("update", "benchmarks"), ("delete", "benchmarks"),
           ("delete", "benchmarkruns")}


@pytest.mark.parametrize(("role", "verbs"), [
    pytest.param("view", READING, id="view"),
    pytest.param("edit", READING | WRITING, id="edit"),
    pytest.param("admin", READING | WRITING, id="admin"),
])
def test_kubernetes_own_roles_reach_benchmarks(rendered: Rendered, role: str, verbs: set[tuple[str, str]]) -> None:
    assert _may(rendered, role) == verbs


def test_kubernetes_own_roles_can_be_left_alone(render: Render) -> None:
    (role,) = render({"rbac": {"aggregate": False}}).all("ClusterRole")
    assert role["metadata"]["name"] == "shapebench"


def test_no_rule_is_a_wildcard_or_reaches_beyond(rendered: Rendered) -> None:
    for role in (rendered.one("ClusterRole"), rendered.one("Role", "shapebench-driver")):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert not {"secrets", "nodes", "nodes/proxy", "roles", "pods/exec"} & set(rule["resources"])


@pytest.mark.parametrize(("values", "resource", "verbs"), [
    pytest.param({"engines": {"sparkApplication": {"enabled": True}}}, "sparkapplications",
                 {"get", "list", "create", "delete"}, id="spark-application"),
    pytest.param({"engines": {"tfJob": {"enabled": True}}}, "tfjobs", {"get", "list", "create", "delete"}, id="tf-job"),
])
def test_rights_on_other_operators_objects_come_with_their_switch_alone(
        render: Render, rendered: Rendered, values: dict[str, Any], resource: str, verbs: set[str]) -> None:
    rules = render(values).one("ClusterRole")["rules"]
    added = [rule for rule in rules if rule not in rendered.one("ClusterRole")["rules"]]
    assert [(rule["resources"], set(rule["verbs"])) for rule in added] == [([resource], verbs)]


@pytest.mark.parametrize("role", ["ClusterRole", "Role"])
def test_rights_on_queues_come_with_their_switch(render: Render, role: str) -> None:
    """A flavor is in no namespace: a role that is limited to some cannot give it."""
    limited: dict[str, Any] = {"watchNamespaces": ["a"]} if role == "Role" else {}
    rights = [{tuple(rule["resources"]): rule["verbs"] for one in render(limited | values).all(role)
               for rule in one["rules"]} for values in ({}, {"kueue": {"enabled": True}})]
    added = {resources[0]: verbs for resources, verbs in rights[1].items() if resources not in rights[0]}
    assert added == {"localqueues": ["get"], "workloads": ["get", "list", "create", "delete"]} | (
        {} if limited else {"resourceflavors": ["get"]})


@pytest.mark.parametrize(("values", "where"), [
    pytest.param({"operater": {}}, "operater", id="top-level-typo"),
    pytest.param({"operator": {"logformat": "json"}}, "logformat", id="nested-typo"),
    pytest.param({"operator": {"logFormat": "xml"}}, "logFormat", id="not-a-format"),
    pytest.param({"images": {"pullPolicy": "Sometimes"}}, "pullPolicy", id="not-a-policy"),
    pytest.param({"images": {"spark": {"tag": "a b"}}}, "tag", id="not-a-tag"),
    pytest.param({"engines": {"spark": {"enabled": True}}}, "spark", id="engine-typo"),
    pytest.param({"rbac": {"aggregate": "yes"}}, "aggregate", id="not-a-boolean"),
    pytest.param({"watchNamespaces": ["Default"]}, "watchNamespaces", id="not-a-namespace"),
    pytest.param({"metrics": {"port": 80}}, "port", id="privileged-port"),
    *(pytest.param({"operator": {"sampleIntervalSeconds": wrong}}, "sampleIntervalSeconds", id=f"interval-of-{wrong!r}")
      for wrong in (0, 0.05, 61, 600, "0.0", "0.05", "60.5", "61")),
    pytest.param({"fullnameOverride": "Shape_Bench"}, "fullnameOverride", id="not-a-name"),
    pytest.param({"metrics": {"port": 8080}}, "metrics.port and probes.port", id="one-port-for-two"),
])
def test_the_schema_refuses(render: Render, values: dict[str, Any], where: str) -> None:
    assert where in render(values).error


@pytest.mark.parametrize("seconds", ["0.1", "60"])
def test_a_number_may_be_a_text(render: Render, seconds: str) -> None:
    """`helm --set` makes texts of fractions."""
    assert _settings(render({"operator": {"sampleIntervalSeconds": seconds}})).sample_interval_s == float(seconds)


def test_every_value_is_in_the_schema_and_commented() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values) <= set(schema["properties"])
    assert (ROOT / "docs" / "how-to" / "helm.md").is_file()

"""What the chart offers to Prometheus: monitors and alerts by switch, annotations, and remote write's settings."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from chart.rendering import CHART, Manifest, Render, Rendered

from shapebench.api.remote_write import OWN_LABELS
from shapebench.api.settings import Settings, from_environment

KINDS = {"podMonitor": "PodMonitor", "serviceMonitor": "ServiceMonitor", "prometheusRule": "PrometheusRule"}
SERVED = tuple(f"monitoring.coreos.com/v1/{kind}" for kind in KINDS.values())


def operator_pod(rendered: Rendered) -> Manifest:
    template: Manifest = rendered.one("Deployment")["spec"]["template"]
    return template


def settings(rendered: Rendered) -> Settings:
    assert not rendered.error
    (container,) = operator_pod(rendered)["spec"]["containers"]
    return from_environment({one["name"]: one["value"] for one in container["env"]})


@pytest.mark.parametrize(("value", "kind"), KINDS.items())
def test_nothing_of_the_prometheus_operators_unless_asked_for(
        render: Render, rendered: Rendered, value: str, kind: str) -> None:
    assert not rendered.all(kind)
    found = render({value: {"enabled": True, "labels": {"release": "prometheus"}}}, SERVED).one(kind)
    assert found["metadata"]["labels"]["release"] == "prometheus"
    assert found["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shapebench"
    assert found["metadata"]["namespace"] == "shapebench-system"


@pytest.mark.parametrize(("value", "kind"), KINDS.items())
def test_a_cluster_without_it_is_told_so(render: Render, value: str, kind: str) -> None:
    error = render({value: {"enabled": True}}).error
    assert f"{value}.enabled: the cluster does not serve {kind}" in error
    assert "Install the Prometheus Operator first" in error


@pytest.mark.parametrize(("namespaces", "selector"), [
    pytest.param([], {"any": True}, id="everywhere"),
    pytest.param(["a", "b", "a"], {"matchNames": ["a", "b"]}, id="named"),
])
def test_agents_are_found_where_benchmarks_are_watched(
        render: Render, namespaces: list[str], selector: dict[str, Any]) -> None:
    spec = render({"podMonitor": {"enabled": True}, "watchNamespaces": namespaces}, SERVED).one("PodMonitor")["spec"]
    assert spec["namespaceSelector"] == selector
    assert spec["selector"] == {"matchExpressions": [{"key": "shapebench.dev/run", "operator": "Exists"}]}
    assert spec["podMetricsEndpoints"] == [{"port": "agent", "honorLabels": True, "interval": "5s"}]


def test_the_operators_service_is_found(render: Render) -> None:
    rendered = render({"serviceMonitor": {"enabled": True}}, SERVED)
    spec, service = rendered.one("ServiceMonitor")["spec"], rendered.one("Service")
    assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [one["port"] for one in spec["endpoints"]] == [service["spec"]["ports"][0]["name"]]


def test_the_alerts_are_the_files(render: Render) -> None:
    """Word for word: their templates are Prometheus', and helm must not fill them in."""
    spec = render({"prometheusRule": {"enabled": True}}, SERVED).one("PrometheusRule")["spec"]
    assert spec == yaml.safe_load((CHART / "files/prometheus/rules.yaml").read_text())


@pytest.mark.parametrize(("values", "there"), [
    pytest.param({}, True, id="default"),
    pytest.param({"metrics": {"scrapeAnnotations": False}}, False, id="off"),
    pytest.param({"serviceMonitor": {"enabled": True}}, False, id="not-scraped-twice"),
])
def test_scrape_annotations(render: Render, values: dict[str, Any], there: bool) -> None:
    annotations = operator_pod(render(values, SERVED))["metadata"]["annotations"]
    found = {name: value for name, value in annotations.items() if name.startswith("prometheus.io/")}
    expected = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "prometheus.io/path": "/metrics"}
    assert found == (expected if there else {})


def test_remote_write_is_off_by_default(rendered: Rendered) -> None:
    assert settings(rendered).remote_write_url == ""
    (rule,) = (one for one in rendered.one("ClusterRole")["rules"] if one["resources"] == ["benchmarkruns"])
    assert "patch" not in rule["verbs"]


def test_remote_write(render: Render) -> None:
    rendered = render({"remoteWrite": {
        "url": "https://metrics.example.org/api/v1/write", "perPod": False, "timeoutSeconds": 5,
        "labels": {"cluster": "a"}, "headers": {"X-Scope-OrgID": "team"}, "basicAuthSecret": "writer",
        "caConfigMap": "roots"}})
    found = settings(rendered)
    assert (found.remote_write_url, found.remote_write_timeout_s, found.remote_write_per_pod) == (
        "https://metrics.example.org/api/v1/write", 5, False)
    assert (found.remote_write_labels, found.remote_write_headers) == ({"cluster": "a"}, {"X-Scope-OrgID": "team"})
    pod = operator_pod(rendered)["spec"]
    mounted = {one["mountPath"]: one["name"] for one in pod["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert volumes[mounted[found.remote_write_credentials]]["secret"] == {"secretName": "writer"}
    folder, _, name = found.remote_write_ca_file.rpartition("/")
    assert (volumes[mounted[folder]]["configMap"], name) == ({"name": "roots"}, "ca.crt")
    (rule,) = (one for one in rendered.one("ClusterRole")["rules"] if one["resources"] == ["benchmarkruns"])
    assert "patch" in rule["verbs"]


def test_proxies_are_told_by_the_environment(render: Render) -> None:
    given = [{"name": "NO_PROXY", "value": ".svc,10.0.0.0/8"},
             {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}}]
    rendered = render({"operator": {"env": given}})
    assert not rendered.error
    (container,) = operator_pod(rendered)["spec"]["containers"]
    assert container["env"][-2:] == given


@pytest.mark.parametrize(("values", "where"), [
    pytest.param({"operator": {"env": [{"name": "SHAPEBENCH_NAMESPACES", "value": "a"}]}}, "env", id="the-charts-own"),
    pytest.param({"operator": {"env": [{"name": "A B", "value": "a"}]}}, "env", id="not-a-variable"),
    pytest.param({"operator": {"env": [{"name": "A", "value": 1}]}}, "env", id="not-a-text"),
    pytest.param({"remoteWrite": {"url": "prometheus:9090"}}, "remoteWrite.url (prometheus:9090)", id="no-scheme"),
    pytest.param({"remoteWrite": {"url": "http:///api"}}, "remoteWrite.url", id="no-host"),
    pytest.param({"remoteWrite": {"url": "http://a:b@prometheus:9090"}}, "in remoteWrite.basicAuthSecret",
                 id="password-in-the-url"),
    pytest.param({"remoteWrite": {"labels": {"a-b": "c"}}}, "labels", id="not-a-label"),
    pytest.param({"remoteWrite": {"labels": {"cluster": ""}}}, "cluster", id="a-label-without-a-value"),
    *(pytest.param({"remoteWrite": {"labels": {name: "c"}}}, f"remoteWrite.labels.{name}", id=f"a-label-of-ours-{name}")
      for name in sorted({*OWN_LABELS, "parameter_x"})),
    pytest.param({"remoteWrite": {"basicAuthSecret": "a", "bearerTokenSecret": "b"}}, "not both", id="two-secrets"),
    pytest.param({"podMonitor": {"enabled": True, "interval": "often"}}, "interval", id="not-an-interval"),
    pytest.param({"serviceMonitor": {"enable": True}}, "enable", id="typo"),
])
def test_what_cannot_work_is_refused(render: Render, values: dict[str, Any], where: str) -> None:
    assert where in render(values, SERVED).error

"""Which proxy a URL goes through."""

from __future__ import annotations

import pytest

from shapebench.remote_write import proxies

PLAIN, TLS = "http://metrics.example.org:9090/api/v1/write", "https://metrics.example.org/api/v1/write"
BOTH = {"http": "http://a:3128", "https": "http://b:3128"}


@pytest.mark.parametrize(("url", "found", "expected"), [
    pytest.param(PLAIN, {}, "", id="none"),
    pytest.param(PLAIN, BOTH, "http://a:3128", id="http"),
    pytest.param(TLS, BOTH, "http://b:3128", id="https"),
    pytest.param(TLS, {"http": "http://a:3128"}, "", id="only-for-the-other"),
    pytest.param(TLS, {"all": "http://c:3128"}, "http://c:3128", id="all"),
    pytest.param(TLS, {"all": "http://c:3128", **BOTH}, "http://b:3128", id="its-own-before-all"),
    pytest.param(PLAIN, {"http": "a:3128"}, "http://a:3128", id="without-a-scheme"),
    pytest.param(PLAIN, {"http": ""}, "", id="empty"),
])
def test_by_scheme(url: str, found: dict[str, str], expected: str) -> None:
    assert proxies.chosen(url, found) == expected


@pytest.mark.parametrize(("host", "exempt", "direct"), [
    pytest.param("metrics.example.org", "", False, id="nobody"),
    pytest.param("metrics.example.org", "*", True, id="all"),
    pytest.param("metrics.example.org", "metrics.example.org", True, id="host"),
    pytest.param("metrics.example.org", "localhost, .EXAMPLE.org", True, id="domain-with-a-dot"),
    pytest.param("Metrics.example.org", "example.org", True, id="domain"),
    pytest.param("badexample.org", "example.org", False, id="the-end-of-a-name-alone"),
    pytest.param("metrics.example.org:9090", "metrics.example.org:9090", True, id="port"),
    pytest.param("metrics.example.org:9090", "metrics.example.org:80", False, id="another-port"),
    pytest.param("prometheus.monitoring.svc", "10.0.0.0/8,.svc", True, id="of-the-cluster"),
    pytest.param("10.96.3.4:9090", "10.96.0.0/12", True, id="network"),
    pytest.param("10.112.3.4:9090", "10.96.0.0/12", False, id="outside-the-network"),
    pytest.param("10.96.3.4", "10.96.3.4", True, id="address"),
    pytest.param("[fd00::1]:9090", "fd00::/8", True, id="v6"),
    pytest.param("10.96.3.4", "fd00::/8", False, id="v4-is-not-v6"),
    pytest.param("metrics.example.org", ",,", False, id="nothing-between-commas"),
])
def test_who_needs_none(host: str, exempt: str, direct: bool) -> None:
    found = proxies.chosen(f"http://{host}/api/v1/write", {"http": "http://a:3128", "no": exempt})
    assert found == ("" if direct else "http://a:3128")

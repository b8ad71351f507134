"""Remote write's settings, as the environment has them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shapebench.api.settings import Settings, from_environment


def settings(**values: str) -> Settings:
    return from_environment({f"SHAPEBENCH_REMOTE_WRITE_{name.upper()}": value for name, value in values.items()})


def test_nothing_is_written_by_default() -> None:
    assert (settings().remote_write_url, settings(url="", labels="", headers="").remote_write_labels) == ("", {})


def test_all_of_them() -> None:
    found = settings(url="https://a.example/api/v1/write", timeout_s="5", per_pod="false", labels='{"cluster": "a"}',
                     headers='{"X-Scope-OrgID": "team"}')
    assert (found.remote_write_timeout_s, found.remote_write_per_pod) == (5, False)
    assert (found.remote_write_labels, found.remote_write_headers) == ({"cluster": "a"}, {"X-Scope-OrgID": "team"})


@pytest.mark.parametrize(("name", "value", "fix"), [
    pytest.param("url", "prometheus:9090", "such as http://", id="no-scheme"),
    pytest.param("url", "file:///tmp", "such as http://", id="another-scheme"),
    pytest.param("url", "http://", "such as http://", id="no-host"),
    pytest.param("url", "http://a:b@c/", "remoteWrite.basicAuthSecret", id="password"),
    pytest.param("timeout_s", "0", "greater than 0", id="no-time"),
    pytest.param("labels", "cluster=a", '{"cluster": "a"}', id="not-json"),
    pytest.param("labels", '{"cluster": 1}', '{"cluster": "a"}', id="not-texts"),
    pytest.param("labels", '{"cluster": ""}', "'cluster' has no value", id="no-value"),
    pytest.param("labels", '{"a-b": "c"}', "use letters, digits and '_'", id="not-a-label"),
    pytest.param("labels", '{"__name__": "c"}', "use letters, digits and '_'", id="a-label-of-prometheus"),
    pytest.param("labels", '{"shape": "c"}', "choose another name", id="a-label-of-ours"),
    pytest.param("labels", '{"parameter_a": "c"}', "choose another name", id="a-parameter"),
    pytest.param("headers", '{"A": "b\\nC: d"}', "one line", id="two-headers-in-one"),
    pytest.param("headers", '{"Authorization": "x"}', "credentials go into a Secret", id="credentials"),
])
def test_wrong_ones_name_the_fix(name: str, value: str, fix: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**{name: value})
    ((error),) = caught.value.errors()
    assert error["loc"] == (f"remote_write_{name}",)
    assert fix in error["msg"]

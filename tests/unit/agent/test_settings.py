"""What the environment tells the agent."""

from __future__ import annotations

import pytest

from shapebench.agent import settings
from shapebench.api import wire


def test_nothing_is_needed() -> None:
    found = settings.parse({})
    assert found.metrics_port == wire.AGENT_PORT
    assert found.sample_interval_s == 1.0
    assert found.counters == "processes"
    assert found.peers == ()


def test_labels() -> None:
    found = settings.parse({wire.ENV_NAMESPACE: "ns", wire.ENV_BENCHMARK: "b", wire.ENV_RUN: "r", wire.ENV_SHAPE: "4x1",
                            wire.ENV_ROLE: "ps", wire.ENV_INDEX: "3", wire.ENV_POD: "r-ps-3", wire.ENV_NODE: "n"})
    assert found.labels == {"namespace": "ns", "benchmark": "b", "run": "r", "shape": "4x1", "role": "ps", "index": "3"}
    assert (found.pod, found.node) == ("r-ps-3", "n")


def test_an_executors_number_comes_from_spark() -> None:
    assert settings.parse({"SPARK_EXECUTOR_ID": "2"}).pod_index == 2


def test_peers() -> None:
    found = settings.parse({wire.ENV_AWAIT: "a.b.svc:9404, 10.0.0.7:1,[::1]:80,"})
    assert found.peers == (("a.b.svc", 9404), ("10.0.0.7", 1), ("::1", 80))


URL = "spark://CoarseGrainedScheduler@app-0f-driver-svc.team-a.svc:7078"


@pytest.mark.parametrize(("value", "url", "leader"), [
    pytest.param("", "", None, id="nobody"),
    pytest.param("gang.team-a.svc:9404", "", ("gang.team-a.svc", 9404), id="host and port"),
    pytest.param("$WHERE", URL, ("app-0f-driver-svc.team-a.svc", wire.AGENT_PORT), id="a URL with user and port"),
    pytest.param("$WHERE", "http://10.0.0.7/x:1", ("10.0.0.7", wire.AGENT_PORT), id="a URL with neither"),
    pytest.param("$WHERE", "x://[fd00::7]:7078", ("fd00::7", wire.AGENT_PORT), id="IPv6"),
    pytest.param("$WHERE", "", None, id="a variable that is not set: nothing is heard, the program runs"),
])
def test_whom_it_follows(value: str, url: str, leader: settings.Peer | None) -> None:
    assert settings.parse({wire.ENV_FOLLOW: value, "WHERE": url}).leader == leader


@pytest.mark.parametrize(("name", "value"), [
    pytest.param(wire.ENV_AWAIT, "host", id="a peer without port"),
    pytest.param(wire.ENV_AWAIT, ":80", id="a peer without host"),
    pytest.param(wire.ENV_FOLLOW, "host", id="a leader without port"),
    pytest.param(wire.ENV_SERVES, "a:1,b", id="one that is served without port"),
    pytest.param(wire.ENV_SAMPLE_INTERVAL_S, "often", id="no number"),
    pytest.param(wire.ENV_SAMPLE_INTERVAL_S, "0.09", id="an interval that costs too much"),
    pytest.param(wire.ENV_SAMPLE_INTERVAL_S, "61", id="an interval that leaves no curve"),
    pytest.param(wire.ENV_AWAIT_TIMEOUT_S, "-1", id="negative"),
    pytest.param(wire.ENV_AWAIT_TIMEOUT_S, "nan", id="nan"),
    pytest.param(wire.ENV_COUNTERS, "magic", id="unknown counters"),
])
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.parse({name: value})

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


@pytest.mark.parametrize(("name", "value"), [
    pytest.param(wire.ENV_AWAIT, "host", id="a peer without port"),
    pytest.param(wire.ENV_AWAIT, ":80", id="a peer without host"),
    pytest.param(wire.ENV_SAMPLE_INTERVAL_S, "often", id="no number"),
    pytest.param(wire.ENV_AWAIT_TIMEOUT_S, "-1", id="negative"),
    pytest.param(wire.ENV_AWAIT_TIMEOUT_S, "nan", id="nan"),
    pytest.param(wire.ENV_COUNTERS, "magic", id="unknown counters"),
])
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.parse({name: value})

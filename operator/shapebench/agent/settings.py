"""What the environment tells the agent, read once at the edge."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shapebench.api import wire

_AWAIT_TIMEOUT_S = 300.0
_SAMPLE_INTERVAL_S = 1.0
_COUNTERS = ("cgroup", "processes")

Peer = tuple[str, int]


class SettingsError(ValueError):
    """An environment variable holds what it must not; the message names it."""


class Settings(NamedTuple):
    """The agent's settings. `labels` are those of every metric."""

    pod: str
    role: str
    pod_index: int
    labels: dict[str, str]
    peers: tuple[Peer, ...]
    leader: Peer | None
    served: tuple[Peer, ...]
    await_timeout_s: float
    metrics_port: int
    sample_interval_s: float
    counters: str
    record_file: Path | None
    node: str | None


def parse(env: Mapping[str, str]) -> Settings:
    """The settings in these environment variables; raises SettingsError."""
    role = env.get(wire.ENV_ROLE) or wire.ROLE_WORKER
    # Spark tells each executor its number itself; the operator cannot know it beforehand.
    index = int(_number(env, (wire.ENV_INDEX, "SPARK_EXECUTOR_ID"), 0))
    counters = env.get(wire.ENV_COUNTERS) or "processes"
    if counters not in _COUNTERS:
        raise SettingsError(f"{wire.ENV_COUNTERS}={counters!r}: use one of {', '.join(_COUNTERS)}")
    record_file = env.get(wire.ENV_RECORD_FILE)
    return Settings(
        pod=env.get(wire.ENV_POD) or socket.gethostname(),
        role=role,
        pod_index=index,
        labels={
            "namespace": env.get(wire.ENV_NAMESPACE, ""),
            "benchmark": env.get(wire.ENV_BENCHMARK, ""),
            "run": env.get(wire.ENV_RUN, ""),
            "shape": env.get(wire.ENV_SHAPE, ""),
            "role": role,
            "index": str(index),
        },
        peers=_peers(env, wire.ENV_AWAIT),
        leader=_leader(env),
        served=_peers(env, wire.ENV_SERVES),
        await_timeout_s=_number(env, (wire.ENV_AWAIT_TIMEOUT_S,), _AWAIT_TIMEOUT_S),
        metrics_port=int(_number(env, (wire.ENV_METRICS_PORT,), wire.AGENT_PORT)),
        sample_interval_s=_sample_interval_s(env),
        counters=counters,
        record_file=Path(record_file) if record_file else None,
        node=env.get(wire.ENV_NODE) or None,
    )


def _number(env: Mapping[str, str], names: tuple[str, ...], default: float) -> float:
    """The first of these variables that is set and not empty."""
    for name in names:
        text = env.get(name)
        if text:
            try:
                number = float(text)
            except ValueError:
                raise SettingsError(f"{name}={text!r} is not a number") from None
            if not 0 <= number < float("inf"):
                raise SettingsError(f"{name}={text!r} must be 0 or more")
            return number
    return default


def _sample_interval_s(env: Mapping[str, str]) -> float:
    seconds = _number(env, (wire.ENV_SAMPLE_INTERVAL_S,), _SAMPLE_INTERVAL_S)
    shortest, longest = wire.SHORTEST_SAMPLE_INTERVAL_S, wire.LONGEST_SAMPLE_INTERVAL_S
    if not shortest <= seconds <= longest:
        raise SettingsError(f"{wire.ENV_SAMPLE_INTERVAL_S}={seconds:g}: write {shortest:g} to {longest:g} seconds")
    return seconds


def _peers(env: Mapping[str, str], variable: str) -> tuple[Peer, ...]:
    return tuple(_peer(variable, entry.strip()) for entry in env.get(variable, "").split(",") if entry.strip())


def _peer(variable: str, text: str) -> Peer:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"{variable}: {text!r} is not host:port")
    return host.strip("[]"), int(port)


def _leader(env: Mapping[str, str]) -> Peer | None:
    """None, too, where the variable that holds the URL is not set: then nothing is heard, and the program runs."""
    text = env.get(wire.ENV_FOLLOW, "").strip()
    if not text.startswith("$"):
        return _peer(wire.ENV_FOLLOW, text) if text else None
    _, _, address = env.get(text[1:], "").rpartition("//")
    host, found, port = address.partition("/")[0].rpartition("@")[2].rpartition(":")
    return ((host if found else port).strip("[]"), wire.AGENT_PORT) if address else None

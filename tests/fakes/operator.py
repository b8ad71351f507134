"""The operator at work on the one Benchmark of a cluster in memory, look by look."""

from __future__ import annotations

from typing import Any

from fakes.cluster import FakeCluster, Killed
from shapebench.api.settings import Settings
from shapebench.reconcile import loop

NAMESPACE, NAME = "default", "compare"
"""The Benchmark's."""


def look_once(cluster: FakeCluster) -> float | None:
    """One look, which raises Killed where the cluster's script kills the operator; in how many seconds the next."""
    return loop.reconcile(cluster, Settings(), NAMESPACE, NAME, cluster.clock)


def look(cluster: FakeCluster) -> float | None:
    """One look to its end, by as many operators as are killed meanwhile."""
    while True:
        try:
            return look_once(cluster)
        except Killed:
            continue


def live(cluster: FakeCluster, body: dict[str, Any], settings: Settings) -> FakeCluster:
    """This Benchmark from its creation to its end, by as many operators as are killed."""
    cluster.add(body)
    for _ in range(100):
        try:
            loop.reconcile(cluster, settings, NAMESPACE, NAME, cluster.clock)
        except Killed:
            continue
        if cluster.get("Benchmark", NAME).get("status", {}).get("finishedAt"):
            return cluster
        cluster.tick()
    raise AssertionError("it did not end")

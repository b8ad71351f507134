"""The operator at work on the one Benchmark of a cluster in memory, look by look."""

from __future__ import annotations

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

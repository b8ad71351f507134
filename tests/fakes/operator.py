"""The operator at work on the one Benchmark of a cluster in memory, look by look."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from fakes.cluster import FakeCluster, Killed, executors_of
from shapebench.api import keys, packing, places
from shapebench.api.record import RunRecord
from shapebench.api.settings import Settings
from shapebench.reconcile import loop

NAMESPACE, NAME = "default", "compare"
"""The Benchmark's."""


PLAIN = Settings()


def look_once(cluster: FakeCluster, settings: Settings = PLAIN) -> float | None:
    """One look, which raises Killed where the cluster's script kills the operator; in how many seconds the next."""
    return loop.reconcile(cluster, settings, NAMESPACE, NAME, cluster.clock)


def look(cluster: FakeCluster, settings: Settings = PLAIN) -> float | None:
    """One look to its end, by as many operators as are killed meanwhile."""
    while True:
        try:
            return look_once(cluster, settings)
        except Killed:
            continue


def live(cluster: FakeCluster, body: dict[str, Any] | None = None, settings: Settings = PLAIN,
         ticks: int | None = None, others: Callable[[FakeCluster], object] = executors_of) -> FakeCluster:
    """A look at every tick until the Benchmark (this one, from its creation on) has ended or is gone.

    `others` are at work between looks. It has to end, unless it is only looked at for so many `ticks`.
    """
    if body is not None:
        cluster.add(body)
    for _ in range(ticks or 400):
        look(cluster, settings)
        benchmark = cluster.objects.get(("Benchmark", NAME))
        if benchmark is None or benchmark.get("status", {}).get("finishedAt"):
            return cluster
        cluster.tick()
        others(cluster)
    assert ticks, f"it did not end: {cluster.kind('BenchmarkRun')}"
    return cluster


def undisturbed(lived: Callable[[int | None], FakeCluster]) -> FakeCluster:
    """A cluster at its end, which is the same whichever effect the operator was killed after.

    `lived` makes it, with the number of that effect; None: the operator lives.
    """
    cluster = lived(None)
    for effect in range(1, cluster.effects + 1):
        killed = lived(effect)
        assert killed.objects == cluster.objects, f"killed after effect {effect}"
        assert killed.store == cluster.store, f"killed after effect {effect}"
        assert sorted(killed.created) == sorted(cluster.created), f"killed after effect {effect}"
    return cluster


def record(cluster: FakeCluster, run: str = "1-1") -> RunRecord:
    """The record of this run of the Benchmark, from where its status says."""
    place = cluster.get("BenchmarkRun", f"{NAME}-{run}")["status"]["record"]
    if places.is_url(place):
        return packing.unpacked(cluster.store[place.removeprefix("s3://store/")])
    return packing.unpacked(base64.b64decode(cluster.get("ConfigMap", place)["binaryData"][keys.RECORD_KEY]))

"""One attempt's objects: from a run to its Service, config map and pods. One table row per workload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from shapebench.build import spark, tensorflow
from shapebench.build.attempt import Attempt, KubeObject

_BUILDERS: Mapping[str, Callable[[Attempt], tuple[KubeObject, ...]]] = MappingProxyType({
    "spark": spark.gang,
    "tensorflow": tensorflow.gang,
})


def build(attempt: Attempt) -> tuple[KubeObject, ...]:
    """Everything the operator creates for the attempt, in the order of creation. Fresh trees at every call."""
    return _BUILDERS[attempt.benchmark.spec.workload.kind](attempt)


def pod_names(attempt: Attempt) -> tuple[str, ...]:
    """The names of the pods that the operator creates (Spark's executors are not among them)."""
    return tuple(body["metadata"]["name"] for body in build(attempt) if body["kind"] == "Pod")

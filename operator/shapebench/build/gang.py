"""One attempt's objects: from a run to its Service, config map and pods, or to the one object from which another
operator makes them. One table row per workload and engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from shapebench.build import spark, spark_application, tensorflow, tf_job
from shapebench.build.attempt import Attempt, KubeObject

SupportKind = Literal["Service", "ConfigMap"]


@dataclass(frozen=True)
class _Builder:
    """How one kind of workload is launched. The names are functions of their own, since they are asked for often."""

    objects: Callable[[Attempt], tuple[KubeObject, ...]]
    pod_names: Callable[[Attempt], tuple[str, ...]]
    support: tuple[SupportKind, ...]
    """What the gang has besides pods and is listed by nobody; each bears the gang's name."""


_BUILDERS: Mapping[str, _Builder] = MappingProxyType({
    "spark": _Builder(spark.gang, spark.pod_names, ("Service", "ConfigMap")),
    "tensorflow": _Builder(tensorflow.gang, tensorflow.pod_names, ("Service",)),
    "SparkApplication": _Builder(spark_application.gang, spark.pod_names, ()),
    "TFJob": _Builder(tf_job.gang, tensorflow.pod_names, ()),
})


def build(attempt: Attempt) -> tuple[KubeObject, ...]:
    """Everything the operator creates for the attempt, in the order of creation. Fresh trees at every call."""
    return _builder(attempt).objects(attempt)


def pod_names(attempt: Attempt) -> tuple[str, ...]:
    """The names of the pods that make a gang whole, whoever creates them (Spark's executors are not among them)."""
    return _builder(attempt).pod_names(attempt)


def support(attempt: Attempt) -> tuple[tuple[SupportKind, str], ...]:
    """Kind and name of everything that is built and is not a pod."""
    return tuple((kind, attempt.gang) for kind in _builder(attempt).support)


def _builder(attempt: Attempt) -> _Builder:
    workload = attempt.benchmark.spec.workload
    return _BUILDERS[workload.engine or workload.kind]

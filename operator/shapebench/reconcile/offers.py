"""What a Benchmark needs of the cluster beyond Kubernetes itself, and the words when it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shapebench.api.benchmark import Benchmark
from shapebench.api.workload import EngineKind
from shapebench.plan.actions import Offer

ENGINE_NOT_INSTALLED = "EngineNotInstalled"
ENGINE_NOT_ALLOWED = "EngineNotAllowed"
KUEUE_NOT_INSTALLED = "KueueNotInstalled"
KUEUE_NOT_ALLOWED = "KueueNotAllowed"
QUEUE_MISSING = "QueueMissing"
_GUIDE = "docs/how-to/engines.md"


@dataclass(frozen=True)
class _Engine:
    definition: str
    operator: str
    chart_value: str
    integration: str
    """Its name among the integrations.frameworks of Kueue's configuration."""


_ENGINES: Mapping[EngineKind, _Engine] = {
    "SparkApplication": _Engine("sparkapplications.sparkoperator.k8s.io", "the Kubeflow Spark operator",
                                "engines.sparkApplication.enabled", "sparkoperator.k8s.io/sparkapplication"),
    "TFJob": _Engine("tfjobs.kubeflow.org", "the Kubeflow training operator", "engines.tfJob.enabled",
                     "kubeflow.org/tfjob"),
}


@dataclass(frozen=True)
class Lack:
    """Something that is not there: the condition's reason, and what to do about it."""

    reason: str
    message: str


def lack(benchmark: Benchmark, engine: Offer, queue: Offer) -> Lack | None:
    """What keeps the Benchmark from being run here as things stand; None when nothing does."""
    return _lack_of_engine(benchmark, engine) or _lack_of_queue(benchmark, queue)


def never_queued(kind: EngineKind, name: str, limit: str) -> str:
    """What to do about an object of another operator's that Kueue is to let go and has not seen within the limit."""
    return (f"Kueue has made no Workload for {kind} {name} within {limit}: enable the integration "
            f"{_ENGINES[kind].integration} in Kueue's configuration (integrations.frameworks), and see that Kueue runs "
            f"({_GUIDE})")


def _lack_of_engine(benchmark: Benchmark, offer: Offer) -> Lack | None:
    workload = benchmark.spec.workload
    if workload.engine is None or offer is Offer.READY:
        return None
    engine, field = _ENGINES[workload.engine], f"spec.workload.{workload.kind}.engine: {workload.engine}"
    if offer is Offer.FORBIDDEN:
        return Lack(ENGINE_NOT_ALLOWED, f"{field}: Shapebench's operator may not manage {engine.definition}: "
                                        f"set the chart's value {engine.chart_value}=true, or engine: Native")
    return Lack(ENGINE_NOT_INSTALLED, f"{field} needs the CustomResourceDefinition {engine.definition}, which this "
                                      f"cluster does not have: install {engine.operator} and set the chart's value "
                                      f"{engine.chart_value}=true (see {_GUIDE}), or set engine: Native")


def _lack_of_queue(benchmark: Benchmark, offer: Offer) -> Lack | None:
    queue = benchmark.spec.queue_name
    if queue is None or offer is Offer.READY:
        return None
    field = f"spec.queueName: {queue}"
    if offer is Offer.FORBIDDEN:
        return Lack(KUEUE_NOT_ALLOWED, f"{field}: Shapebench's operator may not see queues: "
                                       "set the chart's value kueue.enabled=true, or leave queueName out")
    if offer is Offer.ABSENT:
        return Lack(QUEUE_MISSING, f"{field}: there is no LocalQueue {queue} in namespace "
                                   f"{benchmark.metadata.namespace}: create it, or name another")
    return Lack(KUEUE_NOT_INSTALLED, f"{field} needs Kueue's CustomResourceDefinition localqueues.kueue.x-k8s.io, "
                                     "which this cluster does not have: install Kueue (0.15 or newer) and set the "
                                     f"chart's value kueue.enabled=true (see {_GUIDE}), or leave queueName out")

"""The BenchmarkRun object of a planned run."""

from __future__ import annotations

from shapebench.api import keys
from shapebench.api.benchmark import Benchmark
from shapebench.build.attempt import KubeObject, owner_reference
from shapebench.plan import expand


def benchmark_run(benchmark: Benchmark, planned: expand.PlannedRun) -> KubeObject:
    """The object, owned by its Benchmark."""
    metadata = benchmark.metadata
    return {
        "apiVersion": keys.API_VERSION,
        "kind": "BenchmarkRun",
        "metadata": {
            "name": planned.name,
            "namespace": metadata.namespace,
            "labels": {keys.LABEL_MANAGED_BY: keys.MANAGED_BY, keys.LABEL_BENCHMARK: metadata.name},
            "ownerReferences": [owner_reference("Benchmark", metadata.name, metadata.uid)],
        },
        "spec": {
            "benchmark": metadata.name,
            "shape": planned.cell.shape,
            "parameters": dict(planned.cell.parameters),
            "block": planned.block,
            "repetition": planned.repetition,
            "position": planned.position,
        },
    }

"""What is different on one machine: said before the first run and again in the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from shapebench.api import quantity
from shapebench.api.benchmark import Benchmark, BenchmarkSpec
from shapebench.local import programs
from shapebench.plan import acceptance

ALWAYS = (
    "local backend: a worker's CPU limit is core affinity and thread counts, not a quota; its memory is not limited "
    "(Spark's heap is)",
    "local backend: network bytes are those of the whole machine, loopback included (of a gang of several processes "
    "while the run lasted, and not in its measured part alone); a run's disk reads are only those that missed the page "
    "cache",
)
SPARK = "local backend: Spark's executors are children of the driver, so the driver's usage contains theirs"


def problems(benchmark: Benchmark, exists: Callable[[str], bool] = os.path.exists) -> tuple[str, ...]:
    """Why this machine cannot run the Benchmark at all; empty when it can. `exists`: whether a path is there."""
    workload = benchmark.spec.workload
    found = [f"spec.workload.{workload.kind}.env[{index}].valueFrom: there are no Secrets and ConfigMaps on the local "
             "backend; give value"
             for index, variable in enumerate(workload.program.env) if variable.value_from is not None]
    if workload.engine is not None:
        found.append(f"spec.workload.{workload.kind}.engine: {workload.engine} needs a cluster and another operator "
                     "there; set engine: Native to run it on this machine (and leave spec.queueName out)")
    return (*found, *_missing_scripts(benchmark.spec, exists))


def _missing_scripts(spec: BenchmarkSpec, exists: Callable[[str], bool]) -> Iterator[str]:
    """The user's own program, where only a pod would have it: in a volume, or in an image."""
    for field, word in programs.words(spec).items():
        path = PurePosixPath(word)
        volumes = [one.name for one in spec.volumes if path.is_relative_to(one.mount_path)]
        if path.is_absolute() and (volumes or path.suffix == ".py") and not exists(word):
            where = (f"is in the volume {volumes[0]}, and there are no volumes on the local backend" if volumes else
                     "is not on this machine (the local backend uses no images)")
            yield f"spec.workload.{field}: {word} {where}; give the path of a script that is here"


def remarks(benchmark: Benchmark, core_count: int) -> tuple[str, ...]:
    """What the reader of the results must know, the gravest first."""
    spec = benchmark.spec
    return (*_too_large(spec, core_count), *acceptance.remarks(spec), *ALWAYS,
            *((SPARK,) if spec.workload.spark else ()), *_fractions(spec), *_ignored(spec))


def _too_large(spec: BenchmarkSpec, core_count: int) -> Sequence[str]:
    needs = {shape.name: shape.workers * quantity.cpu_cores(shape.cpu) for shape in spec.shapes}
    found = [f"{name} ({quantity.cpu_text(need)})" for name, need in needs.items() if need > core_count]
    return [f"this machine has {core_count} cores, fewer than {', '.join(found)}: "
            "workers of these shapes share cores, and their numbers say nothing of such a cluster"] if found else []


def _fractions(spec: BenchmarkSpec) -> Sequence[str]:
    fractions = [shape.name for shape in spec.shapes if quantity.cpu_cores(shape.cpu) % 1]
    return [f"a fraction of a core cannot be kept by affinity: workers of {', '.join(fractions)} "
            "get whole cores"] if fractions else []


def _ignored(spec: BenchmarkSpec) -> Sequence[str]:
    ignored = {
        "image": bool(spec.workload.program.image),
        "volumes": bool(spec.volumes),
        "queueName": spec.queue_name is not None,
        "isolation": spec.isolation != "None",
        "podTemplate": spec.pod_template != type(spec.pod_template)(),
        "nodeSelector and tolerations": any(shape.node_selector or shape.tolerations for shape in spec.shapes),
        "limits.concurrency": spec.limits.concurrency > 1,
    }
    named = [name for name, given in ignored.items() if given]
    return [f"not used on the local backend: {', '.join(named)} (runs come one at a time, with this machine's "
            "programs and files)"] if named else []

"""What CEL cannot say about a Benchmark: templates, sizes that Spark needs, shapes of equal total.

Each problem names the field and the fix. Both backends ask here before anything is created.
"""

from __future__ import annotations

from collections.abc import Iterator

from shapebench.api import benchmark, quantity, workload
from shapebench.plan import expand, pools, templates

RUNS_LIMIT = 10_000


def problems(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    """Why the Benchmark cannot be run; empty when it can."""
    return (*_template_problems(spec), *_size_problems(spec), *_count_problems(spec))


def remarks(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    """What is allowed but worth saying."""
    totals = {quantity.cpu_text(shape.workers * quantity.cpu_cores(shape.cpu)) for shape in spec.shapes}
    if len(totals) > 1:
        return (f"the shapes' total CPU differs ({', '.join(sorted(totals))} cores): "
                "this compares sizes, not only ways to cut one size",)
    return ()


def cluster_remarks(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    """The same, and what is worth saying where there are nodes."""
    return (*remarks(spec), *_mixed_nodes(spec))


def _template_problems(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    known = {*benchmark.RESERVED_PARAMETERS, *(parameter.name for parameter in spec.parameters)}
    found = []
    for index, argument in enumerate(spec.workload.program.arguments):
        try:
            templates.check(argument, known)
        except templates.TemplateError as error:
            found.append(f"spec.workload.{spec.workload.kind}.arguments[{index}]: {error}")
    return tuple(found)


def _mixed_nodes(spec: benchmark.BenchmarkSpec) -> Iterator[str]:
    """An autoscaler picks a node type by a pod's size."""
    if spec.validity.policy == "Flag":
        return
    pool_of = pools.of(spec)
    sizes: dict[str, set[tuple[float, int]]] = {}
    for shape in spec.shapes:
        size = quantity.cpu_cores(shape.cpu), quantity.memory_bytes(shape.memory)
        sizes.setdefault(pool_of[shape.name], set()).add(size)
    for pool in sorted(pool for pool, several in sizes.items() if len(several) > 1):
        where = f"the nodes with {pool}" if pool else "all nodes"
        yield (f"workers of different sizes share {where}: if these are of several types, all runs of a shape may "
               "be left out (OtherNode); tie the shapes to one type by spec.shapes[].nodeSelector, or set "
               "spec.validity.policy: Flag")


def _size_problems(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    if spec.workload.spark is None:
        return ()
    need = workload.SPARK_MINIMUM_HEAP_BYTES + workload.SPARK_MINIMUM_OVERHEAD_BYTES
    sizes = [("spec.workload.spark.driver.memory", "driver", spec.workload.spark.driver.memory)]
    sizes += [(f"spec.shapes[{index}].memory", "executor", shape.memory) for index, shape in enumerate(spec.shapes)]
    return tuple(
        f"{field}: {size} is too little for a Spark {role}, which needs at least {need // 2**20}Mi "
        "(450Mi of heap and 384Mi for Python and the JVM itself)"
        for field, role, size in sizes if quantity.memory_bytes(size) < need)


def _count_problems(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    count = len(expand.cells(spec)) * (spec.repetitions.count + spec.repetitions.warmups)
    if count <= RUNS_LIMIT:
        return ()
    return (f"spec: {len(expand.cells(spec))} cells × {spec.repetitions.count + spec.repetitions.warmups} runs are "
            f"{count} runs; at most {RUNS_LIMIT} are possible: take fewer values or repetitions",)

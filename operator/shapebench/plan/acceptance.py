"""What CEL cannot say about a Benchmark: templates, what a shipped job takes, sizes that Spark needs, shapes' totals.

Each problem names the field and the fix. Both backends ask here before anything is created.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shapebench.api import benchmark, quantity, workload
from shapebench.plan import expand, jobs, pools, templates

RUNS_LIMIT = 10_000
ARGUMENTS_TOLD, TEXTS_TOLD = 5, 3
"""Of what a job would refuse: a condition and an event are read by people."""
_MORE_IS_BETTER = ("_per_second", "accuracy", "throughput", "keeps_up")
"""What measurements are called that nobody wants little of."""


def problems(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    """Why the Benchmark cannot be run; empty when it can."""
    return _basic_problems(spec) or (() if spec.workload.program.image else tuple(_job_problems(spec)))


def remarks(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    """What is allowed but worth saying. Of arguments only where their templates can be filled."""
    of_arguments = () if _basic_problems(spec) else (*_unused_parameters(spec), *_other_image(spec))
    return (*_least_of_what_is_good(spec), *of_arguments, *_unequal_totals(spec))


def cluster_remarks(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    """The same, and what is worth saying where there are nodes."""
    return (*remarks(spec), *_mixed_nodes(spec))


def _least_of_what_is_good(spec: benchmark.BenchmarkSpec) -> Iterator[str]:
    """Also where somebody wrote Minimize: an API server writes defaults into what it keeps, so nobody can tell."""
    metric = spec.objective.metric
    if spec.objective.goal == "Minimize" and metric.endswith(_MORE_IS_BETTER):
        yield ("spec.objective.goal: Minimize (the default) takes the cell with the least "
               f"{metric.removeprefix('measurement.')} as the best: write goal: Maximize if more is better")


def _unequal_totals(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    totals = {quantity.cpu_text(shape.workers * quantity.cpu_cores(shape.cpu)) for shape in spec.shapes}
    if len(totals) > 1:
        return (f"the shapes' total CPU differs ({', '.join(sorted(totals))} cores): "
                "this compares sizes, not only ways to cut one size",)
    return ()


def _basic_problems(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    return (*_template_problems(spec), *_size_problems(spec), *_count_problems(spec))


def _template_problems(spec: benchmark.BenchmarkSpec) -> tuple[str, ...]:
    known = {*benchmark.RESERVED_PARAMETERS, *(parameter.name for parameter in spec.parameters)}
    found: list[str] = []
    for index, argument in enumerate(spec.workload.program.arguments):
        try:
            templates.check(argument, known)
        except templates.TemplateError as error:
            if len(found) == ARGUMENTS_TOLD:
                found.append(_others(spec, index))
                break
            found.append(f"spec.workload.{spec.workload.kind}.arguments[{index}]: {error}")
    return tuple(found)


def _unused_parameters(spec: benchmark.BenchmarkSpec) -> Iterator[str]:
    """No other field is a template, and nothing else tells a program of the parameters: of a shipped job or not.

    A command is none either, since braces may be code there (`bash -c`, `python3 -c`): so what it has is no mistake.
    """
    used = {name for argument in spec.workload.program.arguments for name in templates.names(argument)}
    command = spec.workload.tensorflow.command if spec.workload.tensorflow is not None else ()
    for index, parameter in enumerate(spec.parameters):
        if parameter.name not in used:
            name = f"{{{parameter.name}}}"
            literal = [place for place, word in enumerate(command) if name in word]
            stays = f" ({name} in command[{literal[0]}] stays as it is written)" if literal else ""
            yield (f"spec.parameters[{index}]: no argument uses {parameter.name}{stays}, so cells that differ in it "
                   f"alone do the same work: write {name} in spec.workload.{spec.workload.kind}.arguments")


def _other_image(spec: benchmark.BenchmarkSpec) -> Iterator[str]:
    """Another image may have the job in another version: what the one that came along would refuse is a remark."""
    if spec.workload.program.image:
        yield from (f"{problem} (not refused: spec.workload.{spec.workload.kind}.image may have another version of "
                    "the job)" for problem in _job_problems(spec))


def _job_problems(spec: benchmark.BenchmarkSpec) -> Iterator[str]:
    """What a shipped job would refuse, or never write. Its templates can be filled, and there are not too many."""
    if spec.workload.program.job is None:
        return
    job = jobs.described(spec.workload.program.job)
    told = 0
    for index, argument in enumerate(spec.workload.program.arguments):
        found = _argument_mistakes(spec, job, index)
        if found and told == ARGUMENTS_TOLD:
            yield _others(spec, index)
            break
        if found:
            told += 1
            yield (f"spec.workload.{spec.workload.kind}.arguments[{index}]: {_told(argument, list(found))}: "
                   f"{next(iter(found.values()))}")
    kind, _, name = spec.objective.metric.partition(".")
    mistake = job.metric_mistake(name) if kind == "measurement" else None
    if mistake:
        yield f"spec.objective.metric: {mistake}"


def _others(spec: benchmark.BenchmarkSpec, index: int) -> str:
    return f"spec.workload.{spec.workload.kind}.arguments[{index}]: wrong, too, and maybe others after it"


def _told(template: str, texts: Sequence[str]) -> str:
    """Some of what a template comes to."""
    more = " and more" if len(texts) > TEXTS_TOLD else ""
    some = ", ".join(repr(templates.shown(text)) for text in texts[:TEXTS_TOLD])
    return f"{some}{more}" + (f" (of {templates.shown(template)!r})" if texts[0] != template else "")


def _argument_mistakes(spec: benchmark.BenchmarkSpec, job: jobs.Job, index: int) -> dict[str, str]:
    """What an argument is with what its parameters can be, where the job would refuse it, and why: the first few."""
    arguments = spec.workload.program.arguments
    template = arguments[index]
    before = arguments[index - 1] if index and "=" not in arguments[index - 1] else ""
    after = arguments[index + 1] if index + 1 < len(arguments) else None
    around = (before, template, "" if after is None or "=" in template else after)
    names = {name for one in around for name in templates.names(one)}
    found: dict[str, str] = {}
    for values in expand.all_template_values(spec, names):
        left, text, right = (templates.fill(one, values) for one in around)
        mistake = job.argument_mistake(left, text, None if after is None else right)
        if mistake:
            found.setdefault(text, mistake)
        if len(found) > TEXTS_TOLD:
            break
    return found


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
    count = expand.run_count(spec)
    if count <= RUNS_LIMIT:
        return ()
    return (f"spec: {expand.cell_count(spec)} cells × {spec.repetitions.count + spec.repetitions.warmups} runs are "
            f"{count} runs; at most {RUNS_LIMIT} are possible: take fewer values or repetitions",)

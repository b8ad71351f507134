"""The Benchmark: one workload × shapes × parameters × repetitions, with an objective."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shapebench.api import keys
from shapebench.api.fields import (
    Cpu,
    Duration,
    Interval,
    Labels,
    Memory,
    ObjectName,
    ParameterName,
    ParameterValue,
    Price,
    ShapeName,
    Share,
    scalar_text,
)
from shapebench.api.pods import PodTemplate, Toleration, Volume
from shapebench.api.rules import ApiObject, Distinct, Rule, matching
from shapebench.api.workload import Workload

RESERVED_PARAMETERS = ("shape", "workers", "cpu", "memory", "seed", "repetition")
"""Names that every argument template knows: they come from the shape and the run."""

LABEL_VALUE_CHARS = 63
"""The longest value of a label."""


class Shape(ApiObject):
    """One way to cut a cluster: so many workers of so much CPU and memory, on such nodes, at such a price."""

    name: ShapeName
    workers: Annotated[int, Field(ge=1, le=1000)]
    cpu: Annotated[Cpu, Field(description="of one worker; request and limit at once")]
    memory: Annotated[Memory, Field(description="of one worker; request and limit at once")]
    price_per_hour: Annotated[Price | None, Field(description="of one worker, in your currency")] = None
    node_selector: Labels = {}
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=20)] = ()


class Parameter(ApiObject):
    """A named list of values handed to the program through its argument template."""

    name: ParameterName
    values: Annotated[tuple[ParameterValue, ...], Field(
        min_length=1, max_length=50, description="no two that read the same, such as 1 and \"1\": nothing would tell "
                                                 "their runs apart"), Distinct(text=scalar_text)]

    rules = (Rule(
        "!(self.name in [" + ", ".join(f"'{name}'" for name in RESERVED_PARAMETERS) + "])",
        "shape, workers, cpu, memory, seed and repetition are known in every template; choose another name",
        lambda self: self.name not in RESERVED_PARAMETERS, field="name"),)


class Repetitions(ApiObject):
    """How often each cell runs."""

    count: Annotated[int, Field(ge=1, le=100)] = 3
    warmups: Annotated[int, Field(ge=0, le=10, description="runs of each cell that no statistics see")] = 1


class Order(ApiObject):
    """In which order the runs come."""

    kind: Annotated[Literal["RandomizedBlocks", "Sequential"], Field(
        description="RandomizedBlocks: one run of every cell, shuffled, then again; "
                    "drift of the cluster then hits all cells alike")] = "RandomizedBlocks"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class Objective(ApiObject):
    """The one number that cells are compared by."""

    metric: Annotated[str, Field(
        max_length=100, description="duration, cost, or measurement.NAME"), matching(
        r"^(duration|cost|measurement\.[a-zA-Z0-9_]+)$",
        "write duration, cost, or measurement.NAME with the name of a value that the job writes")] = "duration"
    goal: Literal["Minimize", "Maximize"] = "Minimize"


class Limits(ApiObject):
    """What a run and the Benchmark may take."""

    concurrency: Annotated[int, Field(ge=1, le=100, description="runs at once; more than 1 shares the nodes")] = 1
    start_timeout: Annotated[Duration, Field(description="from creation until every pod runs")] = "5m"
    run_timeout: Annotated[Duration, Field(description="from then until the program ends")] = "1h"
    retries: Annotated[int, Field(ge=0, le=10, description="new attempts after failures of the cluster")] = 2
    failures_per_cell: Annotated[int, Field(
        ge=1, le=100, description="after so many failed runs a cell's other runs are skipped")] = 2
    budget: Annotated[Price | None, Field(
        description="no run starts that is expected to take the money spent beyond this; needs pricePerHour in every "
                    "shape")] = None


class Validity(ApiObject):
    """When a run is doubtful, and what becomes of it then. Shares are of the measured part's CPU time."""

    policy: Annotated[Literal["Exclude", "Flag"] | None, Field(
        description="Exclude: a flagged run is kept out of the statistics, and said to be; Flag: it counts all the "
                    "same. Default: Exclude on a cluster, Flag on the local backend")] = None
    max_throttled_share: Annotated[Share, Field(
        description="CPU that throttling took beyond the limit, as a share of what the limit allows: throttling of a "
                    "pod that got all of its limit is what a limit is for, and no flag")] = "0.05"
    max_foreign_cpu_share: Annotated[Share, Field(
        description="CPU used on a node by all that is not the run, as a share of the node's")] = "0.25"
    max_steal_share: Annotated[Share, Field(
        description="CPU that the hypervisor gave to others, as a share of the node's")] = "0.05"
    max_pressure_share: Annotated[Share, Field(
        description="time in which a pod waited for memory (PSI, cgroup v2), as a share of the time; for the disk: how "
                    "much more than the least of the cell's other runs")] = "0.10"


class BenchmarkSpec(ApiObject):
    """What to compare."""

    workload: Workload
    shapes: Annotated[tuple[Shape, ...], Field(min_length=1, max_length=50), Distinct("name")]
    parameters: Annotated[tuple[Parameter, ...], Field(max_length=10), Distinct("name")] = ()
    repetitions: Repetitions = Repetitions()
    order: Order = Order()
    objective: Objective = Objective()
    limits: Limits = Limits()
    validity: Validity = Validity()
    isolation: Annotated[Literal["None", "Node"], Field(
        description="Node: a run has its nodes to itself, apart from the cluster's own daemons; no pod that is not of "
                    "the run is placed there while it lasts")] = "None"
    sample_interval: Annotated[Interval | None, Field(
        description="between two samples of a pod's usage; default: the installation's, one second. "
                    "Totals are exact whatever it is")] = None
    volumes: Annotated[tuple[Volume, ...], Field(max_length=20), Distinct("name")] = ()
    pod_template: PodTemplate = PodTemplate()
    queue_name: Annotated[ObjectName | None, Field(
        description="a Kueue LocalQueue of the Benchmark's namespace: each run waits until Kueue admits it")] = None
    suspend: Annotated[bool, Field(description="true: no new run starts; the current ones end")] = False
    ttl_seconds_after_finished: Annotated[int | None, Field(
        ge=0, le=10 * 366 * 86400, description="delete the Benchmark and its runs so long after its end")] = None

    rules = (
        Rule("!has(self.objective) || self.objective.metric != 'cost' || "
             "self.shapes.all(shape, has(shape.pricePerHour))",
             "objective cost needs pricePerHour in every shape",
             lambda self: self.objective.metric != "cost"
             or all(shape.price_per_hour is not None for shape in self.shapes), field="shapes"),
        Rule("!has(self.volumes) || "
             "self.volumes.all(one, self.volumes.exists_one(other, other.mountPath == one.mountPath))",
             "two volumes have the same mountPath",
             lambda self: len({volume.mount_path for volume in self.volumes}) == len(self.volumes), field="volumes"),
        Rule(f"!has(self.queueName) || self.queueName.size() <= {LABEL_VALUE_CHARS} || " + " && ".join(
            f"(!has({workload}) || !has({workload}.engine) || {workload}.engine == 'Native')"
            for workload in ("self.workload.spark", "self.workload.tensorflow")),
             "an engine's object names its queue in a label: give the LocalQueue at most "
             f"{LABEL_VALUE_CHARS} characters, or set engine: Native",
             lambda self: self.queue_name is None or len(self.queue_name) <= LABEL_VALUE_CHARS
             or self.workload.engine is None, field="queueName"),
        Rule("!has(self.limits) || !has(self.limits.budget) || "
             "self.shapes.all(shape, has(shape.pricePerHour))",
             "limits.budget needs pricePerHour in every shape",
             lambda self: self.limits.budget is None
             or all(shape.price_per_hour is not None for shape in self.shapes), field="shapes"),
    )


class Metadata(ApiObject):
    """The part of Kubernetes' metadata that Shapebench reads; the rest is let through unread."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(min_length=1, max_length=253)]
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    labels: dict[str, str] = {}


NAME_RULE = Rule(
    f"self.metadata.name.size() <= {keys.BENCHMARK_NAME_LIMIT} && "
    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    f"metadata.name must be at most {keys.BENCHMARK_NAME_LIMIT} characters of a-z, 0-9, '-', starting with a letter: "
    "the names of runs, services and pods are made from it",
    lambda benchmark: len(benchmark.metadata.name) <= keys.BENCHMARK_NAME_LIMIT
    and re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", benchmark.metadata.name) is not None, field="metadata.name")

FIXED_FIELDS = ("workload", "shapes", "parameters", "repetitions", "order", "objective", "validity", "isolation",
                "sampleInterval", "volumes", "podTemplate", "queueName")
"""What may not change once the first run exists: the runs would no longer be comparable, or the place of one that waits
in a queue would be lost."""


class Benchmark(ApiObject):
    """What to compare, by its name."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["shapebench.dev/v1alpha1"] = "shapebench.dev/v1alpha1"
    kind: Literal["Benchmark"] = "Benchmark"
    metadata: Metadata
    spec: BenchmarkSpec

    rules = (NAME_RULE,)


def fixed_field_rules() -> tuple[dict[str, str], ...]:
    """CEL transition rules: each fixed field stays as it is while runs exist (CRD only; files have no past)."""
    started = "has(oldSelf.status) && has(oldSelf.status.runs) && oldSelf.status.runs.created > 0"
    return tuple({
        "rule": f"!({started}) || (has(self.spec.{name}) ? has(oldSelf.spec.{name}) && "
                f"self.spec.{name} == oldSelf.spec.{name} : !has(oldSelf.spec.{name}))",
        "message": f"spec.{name} cannot change once runs exist, or they could not be compared; "
                   "make a new Benchmark (suspend, limits and ttlSecondsAfterFinished may change)",
        "fieldPath": f".spec.{name}",
    } for name in FIXED_FIELDS)

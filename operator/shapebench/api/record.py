"""The record: what one run left behind, in one versioned form for the agent, both backends, the report and the export.

A `PodRecord` is what an agent writes about its pod (or process, locally); a `RunRecord` is a run whole, with the
records of its pods inside. Both are plain JSON. Times are Unix seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from shapebench.api.benchmark import Objective
from shapebench.api.fields import Count, Number, Scalar, Value
from shapebench.api.usage import Series, Surroundings, Usage


class Phase(StrEnum):
    """Where a run is in its life."""

    PENDING = "Pending"
    STARTING = "Starting"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


OVER = (Phase.SUCCEEDED, Phase.FAILED)
"""Where a run has its result."""


class Reason(StrEnum):
    """Why a run failed: facts, each told apart."""

    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL = "ImagePull"
    START_TIMEOUT = "StartTimeout"
    RUN_TIMEOUT = "RunTimeout"
    OUT_OF_MEMORY = "OutOfMemory"
    EVICTED = "Evicted"
    NODE_LOST = "NodeLost"
    PROGRAM_FAILED = "ProgramFailed"
    WRONG_ANSWER = "WrongAnswer"
    ENGINE_FAILED = "EngineFailed"
    CANCELLED = "Cancelled"


INFRASTRUCTURE_REASONS = frozenset({Reason.EVICTED, Reason.NODE_LOST})
"""Failures that are the cluster's and pass: they are retried as a new attempt. What did not start (an image that cannot
be pulled, a shape that fits no node, a volume that is not there) waited out its timeout, and would only do so again."""


class Verdict(StrEnum):
    """Whether a run may enter the statistics, and if not, why. Only VALID ones do.

    From CLOCK on these are flags too: `validity.policy` says whether a flag keeps a run out, but for CLOCK, which does.
    """

    VALID = "Valid"
    WARMUP = "Warmup"
    FAILED = "Failed"
    CLOCK = "Clock"
    RETRIED = "Retried"
    LOST_PODS = "LostPods"
    OTHER_NODE = "OtherNode"
    OTHER_IMAGE = "OtherImage"
    THROTTLED = "Throttled"
    SWAPPED = "Swapped"
    NEIGHBOUR = "Neighbour"
    STEAL = "Steal"
    PRESSURE = "Pressure"


class Flag(Value):
    """Something about a run that makes it doubtful: what, how much of it, and the bound that it passed."""

    kind: Verdict
    message: Annotated[str, Field(max_length=512)]
    value: float | None = None
    bound: float | None = None


class Measurement(Value):
    """A row that the job wrote: parameters it varied inside, values it measured."""

    parameters: dict[str, Scalar] = {}
    values: dict[str, float] = {}


class PodRecord(Value):
    """One pod's life as its agent saw it.

    `usage` is that of the program and all that it started, from just before its start to when the last of them is gone.
    Where the container's counters are read, what the agent itself used meanwhile (CPU, memory) is taken off; its few
    packets, when it is scraped or followed, are not. `measured_usage` is the usage within the measured part; without
    marks of the program that is its life. Pods whose programs mark nothing themselves (executors, parameter servers)
    have the measured part of the pod that they serve: their agents hear of it from that one's. None: it is not known.

    `complete` is false where the agent was killed before its end: the totals are then those of its last checkpoint, at
    `last_reading_s`. `measurements_left_out`: how many rows are missing, always the last ones. `left_out`: what the
    operator could not get of the record, and why; usage and times are whole. A memory peak that `is_sampled` is the
    largest of samples: it may have been more in between.

    All times are by one clock, the agent's: the pod's wall clock when the agent started, and steady from there.
    `measured_parts`: how often a start of the measured part was marked; the last one counts.
    """

    version: Literal["shapebench.dev/pod-record/v1"] = "shapebench.dev/pod-record/v1"
    pod: str
    role: str
    index: Count
    counters: Annotated[str, Field(description="cgroup-v1, cgroup-v2, processes or none")]
    agent_started_s: Number
    program_started_s: Number | None = None
    program_finished_s: Number | None = None
    measured_started_s: Number | None = None
    measured_finished_s: Number | None = None
    measured_parts: Count = 0
    complete: bool = True
    last_reading_s: Number | None = None
    exit_code: Count
    signal: Count | None = None
    oom_killed: bool = False
    message: str = ""
    wrong_answer: str | None = None
    usage: Usage = Usage()
    measured_usage: Usage | None = None
    memory_peak_is_sampled: bool | None = None
    measured_memory_peak_is_sampled: bool | None = None
    surroundings: Surroundings | None = None
    measurements: tuple[Measurement, ...] = ()
    measurements_left_out: Count = 0
    environment: dict[str, str] = {}
    series: Series = Series()
    left_out: str = ""


class Times(Value):
    """A run's moments. `started` and `finished` bound the measured part, inside the pods.

    `admitted`: when another operator's object was first seen free to start; before that it may have waited in a queue.
    `attempt_created`: when the last attempt was, where earlier ones were lost; all but `created` are that attempt's.
    """

    created_s: float | None = None
    attempt_created_s: float | None = None
    admitted_s: float | None = None
    scheduled_s: float | None = None
    running_s: float | None = None
    started_s: float | None = None
    finished_s: float | None = None


class Cell(Value):
    """One shape with one value for each parameter."""

    shape: str
    parameters: dict[str, Scalar] = {}


class LostAttempt(Value):
    """An attempt that the cluster broke off, as far as its pods told. Of all the run's own figures it is only in
    `cost_spent`; here that is of this attempt alone. `left_out`: what was told and is not kept.
    """

    attempt: int
    reason: Reason | None = None
    message: str = ""
    times: Times = Times()
    cost_spent: float | None = None
    usage: Usage = Usage()
    usage_by_role: dict[str, Usage] = {}
    lost_pods: tuple[str, ...] = ()
    pod_records: tuple[PodRecord, ...] = ()
    left_out: str = ""


class RunRecord(Value):
    """A run, whole.

    `objective`: the Benchmark's, which may be gone; None in older records. `cost` is the price of the measured part, by
    which cells are compared; `cost_spent` that of all the time for which the pods of all attempts held their nodes.
    `usage` is of the pods' whole lives, `measured_usage` of the measured part (None where it is not known of every
    pod). `images`: the digest of each role's image. `lost_pods`: those that left no record, or not all of it; their
    usage is missing from the totals. `measurements_left_out`: how many rows of the job are missing; `medians` then has
    each value's over all rows, unless nobody knows them. `lost_attempts`: those before the last one, which all else
    here is of. A memory peak `is_sampled` where one of the pods' is; None: not told of every pod.
    """

    version: Literal["shapebench.dev/record/v1"] = "shapebench.dev/record/v1"
    benchmark: str
    namespace: str
    run: str
    backend: Literal["kubernetes", "local"]
    objective: Objective | None = None
    cell: Cell
    workers: int
    cpu: float
    memory_bytes: int
    block: int
    repetition: int
    position: int
    attempt: int
    phase: Phase
    reason: Reason | None = None
    message: str = ""
    verdict: Verdict
    times: Times
    duration_s: float | None = None
    cost: float | None = None
    cost_spent: float | None = None
    usage: Usage = Usage()
    usage_by_role: dict[str, Usage] = {}
    measured_usage: Usage | None = None
    measured_usage_by_role: dict[str, Usage] = {}
    memory_peak_is_sampled: bool | None = None
    measured_memory_peak_is_sampled: bool | None = None
    measurements: tuple[Measurement, ...] = ()
    measurements_left_out: int = 0
    medians: dict[str, float] = {}
    environment: dict[str, str] = {}
    images: dict[str, str] = {}
    flags: tuple[Flag, ...] = ()
    lost_pods: tuple[str, ...] = ()
    lost_attempts: tuple[LostAttempt, ...] = ()
    pods: tuple[PodRecord, ...] = ()

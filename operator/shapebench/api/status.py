"""What the operator writes back: the status of a Benchmark."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from shapebench.api.fields import ParameterValue
from shapebench.api.rules import ApiObject, Distinct


class BenchmarkPhase(StrEnum):
    """A Benchmark's state in one word, for the printer column."""

    REJECTED = "Rejected"
    PENDING = "Pending"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class ConditionType(StrEnum):
    """What `kubectl wait --for=condition=…` can wait for."""

    ACCEPTED = "Accepted"
    PROGRESSING = "Progressing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    FINISHED = "Finished"


class Condition(ApiObject):
    """A metav1.Condition."""

    type: ConditionType
    status: Literal["True", "False", "Unknown"]
    observed_generation: Annotated[int, Field(ge=0)] = 0
    last_transition_time: Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    message: Annotated[str, Field(max_length=32768)] = ""


class CellCounts(ApiObject):
    """Cells, by what is known of them."""

    total: int = 0
    measured: Annotated[int, Field(description="with at least one valid run")] = 0
    infeasible: Annotated[int, Field(description="failed too often: their other runs are skipped")] = 0


class RunCounts(ApiObject):
    """Runs, by state."""

    planned: int = 0
    created: int = 0
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    excluded: Annotated[int, Field(description="succeeded, and left out of the statistics as doubtful")] = 0
    flagged: Annotated[int, Field(description="doubtful, and counted all the same")] = 0


class Interval(ApiObject):
    """A confidence interval, and how it was made."""

    low: float
    high: float
    method: Annotated[str, Field(max_length=200)]


class Best(ApiObject):
    """The best cell so far, by the median of the objective over its valid runs."""

    shape: Annotated[str, Field(max_length=63)]
    parameters: Annotated[dict[str, ParameterValue], Field(max_length=10)] = {}
    metric: Annotated[str, Field(max_length=100)]
    objective: float
    runs: int
    interval: Interval | None = None
    summary: Annotated[str, Field(max_length=512, description="the same in a few words")]


class BenchmarkStatus(ApiObject):
    """Where a Benchmark stands."""

    phase: BenchmarkPhase = BenchmarkPhase.PENDING
    observed_generation: int = 0
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8), Distinct("type")] = ()
    cells: CellCounts = CellCounts()
    runs: RunCounts = RunCounts()
    progress: Annotated[str, Field(max_length=32, description="runs ended/planned")] = ""
    best: Best | None = None
    cost_spent: Annotated[float | None, Field(
        description="on all runs and attempts, for as long as their pods held nodes: start-up, warm-ups and failures "
                    "too")] = None
    cost_expected: Annotated[float | None, Field(
        description="of the runs that are not over, judged by those that are")] = None
    time_left_s: Annotated[int | None, Field(description="an estimate from the runs so far")] = None
    started_at: Annotated[str | None, Field(max_length=64, json_schema_extra={"format": "date-time"})] = None
    finished_at: Annotated[str | None, Field(max_length=64, json_schema_extra={"format": "date-time"})] = None
    results: Annotated[str, Field(max_length=512, description="where the full results are")] = ""
    records_path: Annotated[str, Field(max_length=512, description=(
        "where the API server hands on the records of runs that the operator keeps in a volume: "
        "kubectl get --raw PATH/RUN.json.gz | gunzip"))] = ""

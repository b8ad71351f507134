"""The BenchmarkRun: one execution of a cell. The operator makes it just before it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shapebench.api.benchmark import Metadata
from shapebench.api.fields import ParameterValue, ShapeName
from shapebench.api.record import Flag, Phase, Reason, Times, Verdict
from shapebench.api.rules import ApiObject
from shapebench.api.usage import Usage

MEASUREMENTS_LIMIT = 50
"""Rows kept in the status; the record holds all."""


class RunSpec(ApiObject):
    """Which run of which cell."""

    benchmark: Annotated[str, Field(max_length=63)]
    shape: ShapeName
    parameters: Annotated[dict[str, ParameterValue], Field(max_length=10)] = {}
    block: Annotated[int, Field(ge=0, description="0 is the warm-up")]
    repetition: Annotated[int, Field(ge=0, description="within the cell, warm-ups not counted")]
    position: Annotated[int, Field(ge=1, description="within the block")]


class RunMeasurement(ApiObject):
    """A row that the job wrote."""

    parameters: Annotated[dict[str, ParameterValue], Field(max_length=20)] = {}
    values: Annotated[dict[str, float], Field(max_length=50)] = {}


class RunStatus(ApiObject):
    """Where a run stands, and what it measured."""

    phase: Phase = Phase.PENDING
    attempt: Annotated[int, Field(ge=0, description="the current or last one, from 1")] = 0
    attempt_created_at: Annotated[str | None, Field(max_length=64, json_schema_extra={"format": "date-time"})] = None
    gang_exists: Annotated[bool, Field(
        description="the attempt's objects were all created and are not deleted yet: "
                    "a pod that is missing meanwhile was lost")] = False
    reason: Reason | None = None
    message: Annotated[str, Field(max_length=4096)] = ""
    lost_attempts: Annotated[tuple[Annotated[str, Field(max_length=4096)], ...], Field(
        max_length=12, description="why earlier attempts failed")] = ()
    lost_usage: Annotated[Usage | None, Field(
        description="of the pods of earlier attempts, as far as it is known; in no other figure here")] = None
    log_awaited_at: Annotated[str | None, Field(
        max_length=64, json_schema_extra={"format": "date-time"},
        description="since when the end of the attempt waits for a pod's log that its node does not give")] = None
    times: Times = Times()
    queue_s: Annotated[float | None, Field(
        description="from the attempt's creation until no queue held it back")] = None
    startup_s: Annotated[float | None, Field(description="from then until the measured part began")] = None
    duration_s: float | None = None
    duration: Annotated[str, Field(max_length=32, description="for people")] = ""
    cost: float | None = None
    objective: Annotated[float | None, Field(description="the run's value of spec.objective.metric")] = None
    cost_spent: Annotated[float | None, Field(
        description="the price of all the time for which the pods of all attempts held their nodes")] = None
    verdict: Verdict | None = None
    flags: Annotated[tuple[Flag, ...], Field(max_length=16, description="what makes the run doubtful")] = ()
    usage: Annotated[Usage | None, Field(description="of the pods' whole lives")] = None
    usage_by_role: Annotated[dict[str, Usage], Field(max_length=4)] = {}
    measured_usage: Annotated[Usage | None, Field(description="of the measured part")] = None
    measured_usage_by_role: Annotated[dict[str, Usage], Field(max_length=4)] = {}
    images: Annotated[dict[str, Annotated[str, Field(max_length=512)]], Field(
        max_length=4, description="the digest of each role's image")] = {}
    measurements: Annotated[tuple[RunMeasurement, ...], Field(max_length=MEASUREMENTS_LIMIT)] = ()
    environment: Annotated[dict[str, Annotated[str, Field(max_length=1024)]], Field(max_length=64)] = {}
    record: Annotated[str, Field(
        max_length=1024, description="the ConfigMap, or the URL, that holds the whole record")] = ""
    record_copy: Annotated[str, Field(
        max_length=253, description="the ConfigMap that the record was moved from, until it is deleted")] = ""


class BenchmarkRun(ApiObject):
    """One execution of a cell."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["shapebench.dev/v1alpha1"] = "shapebench.dev/v1alpha1"
    kind: Literal["BenchmarkRun"] = "BenchmarkRun"
    metadata: Metadata
    spec: RunSpec
    status: RunStatus = RunStatus()

"""Observe: what another operator says of the object that a run is launched through, and whether a queue holds it back.

`Admission` is where every queue meets a run's life: whoever can tell `held` of an attempt (today the object's own
`suspend`, which Kueue sets) needs nothing else from here on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from shapebench.api import keys
from shapebench.api.workload import EngineKind

_SPARK_FAILED = ("FAILED", "SUBMISSION_FAILED")


class Admission(Enum):
    """Whether an attempt may start."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    WITHDRAWN = "withdrawn"
    """It had started, and its place was taken back."""


def admission(held: bool, admitted_s: float | None) -> Admission:
    """Whether an attempt may start that is held back now or is not, and was first seen free at `admitted_s`."""
    if not held:
        return Admission.ADMITTED
    return Admission.WAITING if admitted_s is None else Admission.WITHDRAWN


@dataclass(frozen=True)
class EngineFact:
    """A SparkApplication or TFJob of a run. `state`: in its operator's word; empty while that operator is silent."""

    kind: EngineKind
    name: str
    run: str
    attempt: int
    held: bool = False
    state: str = ""
    failure: str = ""
    """Why its operator gave up; empty while it has not."""
    deleting: bool = False


def engine_fact(body: Mapping[str, Any]) -> EngineFact:
    """The facts of one labelled object."""
    metadata = body["metadata"]
    labels = metadata.get("labels", {})
    spec, status = body.get("spec", {}), body.get("status") or {}
    held, state, failure = _of_spark(spec, status) if body["kind"] == "SparkApplication" else _of_tf_job(spec, status)
    return EngineFact(
        kind=body["kind"], name=metadata["name"], run=labels.get(keys.LABEL_RUN, ""),
        attempt=int(labels.get(keys.LABEL_ATTEMPT, "0")), held=held, state=state, failure=failure,
        deleting="deletionTimestamp" in metadata)


def _of_spark(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[bool, str, str]:
    application = status.get("applicationState") or {}
    state = application.get("state", "")
    failure = (application.get("errorMessage") or state) if state in _SPARK_FAILED else ""
    return bool(spec.get("suspend")), state, failure


def _of_tf_job(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[bool, str, str]:
    conditions = [one for one in status.get("conditions") or () if one["status"] == "True"]
    state = conditions[-1]["type"] if conditions else ""
    failed = next((one for one in conditions if one["type"] == "Failed"), None)
    failure = (failed.get("message") or failed.get("reason") or "Failed") if failed else ""
    return bool((spec.get("runPolicy") or {}).get("suspend")), state, failure

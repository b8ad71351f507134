"""Observe: what another operator says of the object that a run is launched through, and whether a queue holds it back.

`Admission` is where every queue meets a run's life: whoever can tell `held` of an attempt (today the object's own
`suspend`, which Kueue sets) needs nothing else from here on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from shapebench.api import keys, last_words
from shapebench.api.workload import EngineKind
from shapebench.build.attempt import Placement

WORKLOAD: Literal["Workload"] = "Workload"
"""Kueue's own object, where we make the pods ourselves: it holds back by not admitting, and nothing is made from it."""
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
    """A SparkApplication, TFJob or Workload of a run. `state`: in its operator's words; empty while it is silent."""

    kind: EngineKind | Literal["Workload"]
    name: str
    run: str
    attempt: int
    held: bool = False
    unqueued: bool = False
    """Held back for Kueue, which has made no Workload for it: as things stand nobody will let it go."""
    state: str = ""
    failure: str = ""
    """Why its operator gave up; empty while it has not."""
    deleting: bool = False
    spent: bool = False
    """A Workload that was evicted and still counts against its queue: it is not admitted again, another may be."""
    placements: Mapping[str, Placement] = field(default_factory=dict)
    """Where a Workload's pods have their place, by role."""


def engine_fact(body: Mapping[str, Any], flavors: Iterable[Mapping[str, Any]] = (),
                workloads: Iterable[Mapping[str, Any]] | None = None) -> EngineFact:
    """The facts of one labelled object; of a Workload with the nodes of the flavors that it was assigned.

    `workloads`: those that Kueue made for other operators' objects; None: not known.
    """
    metadata = body["metadata"]
    labels = metadata.get("labels", {})
    spec, status = body.get("spec", {}), body.get("status") or {}
    read = {"SparkApplication": _of_spark, "TFJob": _of_tf_job, WORKLOAD: _of_workload}[body["kind"]]
    held, state, failure = read(spec, status)
    true = _true_conditions(status)
    return EngineFact(
        kind=body["kind"], name=metadata["name"], run=labels.get(keys.LABEL_RUN, ""),
        attempt=int(labels.get(keys.LABEL_ATTEMPT, "0")), held=held,
        unqueued=held and workloads is not None and metadata["uid"] not in _owners(workloads),
        state=state, failure=failure,
        deleting="deletionTimestamp" in metadata, spent={"Evicted", "QuotaReserved"} <= true,
        placements=_placements(status, flavors))


def _of_spark(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[bool, str, str]:
    application = status.get("applicationState") or {}
    state = application.get("state", "")
    failure = (last_words.of_log(application.get("errorMessage", "")) or state) if state in _SPARK_FAILED else ""
    return bool(spec.get("suspend")), state, failure


def _of_tf_job(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[bool, str, str]:
    conditions = [one for one in status.get("conditions") or () if one["status"] == "True"]
    state = conditions[-1]["type"] if conditions else ""
    failed = next((one for one in conditions if one["type"] == "Failed"), None)
    failure = (failed.get("message") or failed.get("reason") or "Failed") if failed else ""
    return bool((spec.get("runPolicy") or {}).get("suspend")), state, failure


def _of_workload(_: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[bool, str, str]:
    true = _true_conditions(status)
    about = "Evicted" if "Evicted" in true else "QuotaReserved"
    told = next((one.get("message", "") for one in status.get("conditions") or () if one["type"] == about), "")
    # An evicted one stays Admitted: Kueue leaves it to the one who made it to end its pods and let it go.
    return "Evicted" in true or "Admitted" not in true, told, ""


def _placements(status: Mapping[str, Any], flavors: Iterable[Mapping[str, Any]]) -> dict[str, Placement]:
    specs = {flavor["metadata"]["name"]: flavor.get("spec") or {} for flavor in flavors}
    found = {}
    for one in (status.get("admission") or {}).get("podSetAssignments", ()):
        assigned = [specs.get(name, {}) for name in dict.fromkeys((one.get("flavors") or {}).values())]
        labels = {key: value for spec in assigned for key, value in spec.get("nodeLabels", {}).items()}
        tolerations = tuple(toleration for spec in assigned for toleration in spec.get("tolerations", ()))
        found[one["name"]] = Placement(labels, tolerations)
    return found


def _owners(bodies: Iterable[Mapping[str, Any]]) -> set[str]:
    return {owner["uid"] for body in bodies for owner in body["metadata"].get("ownerReferences") or ()}


def _true_conditions(status: Mapping[str, Any]) -> set[str]:
    return {one["type"] for one in status.get("conditions") or () if one["status"] == "True"}

"""Observe: from the API's pod objects to facts, so that no decision ever looks into a pod's status again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from shapebench.api import keys, moments, wire
from shapebench.api.record import Reason

_PULL_FAILING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError")
_PULL_HOPELESS = ("InvalidImageName", "ErrImageNeverPull")
_NODE_GONE_DISRUPTIONS = ("DeletionByTaintManager", "DeletionByPodGC")
_REMEDIES = {
    "didn't match pod anti-affinity rules":
        "isolation: Node needs nodes without foreign pods: free some (the scheduler may take five minutes to see it), "
        "or name the namespaces whose daemons are on every node in the chart's value isolation.systemNamespaces",
    "didn't satisfy existing pods anti-affinity rules":
        "there are pods that keep others off their nodes, such as those of a run with isolation: Node",
}
"""What the scheduler says of anti-affinity, and what a person can do."""
_NO_ROOT = "runAsNonRoot"
_NO_ROOT_REMEDY = "give the user's number by podTemplate.securityContext.runAsUser, such as 10001"
_NODE_GONE = ("NodeLost", "NodeShutdown", "Shutdown", "Terminated")
_NO_PYTHON = "if the image has no `python3` for the agent, set agentPython: Bundled in the workload"


class PodState(Enum):
    """Where a pod's program is."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not start, as things stand. `hopeless`: waiting cannot help."""

    reason: Reason
    message: str
    hopeless: bool = False


@dataclass(frozen=True)
class Failure:
    """How a pod's program failed."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class PodFact:
    """One pod of a run. Times are Unix seconds."""

    name: str
    run: str
    attempt: int
    role: str
    state: PodState
    deleting: bool = False
    scheduled_s: float | None = None
    running_s: float | None = None
    finished_s: float | None = None
    leaves_by_s: float | None = None
    """Until when a pod that the cluster evicts may end by itself: its agent then leaves a record, in a pod that is gone
    a second later."""
    trouble: Trouble | None = None
    failure: Failure | None = None
    container: str = keys.PROGRAM_CONTAINER
    """The one that the agent and the program run in."""
    totals: str = ""
    """The agent's termination message: the record without its series, for when the log is gone."""
    image: str = ""
    """The digest of the image that the program's container really runs; empty while nobody knows."""

    @property
    def ended(self) -> bool:
        """Whether the program is over, one way or the other."""
        return self.state in (PodState.SUCCEEDED, PodState.FAILED)


def pod_fact(pod: Mapping[str, Any]) -> PodFact:
    """The facts of one labelled pod."""
    metadata, status = pod["metadata"], pod.get("status", {})
    labels = metadata.get("labels", {})
    container = _container(status)
    terminated = container.get("state", {}).get("terminated") or {}
    deleting = "deletionTimestamp" in metadata
    gone = deleting and _node_gone(status)
    state = PodState.FAILED if gone else _state(status, terminated)
    finished_s = moments.unix_s(terminated.get("finishedAt"))
    evicted_s = _condition_time_s(status, "DisruptionTarget") if deleting and not gone else None
    if evicted_s is not None and finished_s is not None and finished_s >= evicted_s:
        state = PodState.FAILED  # also where the program took SIGTERM for a reason to end well
    return PodFact(
        name=metadata["name"],
        run=labels.get(keys.LABEL_RUN, ""),
        attempt=int(labels.get(keys.LABEL_ATTEMPT, "0")),
        role=labels.get(keys.LABEL_ROLE, ""),
        state=state,
        deleting=deleting,
        scheduled_s=_condition_time_s(status, "PodScheduled"),
        running_s=moments.unix_s((container.get("state", {}).get("running") or terminated).get("startedAt")),
        finished_s=finished_s,
        leaves_by_s=moments.unix_s(metadata["deletionTimestamp"]) if evicted_s is not None else None,
        trouble=_trouble(status) if state is PodState.WAITING else None,
        failure=_failure(metadata["name"], status, terminated) if state is PodState.FAILED else None,
        container=container.get("name", keys.PROGRAM_CONTAINER),
        totals=terminated.get("message", ""),
        image=_digest(container.get("imageID", "")),
    )


def _digest(image_id: str) -> str:
    """`sha256:…` of what the kubelet tells: by which name a node got its image makes no other image of it."""
    return image_id.rpartition("@")[2].rpartition("//")[2][:100]


def _container(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for container in status.get("containerStatuses") or ():
        if container["name"] in keys.PROGRAM_CONTAINERS:
            found: Mapping[str, Any] = container
            return found
    return {}


def _state(status: Mapping[str, Any], terminated: Mapping[str, Any]) -> PodState:
    phase = status.get("phase")
    if phase == "Failed":
        return PodState.FAILED
    if phase == "Succeeded":
        return PodState.SUCCEEDED
    if terminated:  # the pod's phase follows within a moment; the program's end is what counts
        return PodState.SUCCEEDED if terminated.get("exitCode") == 0 else PodState.FAILED
    return PodState.RUNNING if "running" in _container(status).get("state", {}) else PodState.WAITING


def _trouble(status: Mapping[str, Any]) -> Trouble | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return Trouble(Reason.UNSCHEDULABLE, _with_remedy(condition.get("message") or "no node fits"))
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = container.get("state", {}).get("waiting") or {}
        why, message = waiting.get("reason", ""), waiting.get("message", "")
        if why in _PULL_FAILING or why in _PULL_HOPELESS:
            text = f"image {container.get('image', '')}: {why}: {message}"
            return Trouble(Reason.IMAGE_PULL, text, hopeless=why in _PULL_HOPELESS)
        if why == "CreateContainerError" and "python3" in message and "not found" in message:
            text = _cannot_start(f"container {container['name']}", message)
            return Trouble(Reason.PROGRAM_FAILED, text, hopeless=True)
        if why not in ("", "PodInitializing", "ContainerCreating"):
            hint = f" ({_NO_ROOT_REMEDY})" if why == "CreateContainerConfigError" and _NO_ROOT in message else ""
            return Trouble(Reason.START_TIMEOUT, f"container {container['name']}: {why}{hint}: {message}")
    return None


def _cannot_start(container: str, message: str) -> str:
    """containerd finds out when it starts the container, CRI-O when it creates it, which the kubelet tries for ever."""
    return f"{container} cannot start ({_NO_PYTHON}): {message}"


def _with_remedy(message: str) -> str:
    return " ".join([message, *(f"({remedy})" for words, remedy in _REMEDIES.items() if words in message)])


def _failure(name: str, status: Mapping[str, Any], terminated: Mapping[str, Any]) -> Failure:
    why = status.get("reason", "")
    disruption = _condition(status, "DisruptionTarget")
    if why in _NODE_GONE or _node_gone(status):
        return Failure(Reason.NODE_LOST, f"pod {name}: {status.get('message') or 'its node is gone'}")
    if why or disruption:
        said = status.get("message") or disruption.get("message", "")
        return Failure(Reason.EVICTED, f"pod {name}: {why or disruption.get('reason', '')}: {said}")
    if terminated.get("reason") == "OOMKilled":
        return Failure(Reason.OUT_OF_MEMORY, f"pod {name}: killed, its container's memory limit was reached")
    return _program_failure(name, status, terminated)


def _node_gone(status: Mapping[str, Any]) -> bool:
    """Whether the control plane gave the pod's node up. Its kubelet may never say so: the pod then stays "Running"."""
    return _condition(status, "DisruptionTarget").get("reason") in _NODE_GONE_DISRUPTIONS


def _program_failure(name: str, status: Mapping[str, Any], terminated: Mapping[str, Any]) -> Failure:
    code = terminated.get("exitCode")
    if terminated.get("reason") in ("StartError", "ContainerCannotRun"):
        said = terminated.get("message", "")
        return Failure(Reason.PROGRAM_FAILED, _cannot_start(f"pod {name}: its container", said))
    if code == wire.EXIT_AWAIT_TIMEOUT and '"program_started_s":null' in terminated.get("message", ""):
        return Failure(Reason.START_TIMEOUT, f"pod {name}: its peers did not come")
    if code is None:
        failed = [one["name"] for one in status.get("initContainerStatuses") or ()
                  if (one.get("state", {}).get("terminated") or {}).get("exitCode")]
        return Failure(Reason.PROGRAM_FAILED, f"pod {name}: init container {', '.join(failed) or '?'} failed")
    return Failure(Reason.PROGRAM_FAILED, f"pod {name}: the program ended with exit code {code}")


def _condition_time_s(status: Mapping[str, Any], kind: str) -> float | None:
    return moments.unix_s(_condition(status, kind).get("lastTransitionTime"))


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The pod's condition of this type where it holds; empty where it does not."""
    return next((one for one in status.get("conditions") or () if one["type"] == kind and one["status"] == "True"), {})

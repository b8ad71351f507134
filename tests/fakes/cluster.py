"""A cluster in memory: objects with owners, and pods that live as a script says. One applied action is one effect.

It can be told to die after its n-th effect, as an operator does that is killed there; and its clock stands still
while nothing ticks, so that a killed and a living operator write the same times.
"""

from __future__ import annotations

import base64
import copy
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from shapebench.agent import framing
from shapebench.agent import record as agent_record
from shapebench.api import keys, places, wire
from shapebench.api.run import RunStatus
from shapebench.api.status import BenchmarkStatus
from shapebench.plan import actions

START_S = 1_800_000_000.0
Key = tuple[str, str]
Script = Callable[[dict[str, Any], int], dict[str, Any]]
"""(pod, its age in ticks) → the pod's status."""


class Killed(BaseException):
    """The operator dies here; not an Exception, so that nothing in it can catch it."""


class EarlierOneError(Exception):
    """What `shapebench.kube` raises as Unavailable: the caller tries again later."""


def owner_uids(body: dict[str, Any]) -> set[str]:
    return {owner["uid"] for owner in body["metadata"].get("ownerReferences", [])}


@dataclass
class FakeCluster:
    """One namespace. Implements `shapebench.plan.actions.Cluster`."""

    script: Script
    driver_account: bool = True
    collector_is_slow: bool = False
    sees_workloads: bool = True
    engine: actions.Offer = actions.Offer.READY
    queue: actions.Offer = actions.Offer.READY
    die_after: int | None = None
    refuse: Callable[[dict[str, Any]], str | None] = lambda body: None
    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    store_fails: Callable[[], str] = lambda: ""
    log_fails: Callable[[str], str] = lambda pod: ""
    ages: dict[str, int] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    effects: int = 0
    now_s: float = START_S
    _uids: Any = field(default_factory=lambda: itertools.count(1))

    def clock(self) -> float:
        return self.now_s

    def add(self, body: dict[str, Any]) -> None:
        body = copy.deepcopy(body)
        body["metadata"].setdefault("uid", f"uid-{body['kind']}-{body['metadata']['name']}")
        body["metadata"].setdefault("generation", 1)
        body["fake-born"] = self.now_s
        self.objects[body["kind"], body["metadata"]["name"]] = body

    def kind(self, kind: str) -> list[dict[str, Any]]:
        return [copy.deepcopy(body) for (k, _), body in sorted(self.objects.items()) if k == kind]

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return copy.deepcopy(self.objects[kind, name])

    # --- the Cluster protocol

    def snapshot(self, namespace: str, name: str) -> actions.Snapshot:
        benchmark = self.objects.get(("Benchmark", name))
        launched = self.kind("SparkApplication") + self.kind("TFJob")
        workloads = tuple(self.kind("Workload"))
        return actions.Snapshot(copy.deepcopy(benchmark), tuple(self.kind("BenchmarkRun")), tuple(self.kind("Pod")),
                                self.driver_account, (*launched, *workloads), tuple(self.kind("ResourceFlavor")),
                                workloads if launched and self.sees_workloads else None, self.engine, self.queue)

    def apply(self, action: actions.Action) -> actions.Kept | None:
        told = None
        match action:
            case actions.Create(body):
                self._create(body)
            case actions.Delete(kind, _, name, grace_s):
                self.delete(kind, name, grace_s)
            case actions.PatchStatus(kind, _, name, status):
                if (kind, name) in self.objects:
                    body = self.objects[kind, name]
                    body["status"] = as_a_server_takes_it(kind, merged(body.get("status", {}), plain(status)))
            case actions.Emit(_, _, reason, message):
                self.events.append(f"{reason}: {message}")
            case actions.Keep(namespace, benchmark, uid, run):
                told = actions.Kept(action.record, problem=self.store_fails())
                if not told.problem:
                    path = places.record(namespace, benchmark, uid, run)
                    self.store[path] = action.packed()
                    told = actions.Kept(action.record, url=places.url("s3://store", path))
        self.effects += 1
        if self.effects == self.die_after:
            raise Killed
        return told

    def log(self, namespace: str, pod: str, container: str) -> str:
        problem = self.log_fails(pod)
        if problem:
            raise actions.LogUnavailableError(problem)
        body = self.objects.get(("Pod", pod))
        return body.get("fake-log", "") if body and container == program_container(body) else ""

    def kept(self, namespace: str, config_map: str, owner_uid: str) -> bytes:
        body = self.objects.get(("ConfigMap", config_map))
        if body is None or owner_uid not in owner_uids(body):
            return b""
        return base64.b64decode(body["binaryData"][keys.RECORD_KEY])

    # --- what the rest of a cluster does

    def tick(self, seconds: float = 1.0) -> None:
        """Time passes: every pod becomes what its script says."""
        self.now_s += seconds
        for (kind, name), body in list(self.objects.items()):
            if kind != "Pod":
                continue
            self.ages[name] = self.ages.get(name, 0) + 1
            status = self.script(body, self.ages[name])
            if status.pop("terminating", False):
                body["metadata"]["deletionTimestamp"] = rfc3339(self.now_s)
            body["on-dead-node"] = status.pop("on-dead-node", False)
            if status.pop("deleted", False):
                del self.objects[kind, name]
                continue
            body["fake-log"] = status.pop("log", body.get("fake-log", ""))
            for container in status.get("containerStatuses", ()):
                container["name"] = program_container(body)
            body["status"] = status

    def delete(self, kind: str, name: str, grace_s: int | None = None) -> None:
        if self.objects.get((kind, name), {}).get("on-dead-node") and grace_s != 0:
            return  # nobody is there to confirm
        gone = self.objects.pop((kind, name), None)
        if gone is None or self.collector_is_slow:
            return
        for (child_kind, child), body in list(self.objects.items()):
            owners = body["metadata"].get("ownerReferences", [])
            if any(owner["uid"] == gone["metadata"]["uid"] for owner in owners):
                self.delete(child_kind, child, grace_s)

    def _create(self, body: dict[str, Any]) -> None:
        refusal = self.refuse(body)
        if refusal is not None:
            raise actions.RefusedError(refusal)
        key = (body["kind"], body["metadata"]["name"])
        if key in self.objects:
            if owner_uids(self.objects[key]) != owner_uids(body):
                raise EarlierOneError(f"{key} is still being deleted")
            return
        self.created.append("/".join(key))
        self.add(body)


def program_container(pod: dict[str, Any]) -> str:
    """Its first container's name; executors, of which only the metadata is made, have the native one."""
    name: str = pod.get("spec", {}).get("containers", [{"name": keys.PROGRAM_CONTAINER}])[0]["name"]
    return name


def merged(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396."""
    result = dict(old)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result[name] if isinstance(result.get(name), dict) else {}, value)
        else:
            result[name] = value
    return result


STATUSES: dict[str, type[BaseModel]] = {"Benchmark": BenchmarkStatus, "BenchmarkRun": RunStatus}


def as_a_server_takes_it(kind: str, status: dict[str, Any]) -> dict[str, Any]:
    """The status, or a refusal by the bounds of its definition, which is made of the same model."""
    if len(json.dumps(status)) > 1_500_000:
        raise actions.InvalidError("etcdserver: request is too large")
    try:
        STATUSES[kind].model_validate(status)
    except ValidationError as error:
        raise actions.InvalidError(f"{kind} is invalid: {error}") from error
    return status


def plain(value: Any) -> Any:
    """As JSON carries it: enums become their text. What it cannot carry is refused."""
    try:
        return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except ValueError as error:
        raise actions.InvalidError(f"the body could not be decoded: {error}") from error


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod_record(pod: dict[str, Any], duration_s: float = 2.0, exit_code: int = 0, **fields: Any) -> dict[str, Any]:
    """What the agent of such a pod tells."""
    labels = pod["metadata"]["labels"]
    return {
        "pod": pod["metadata"]["name"], "role": labels[keys.LABEL_ROLE],
        "index": int(labels.get(keys.LABEL_INDEX, "0")), "counters": "cgroup-v2",
        "agent_started_s": START_S, "program_started_s": START_S + 1, "program_finished_s": START_S + 1 + duration_s,
        "exit_code": exit_code, "usage": {"cpu_seconds": duration_s * 0.8, "network_receive_bytes": 1000},
        "measurements": [{"parameters": {}, "values": {"images_per_second": 100.0 / duration_s}}],
    } | fields


def totals(record: dict[str, Any], limit_bytes: int = wire.TERMINATION_LOG_LIMIT_BYTES) -> str:
    """What of this record the agent leaves as its termination message."""
    rows = [framing.dumps(row) for row in record["measurements"]]
    return agent_record.totals(record | {"measurements": rows}, limit_bytes)


def pod_log(pod: dict[str, Any], duration_s: float = 2.0, exit_code: int = 0, **fields: Any) -> str:
    """The log that it leaves."""
    record = pod_record(pod, duration_s, exit_code, **fields)
    return "Traceback: the program's own words\n" + "\n".join(framing.encode(framing.dumps(record))) + "\n"


def waiting(reason: str = "ContainerCreating", message: str = "") -> dict[str, Any]:
    return {"phase": "Pending", "containerStatuses": [
        {"name": keys.PROGRAM_CONTAINER, "image": "x", "state": {"waiting": {"reason": reason, "message": message}}}]}


def unschedulable() -> dict[str, Any]:
    return {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
         "message": "0/3 nodes are available: 3 Insufficient cpu."}]}


def running(since_s: float) -> dict[str, Any]:
    return {"phase": "Running", "containerStatuses": [
        {"name": keys.PROGRAM_CONTAINER, "state": {"running": {"startedAt": rfc3339(since_s)}}}],
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": rfc3339(since_s)}]}


def ended(since_s: float, at_s: float, exit_code: int = 0, reason: str = "", message: str = "") -> dict[str, Any]:
    terminated = {"exitCode": exit_code, "reason": reason or ("Completed" if exit_code == 0 else "Error"),
                  "message": message, "startedAt": rfc3339(since_s), "finishedAt": rfc3339(at_s)}
    return {"phase": "Failed" if exit_code else "Succeeded", "containerStatuses": [
        {"name": keys.PROGRAM_CONTAINER, "state": {"terminated": terminated}}],
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": rfc3339(since_s)}]}


def on_dead_node() -> dict[str, Any]:
    """As the control plane leaves a pod whose kubelet is silent: to be deleted, and still "Running"."""
    return running(START_S) | {"terminating": True, "on-dead-node": True, "conditions": [
        {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]}


def lives(pod: dict[str, Any], age: int, *, exit_code: int = 0, duration_s: float = 2.0,
          **fields: Any) -> dict[str, Any]:
    """A pod that waits one tick, runs three, and ends."""
    born_s = pod["fake-born"]
    if age <= 1:
        return waiting()
    if age <= 4:
        return running(born_s + 2)
    return ended(born_s + 2, born_s + 5, exit_code) | {"log": pod_log(pod, duration_s, exit_code, **fields)}


def executors_of(cluster: FakeCluster) -> None:
    """What Spark does: each running driver asks for as many executors as its configuration says."""
    for driver in cluster.kind("Pod"):
        labels = driver["metadata"]["labels"]
        if labels[keys.LABEL_ROLE] != wire.ROLE_DRIVER or driver.get("status", {}).get("phase") != "Running":
            continue
        gang = driver["metadata"]["name"].removesuffix("-driver")
        conf = dict(line.split(" ", 1) for line in
                    cluster.get("ConfigMap", gang)["data"]["spark-defaults.conf"].splitlines())
        for number in range(1, int(conf["spark.executor.instances"]) + 1):
            name = f"{gang}-exec-{number}"
            if ("Pod", name) not in cluster.objects:
                owner = {"uid": driver["metadata"]["uid"]}
                cluster.add({"kind": "Pod", "metadata": {"name": name, "ownerReferences": [owner], "labels":
                             labels | {keys.LABEL_ROLE: wire.ROLE_EXECUTOR, keys.LABEL_INDEX: str(number)}}})

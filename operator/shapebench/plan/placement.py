"""Which shapes the nodes of a cluster have room for, were nothing else there. Pure.

Only what a scheduler cannot get around is judged: size, labels, taints. What else runs on the nodes changes by the
minute, and an autoscaler may add nodes: this warns, and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapebench.api import quantity
from shapebench.api.benchmark import BenchmarkSpec
from shapebench.api.pods import Toleration

_REPELLING = ("NoSchedule", "NoExecute")
_OF_CONDITION = "node.kubernetes.io/"
"""Taints of a node that is not ready, full or cordoned: they go with their cause, and nobody should tolerate them."""


@dataclass(frozen=True)
class Taint:
    """What keeps pods off a node that do not tolerate it."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Node:
    """What a node offers to pods."""

    name: str
    cpu: float
    memory_bytes: int
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    open: bool = True
    """False: cordoned."""


@dataclass(frozen=True)
class Need:
    """So many pods of one size, and where they may be."""

    what: str
    pods: int
    cpu: float
    memory: str
    selector: Mapping[str, str]
    tolerations: Sequence[Toleration]


def node(body: Mapping[str, Any]) -> Node | None:
    """The node of this object; None where its size is written in a way that nothing of ours can read."""
    allocatable = body.get("status", {}).get("allocatable") or {}
    try:
        cpu, memory = quantity.cpu_cores(allocatable["cpu"]), quantity.memory_bytes(allocatable["memory"])
    except (KeyError, ValueError):
        return None
    spec, metadata = body.get("spec", {}), body["metadata"]
    return Node(
        metadata["name"], cpu, memory, metadata.get("labels") or {},
        tuple(Taint(one["key"], one.get("value", ""), one["effect"]) for one in spec.get("taints") or ()),
        not spec.get("unschedulable", False))


def remarks(spec: BenchmarkSpec, nodes: Sequence[Node]) -> tuple[str, ...]:
    """A line for each shape (and the driver) for whose pods there is no room."""
    found = (_lack(need, nodes) for need in _needs(spec))
    return tuple(line for line in found if line)


def _needs(spec: BenchmarkSpec) -> Iterable[Need]:
    template = spec.pod_template
    if spec.workload.spark is not None:
        driver = spec.workload.spark.driver
        yield Need("the driver", 1, quantity.cpu_cores(driver.cpu), str(driver.memory), template.node_selector,
                   template.tolerations)
    servers = spec.workload.tensorflow.parameter_servers if spec.workload.tensorflow is not None else 0
    for index, shape in enumerate(spec.shapes):
        yield Need(f"spec.shapes[{index}] ({shape.name})", shape.workers + servers, quantity.cpu_cores(shape.cpu),
                   str(shape.memory), template.node_selector | shape.node_selector,
                   (*template.tolerations, *shape.tolerations))


def _lack(need: Need, nodes: Sequence[Node]) -> str:
    size = f"{quantity.cpu_text(need.cpu)} CPU and {need.memory}"
    labelled = [one for one in nodes if need.selector.items() <= one.labels.items()]
    where = "".join(f" {name}={value}" for name, value in sorted(need.selector.items()))
    if not labelled:
        return f"{need.what}: none of the {len(nodes)} nodes has the labels{where}"
    welcome = [one for one in labelled if one.open and not _repelled(one, need.tolerations)]
    if not welcome:
        taints = sorted({taint for one in labelled for taint in _repelled(one, need.tolerations)})
        advice = ": add tolerations" if any(not taint.startswith(_OF_CONDITION) for taint in taints) else ""
        return f"{need.what}: every node{_with(where)} keeps its pods off ({', '.join(taints) or 'cordoned'}){advice}"
    memory_bytes = quantity.memory_bytes(need.memory)
    room = sum(min(int(one.cpu / need.cpu + 1e-9), one.memory_bytes // memory_bytes) for one in welcome)
    if not room:
        largest = max(welcome, key=lambda one: (one.cpu, one.memory_bytes))
        return (f"{need.what}: no node{_with(where)} fits a pod of {size}: the largest, {largest.name}, has "
                f"{quantity.cpu_text(largest.cpu)} CPU and {largest.memory_bytes // 2**20}Mi for pods")
    if room < need.pods:
        return (f"{need.what}: {room} of its {need.pods} pods of {size} fit on the nodes{_with(where)} at once, even "
                "if nothing else ran there")
    return ""


def _with(where: str) -> str:
    return f" with{where}" if where else ""


def _repelled(one: Node, tolerations: Sequence[Toleration]) -> tuple[str, ...]:
    """The taints, in words, that no toleration meets."""
    return tuple(f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
                 for taint in one.taints if taint.effect in _REPELLING
                 and not any(_tolerates(toleration, taint) for toleration in tolerations))


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    return (toleration.effect in (None, taint.effect) and toleration.key in (None, "", taint.key)
            and (toleration.operator == "Exists" or (toleration.value or "") == taint.value))

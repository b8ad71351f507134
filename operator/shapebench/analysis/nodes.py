"""The machines under a run's pods: of what type they are, and how that is written into a run's environment.

A type is what a person would rent it by: processor, number of CPUs, memory. It is kept as text because a Benchmark's
later runs are compared with what the earlier ones' statuses tell, and these hold texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shapebench.api.record import PodRecord

NODES, NODE_TYPES = "nodes", "node_types"
"""Names in RunRecord.environment."""

Types = Mapping[str, frozenset["NodeType"]]
"""By role, the types that its pods ran on."""

_MEMORY_TOLERANCE = 0.02
"""The kernel takes some of a machine's memory for itself, and not the same at every start."""
_TEXT_LIMIT = 1000
"""A status keeps 1024 characters of each fact; a text that was cut would be compared wrongly."""
_TEXT = re.compile(r"(?P<model>.+), (?P<cpus>[0-9]+) CPUs(?:, (?P<gib>[0-9.]+) GiB)?")


@dataclass(frozen=True)
class NodeType:
    """A type of node; `gib` None: its memory is not known."""

    model: str
    cpus: int
    gib: float | None = None

    def __str__(self) -> str:
        """`Intel(R) Xeon(R) CPU @ 2.20GHz, 4 CPUs, 15.63 GiB`."""
        memory = f", {self.gib:.2f} GiB" if self.gib is not None else ""
        return f"{self.model}, {self.cpus} CPUs{memory}"

    @classmethod
    def parse(cls, text: str) -> NodeType | None:
        """The type that was written so; None for any other text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        return cls(found["model"], int(found["cpus"]), float(found["gib"]) if found["gib"] else None)

    def is_like(self, other: NodeType) -> bool:
        """Whether both may be one type."""
        if (self.model, self.cpus) != (other.model, other.cpus):
            return False
        if self.gib is None or other.gib is None:
            return True
        return abs(self.gib - other.gib) <= _MEMORY_TOLERANCE * max(self.gib, other.gib)


def type_of(pod: PodRecord) -> NodeType | None:
    """The type of the pod's node; None where the pod does not tell."""
    around = pod.surroundings
    # ARM's kernels name no model; a separator of ours in a name would not be read back.
    model = re.sub("[;|]", " ", pod.environment.get("cpu_model") or pod.environment.get("machine") or "").strip()
    told = pod.environment.get("cpus", "")[:9]
    cpus = around.node_cpus if around and around.node_cpus else int(told) if told.isdecimal() else None
    if not model or cpus is None:
        return None
    memory = around.node_memory_bytes if around else None
    return NodeType(model, cpus, round(memory / 2**30, 2) if memory is not None else None)


def types(pods: Iterable[PodRecord]) -> Types:
    """What is known of all pods' nodes. A role of which one pod does not tell is left out."""
    found: dict[str, set[NodeType | None]] = {}
    for pod in pods:
        found.setdefault(pod.role, set()).add(type_of(pod))
    return {role: frozenset(one for one in seen if one is not None)
            for role, seen in sorted(found.items()) if None not in seen}


def same(one: Iterable[NodeType], other: Iterable[NodeType]) -> bool:
    """Whether each type of either is among the other's."""
    these, those = list(one), list(other)
    return (all(any(a.is_like(b) for b in those) for a in these)
            and all(any(a.is_like(b) for b in these) for a in those))


def text(types_: Iterable[NodeType]) -> str:
    """Types in a fixed order: `A, 4 CPUs | B, 8 CPUs`."""
    return " | ".join(sorted(map(str, types_)))


def written(found: Types) -> str:
    """All of it as a fact of a run's environment; empty where there are more types than fit."""
    whole = "; ".join(f"{role}: {text(own)}" for role, own in sorted(found.items()))
    return whole if len(whole) <= _TEXT_LIMIT else ""


def read(fact: str) -> Types:
    """What `written` wrote; a role whose text is not understood is left out."""
    found = {}
    for part in filter(None, fact.split("; ")):
        role, _, texts = part.partition(": ")
        parsed = [NodeType.parse(one) for one in texts.split(" | ")]
        own = frozenset(one for one in parsed if one is not None)
        if len(own) == len(parsed):
            found[role] = own
    return found


def names(pods: Sequence[PodRecord]) -> str:
    """Which nodes the pods of each role ran on: `driver: n1; executor: n1, n2 (3)`."""
    roles: dict[str, Counter[str]] = {}
    for pod in pods:
        if node := pod.environment.get("node"):
            roles.setdefault(pod.role, Counter())[node] += 1
    whole = "; ".join(f"{role}: " + ", ".join(f"{node} ({count})" if count > 1 else node
                                              for node, count in sorted(counted.items()))
                      for role, counted in sorted(roles.items()))
    return whole if len(whole) <= _TEXT_LIMIT else f"{whole[:_TEXT_LIMIT].rpartition(', ')[0]}, …"

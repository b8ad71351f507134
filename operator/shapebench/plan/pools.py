"""Which shapes ask for the same nodes: only runs of these are held to one type of node.

A shape with a nodeSelector of its own is meant to run elsewhere, and to be compared with what it gets there. The
driver has no shape: the pod template alone says where it goes.
"""

from __future__ import annotations

from collections.abc import Mapping

from shapebench.api import wire
from shapebench.api.benchmark import BenchmarkSpec

ALL_NODES = ""
Pools = Mapping[str, str]
"""By a shape's name, the labels of the nodes it asks for, as key=value in order; ALL_NODES: of any."""


def of(spec: BenchmarkSpec) -> Pools:
    """The pools of the Benchmark's shapes."""
    shared = spec.pod_template.node_selector
    return {shape.name: ", ".join(f"{key}={value}" for key, value in sorted((shared | shape.node_selector).items()))
            for shape in spec.shapes}


def shared(pools: Pools, role: str, one: str, other: str) -> bool:
    """Whether pods of this role of both shapes ask for the same nodes; shapes that nothing is said of do."""
    return role == wire.ROLE_DRIVER or pools.get(one, ALL_NODES) == pools.get(other, ALL_NODES)

"""Which shapes have room on a cluster's nodes."""

from __future__ import annotations

from typing import Any

import pytest

from shapebench.api.benchmark import BenchmarkSpec
from shapebench.plan import placement
from shapebench.plan.placement import Node


def node(name: str, cpu: str = "4", memory: str = "16Gi", labels: dict[str, str] | None = None,
         taints: list[dict[str, str]] | None = None, **spec: Any) -> Node:
    found = placement.node({"metadata": {"name": name, "labels": labels or {}},
                            "spec": {"taints": taints or [], **spec},
                            "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}}})
    assert found
    return found


def spec(workers: int = 2, cpu: str = "2", memory: str = "4Gi", driver_cpu: str | None = None, servers: int = 0,
         template: dict[str, Any] | None = None, **shape: Any) -> BenchmarkSpec:
    return BenchmarkSpec.model_validate({
        "workload": {"spark": {"job": "sort", "driver": {"cpu": driver_cpu}}} if driver_cpu else {
            "tensorflow": {"job": "train", "parameterServers": servers}},
        "shapes": [{"name": "a", "workers": workers, "cpu": cpu, "memory": memory, **shape}],
        "podTemplate": template or {}})


GPU = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
SMALL = {"nodeSelector": {"pool": "small"}}


@pytest.mark.parametrize(("given", "nodes", "words"), [
    pytest.param(spec(), [node("n1")], (), id="both-on-one-node"),
    pytest.param(spec(workers=3), [node("n1"), node("n2")], (), id="over-two-nodes"),
    pytest.param(spec(workers=3), [node("n1")],
                 ("spec.shapes[0] (a): 2 of its 3 pods of 2 CPU and 4Gi fit on the nodes at once, even if nothing else "
                  "ran there",), id="not-all-at-once"),
    pytest.param(spec(servers=1), [node("n1")], ("spec.shapes[0] (a): 2 of its 3 pods",), id="parameter-servers-too"),
    pytest.param(spec(memory="10Gi"), [node("n1")], ("spec.shapes[0] (a): 1 of its 2 pods",), id="memory-counts-too"),
    pytest.param(spec(cpu="4"), [node("n1", cpu="3920m"), node("n2", cpu="1930m")],
                 ("spec.shapes[0] (a): no node fits a pod of 4 CPU and 4Gi: the largest, n1, has 3920m CPU and 16384Mi "
                  "for pods",), id="what-the-kubelet-keeps-for-itself-counts"),
    pytest.param(spec(**SMALL), [node("n1")], ("spec.shapes[0] (a): none of the 1 nodes has the labels pool=small",),
                 id="no-such-pool"),
    pytest.param(spec(**SMALL), [node("n1", labels={"pool": "small"})], (), id="the-pool"),
    pytest.param(spec(template={"nodeSelector": {"disk": "ssd"}}, **SMALL), [node("n1", labels={"pool": "small"})],
                 ("none of the 1 nodes has the labels disk=ssd pool=small",), id="the-pod-templates-labels-too"),
    pytest.param(spec(), [node("n1", taints=[GPU])],
                 ("spec.shapes[0] (a): every node keeps its pods off (gpu=yes:NoSchedule): add tolerations",),
                 id="a-taint"),
    pytest.param(spec(tolerations=[{"key": "gpu", "value": "yes"}]), [node("n1", taints=[GPU])], (), id="tolerated"),
    pytest.param(spec(tolerations=[{"key": "gpu", "value": "no"}]), [node("n1", taints=[GPU])], ("add tolerations",),
                 id="another-value"),
    pytest.param(spec(tolerations=[{"operator": "Exists"}]), [node("n1", taints=[GPU])], (), id="all-is-tolerated"),
    pytest.param(spec(tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]),
                 [node("n1", taints=[GPU])], ("add tolerations",), id="another-effect"),
    pytest.param(spec(), [node("n1", taints=[GPU | {"effect": "PreferNoSchedule"}])], (), id="a-mere-preference"),
    pytest.param(spec(), [node("n1", unschedulable=True)],
                 ("spec.shapes[0] (a): every node keeps its pods off (cordoned)",), id="cordoned"),
    pytest.param(spec(), [node("n1", taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}])],
                 ("every node keeps its pods off (node.kubernetes.io/not-ready:NoSchedule)",), id="not-ready"),
    pytest.param(spec(workers=1, cpu="1", driver_cpu="8"), [node("n1")],
                 ("the driver: no node fits a pod of 8 CPU and 1Gi",), id="the-driver"),
    pytest.param(spec(), [], ("none of the 0 nodes",), id="no-nodes-at-all"),
])
def test_what_is_said_of_a_shape(given: BenchmarkSpec, nodes: list[Node], words: tuple[str, ...]) -> None:
    found = placement.remarks(given, nodes)
    assert len(found) == len(words), found
    for expected, line in zip(words, found, strict=True):
        assert expected in line
        assert line.endswith("add tolerations") == expected.endswith("add tolerations")


def test_a_node_of_unreadable_size_is_passed_over() -> None:
    body = {"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "many", "memory": "16Gi"}}}
    assert placement.node(body) is None
    assert placement.node({"metadata": {"name": "n1"}}) is None

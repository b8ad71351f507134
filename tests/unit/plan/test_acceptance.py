"""What is said of a Benchmark that is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from shapebench.api.benchmark import BenchmarkSpec
from shapebench.plan import acceptance, expand

SMALL, LARGE = {"workers": 2, "cpu": "1", "memory": "2Gi"}, {"workers": 1, "cpu": "2", "memory": "4Gi"}
MIXED = ("workers of different sizes share all nodes: if these are of several types, all runs of a shape may be left "
         "out (OtherNode)")


def pool(name: str) -> dict[str, Any]:
    return {"nodeSelector": {"pool": name}}


def spec(*shapes: dict[str, Any], **rest: Any) -> BenchmarkSpec:
    return BenchmarkSpec.model_validate({"workload": {"tensorflow": {"job": "train"}}, **rest, "shapes": [
        {"name": f"s{number}"} | shape for number, shape in enumerate(shapes)]})


@pytest.mark.parametrize(("given", "said"), [
    pytest.param(spec(SMALL, LARGE), [MIXED], id="all-nodes-are-open-to-both"),
    pytest.param(spec(SMALL, LARGE, validity={"policy": "Exclude"}), [MIXED], id="policy-said"),
    pytest.param(spec(SMALL, LARGE, validity={"policy": "Flag"}), [], id="nothing-is-left-out"),
    pytest.param(spec(SMALL), [], id="one-shape"),
    pytest.param(spec(SMALL, LARGE | {"cpu": "1", "workers": 2}), [MIXED], id="memory-is-a-size-too"),
    pytest.param(spec(LARGE, LARGE | {"cpu": "2000m", "memory": "4096Mi"}), [], id="one-size-written-in-two-ways"),
    pytest.param(spec(SMALL | pool("a"), LARGE | pool("a")), ["share the nodes with pool=a: "], id="one-pool"),
    pytest.param(spec(SMALL | pool("a"), LARGE | pool("b")), [], id="a-pool-for-each"),
    pytest.param(spec(SMALL, LARGE | pool("b")), [], id="a-pool-for-one"),
    pytest.param(spec(SMALL, LARGE | pool("b"), LARGE), [MIXED], id="two-of-three"),
    pytest.param(spec(SMALL | pool("a"), LARGE | pool("b"), LARGE | pool("a"), SMALL | pool("b")),
                 ["share the nodes with pool=a: ", "share the nodes with pool=b: "], id="two-pools"),
    pytest.param(spec(SMALL, LARGE, podTemplate=pool("a")), ["share the nodes with pool=a: "], id="the-pod-templates"),
    pytest.param(spec(SMALL, LARGE | pool("a"), podTemplate=pool("a")), ["share the nodes with pool=a: "],
                 id="the-pod-templates-said-again"),
    pytest.param(spec(SMALL, LARGE | pool("b"), podTemplate=pool("a")), [], id="instead-of-the-pod-templates"),
])
def test_workers_that_may_land_on_different_nodes(given: BenchmarkSpec, said: list[str]) -> None:
    found = acceptance.cluster_remarks(given)
    assert len(found) == len(said), found
    for expected, line in zip(said, found, strict=True):
        assert expected in line
        assert "nodeSelector" in line
        assert "policy: Flag" in line
    assert acceptance.remarks(given) == (), "one machine has no types of node"


@pytest.mark.parametrize(("objective", "told"), [
    pytest.param({"metric": "measurement.images_per_second"}, True, id="the-default"),
    pytest.param({"metric": "measurement.images_per_second", "goal": "Minimize"}, True, id="as-a-server-keeps-it"),
    pytest.param({"metric": "measurement.final_accuracy"}, True, id="accuracy"),
    pytest.param({"metric": "measurement.images_per_second", "goal": "Maximize"}, False, id="the-most"),
    pytest.param({"metric": "measurement.training_seconds"}, False, id="less-is-better"),
    pytest.param({}, False, id="duration"),
])
def test_the_least_of_what_is_better_the_more_it_is(objective: dict[str, str], told: bool) -> None:
    found = [line for line in acceptance.remarks(spec(SMALL, objective=objective)) if "goal" in line]
    name = objective.get("metric", "").removeprefix("measurement.")
    assert found == ([f"spec.objective.goal: Minimize (the default) takes the cell with the least {name} as the best: "
                      "write goal: Maximize if more is better"] if told else [])


@pytest.mark.parametrize("warmups", [0, 2])
@pytest.mark.parametrize("parameters", [[], [{"name": "a", "values": [1, 2, 3]}, {"name": "b", "values": ["x", "y"]}]])
def test_what_is_counted_is_what_is_planned(parameters: list[dict[str, Any]], warmups: int) -> None:
    given = spec(SMALL, LARGE, parameters=parameters, repetitions={"count": 3, "warmups": warmups})
    assert expand.cell_count(given) == len(expand.cells(given))
    assert expand.run_count(given) == len(expand.runs("one", given))

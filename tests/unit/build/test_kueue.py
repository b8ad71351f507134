"""The place that a gang of ours asks a queue for: as many pods, of the size and for the nodes that it will have."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from unit.build import test_gang as native

from shapebench.api import keys
from shapebench.build import gang as gangs
from shapebench.build import kueue
from shapebench.build.attempt import Attempt, Placement

Body = dict[str, Any]


def sizes(spec: Body) -> tuple[Body, Body, Any]:
    """What a queue counts and places a pod by."""
    resources = spec["containers"][0]["resources"]
    return resources["requests"], spec.get("nodeSelector", {}), spec.get("tolerations", [])


EVERYWHERE: Body = {"podTemplate": {"nodeSelector": {"zone": "a"}, "tolerations": [{"operator": "Exists"}],
                                    "priorityClassName": "low", "schedulerName": "mine"}}


def test_tensorflow_asks_for_all_workers_and_parameter_servers() -> None:
    made = native.tensorflow(queueName="research", **EVERYWHERE)
    spec = kueue.workload(made)["spec"]
    assert spec["queueName"] == "research"
    pods = {body["metadata"]["name"]: body["spec"] for body in gangs.build(made) if body["kind"] == "Pod"}
    assert {one["name"]: one["count"] for one in spec["podSets"]} == {"worker": 2, "ps": 1}
    for one in spec["podSets"]:
        assert sizes(one["template"]["spec"]) == sizes(pods[f"golden-0-1-a1-{one['name']}-0"])
        assert one["template"]["spec"].items() >= {"priorityClassName": "low", "schedulerName": "mine"}.items()


def test_spark_asks_for_the_executors_too_that_only_the_driver_will_ask_for() -> None:
    made = native.spark(queueName="research", shapes=[
        {"name": "3x2", "workers": 3, "cpu": "2", "memory": "4Gi", "nodeSelector": {"pool": "big"}}], **EVERYWHERE)
    driver, executor = kueue.workload(made)["spec"]["podSets"]
    (pod,) = (body["spec"] for body in gangs.build(made) if body["kind"] == "Pod")
    assert (driver["name"], driver["count"], executor["name"], executor["count"]) == ("driver", 1, "executor", 3)
    assert sizes(driver["template"]["spec"]) == sizes(pod)
    assert sizes(executor["template"]["spec"]) == (
        {"cpu": "2", "memory": "4Gi"}, {"zone": "a", "pool": "big"}, [{"operator": "Exists"}])


def test_pods_go_to_the_nodes_that_their_place_is_on() -> None:
    spot = Placement({"pool": "spot"}, ({"key": "spot", "operator": "Exists"},))
    made = dataclasses.replace(native.spark(**EVERYWHERE), placements={"executor": spot})
    driver = next(body for body in gangs.build(made) if body["kind"] == "Pod")["spec"]
    template = next(body for body in gangs.build(made) if body["kind"] == "ConfigMap")["data"]["executor-template.json"]
    executor = json.loads(template)["spec"]
    assert (driver["nodeSelector"], len(driver["tolerations"])) == ({"zone": "a"}, 1)
    assert executor["nodeSelector"] == {"zone": "a", "pool": "spot"}
    assert executor["tolerations"] == [{"operator": "Exists"}, {"key": "spot", "operator": "Exists"}]


@pytest.mark.parametrize("make", [native.tensorflow, native.spark])
def test_the_run_owns_the_place_and_its_pods_are_nothing_to_kueue(make: Any) -> None:
    made: Attempt = make(queueName="research")
    metadata = kueue.workload(made)["metadata"]
    assert metadata["name"] == made.gang
    assert metadata["labels"].items() >= {keys.LABEL_RUN: "golden-0-1", keys.LABEL_ATTEMPT: "1"}.items()
    assert metadata["ownerReferences"][0]["uid"] == "u-2"
    assert gangs.build(made) == gangs.build(make()), "a queue's label on them would make Kueue hold each back by itself"

"""A run's nodes to itself: in every pod of the run, whoever makes it, and in nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from unit.build import test_gang as built

from shapebench.api import keys
from shapebench.api.settings import Settings
from shapebench.build import gang as gangs
from shapebench.build.attempt import Attempt

MAKES = [
    pytest.param(built.tensorflow, 3, id="tensorflow"),
    pytest.param(built.spark, 2, id="spark"),
    pytest.param(built.through_tf_job, 2, id="tf-job"),
    pytest.param(built.through_spark_application, 2, id="spark-application"),
]


def pod_specs(tree: Any) -> Iterator[dict[str, Any]]:
    """All that is a pod's spec in a tree, also in the template that is a config map's text."""
    if isinstance(tree, dict):
        if "containers" in tree:
            yield tree
        for value in tree.values():
            yield from pod_specs(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from pod_specs(value)
    elif isinstance(tree, str) and tree.startswith("{"):
        yield from pod_specs(json.loads(tree))


def term(attempt: Attempt) -> dict[str, Any]:
    first = next(pod_specs(gangs.build(attempt)))
    (found,) = first["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return dict(found)


def labels(tree: Any) -> Iterator[dict[str, str]]:
    """Of all pods and templates of pods."""
    if isinstance(tree, dict):
        if "containers" in tree.get("spec", {}):
            yield tree["metadata"]["labels"]
        for value in tree.values():
            yield from labels(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from labels(value)
    elif isinstance(tree, str) and tree.startswith("{"):
        yield from labels(json.loads(tree))


@pytest.mark.parametrize(("make", "count"), MAKES)
def test_every_pod_of_the_run_keeps_foreign_ones_off(make: Callable[..., Attempt], count: int) -> None:
    specs = list(pod_specs(gangs.build(make(isolation="Node"))))
    assert len(specs) == count
    assert all(spec["affinity"] == specs[0]["affinity"] for spec in specs)
    assert not any("affinity" in spec for spec in pod_specs(gangs.build(make())))


@pytest.mark.parametrize(("make", "count"), MAKES)
def test_every_pod_of_the_run_bears_its_mark(make: Callable[..., Attempt], count: int) -> None:
    marks = [one[keys.LABEL_ISOLATION] for one in labels(gangs.build(make(isolation="Node")))]
    assert marks == ["u-2"] * count, "the run's uid"
    assert not any(keys.LABEL_ISOLATION in one for one in labels(gangs.build(make())))


def test_what_is_kept_off() -> None:
    assert term(built.tensorflow(isolation="Node")) == {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchExpressions": [{"key": keys.LABEL_ISOLATION, "operator": "NotIn", "values": ["u-2"]}]},
        "namespaceSelector": {"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "Exists"},
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]},
        "namespaces": ["team-a"]}


def with_system(*namespaces: str) -> dict[str, Any]:
    made = built.tensorflow(isolation="Node")
    return term(dataclasses.replace(made, settings=Settings(system_namespaces=namespaces)))


def test_the_clusters_own_daemons_are_let_be() -> None:
    assert with_system("monitoring", "kube-system")["namespaceSelector"]["matchExpressions"][1]["values"] == [
        "kube-system", "monitoring"]
    assert len(with_system()["namespaceSelector"]["matchExpressions"]) == 1, "NotIn nothing is no selector"
    assert "namespaces" not in with_system("team-a"), "also where the run is in one of theirs"

"""The models refuse what the API server refuses, in the same words."""

from __future__ import annotations

import re
from typing import Any

import bad_benchmarks
import bounds
import pydantic
import pytest

from shapebench.api import benchmark, crd
from shapebench.api.rules import VALIDATIONS

SCHEMA = crd.benchmark_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def _errors(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and message of everything that the models find wrong."""
    try:
        benchmark.Benchmark.model_validate(manifest)
    except pydantic.ValidationError as error:
        return [(_path(each["loc"]), each["msg"]) for each in error.errors()]
    return []


def _path(steps: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def _near(path: str, field: str) -> bool:
    """An object's rule is reported at the object; a value of several types has a step more for each type."""
    return field.startswith(path) or path.startswith(field) or re.sub(r"\[\d+\]$", "", field) == path


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in bad_benchmarks.CASES])
def test_models_refuse_what_the_server_refuses(case: bad_benchmarks.Bad) -> None:
    errors = _errors(case.manifest)
    expected = case.python_message or case.message
    assert any(_near(path, case.field) and expected in message for path, message in errors), errors


@pytest.mark.parametrize("whole", [pytest.param(bounds.WHOLE_SPARK, id="spark"),
                                   pytest.param(bounds.WHOLE_TENSORFLOW, id="tensorflow")])
def test_models_hold_every_bound_of_the_schema(whole: bad_benchmarks.Manifest) -> None:
    assert _errors(whole) == []
    cases = list(bounds.broken(SCHEMA, whole))
    assert len(cases) > 100
    accepted = [case.id for case in cases if not any(_near(path, case.path) for path, _ in _errors(case.manifest))]
    assert accepted == []


@pytest.mark.parametrize("manifest", [bad_benchmarks.SPARK, bad_benchmarks.TENSORFLOW], ids=["spark", "tensorflow"])
def test_models_take_the_smallest(manifest: bad_benchmarks.Manifest) -> None:
    assert _errors(manifest) == []


@pytest.mark.parametrize(("changes", "characters"), [
    pytest.param({}, 253, id="native"),
    pytest.param({"spec.workload.spark.engine": "SparkApplication"}, 63, id="engine"),
])
def test_a_queues_name_may_be_as_long_as_the_place_that_it_is_put_in(changes: dict[str, str], characters: int) -> None:
    name = "team-a." + "b" * (characters - 7)
    assert _errors(bad_benchmarks.changed(bad_benchmarks.SPARK, changes | {"spec.queueName": name})) == []
    assert _errors(bad_benchmarks.changed(bad_benchmarks.SPARK, changes | {"spec.queueName": name + "b"})) != []


@pytest.mark.parametrize(("values", "words"), [
    pytest.param([None], "Input should be", id="null"),
    pytest.param([1, "1"], "Duplicate value: '1'", id="a-number-and-its-text"),
    pytest.param(["0.5", 0.5], "Duplicate value: 0.5", id="a-text-and-its-fraction"),
    pytest.param([True, "true"], "Duplicate value: 'true'", id="a-switch-and-its-text"),
])
def test_values_that_the_api_server_cannot_refuse(values: list[Any], words: str) -> None:
    """It knows no types of them, and so no CEL; set compares what is typed. These become Accepted=False."""
    manifest = bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.parameters": [{"name": "a", "values": values}]})
    assert any(path.startswith("spec.parameters[0].values") and words in said for path, said in _errors(manifest))


@pytest.mark.parametrize("values", [[1, True], [0, False, ""], [1, "1.0"], [True, "True"]], ids=repr)
def test_values_that_read_differently_are_different(values: list[Any]) -> None:
    manifest = bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.parameters": [{"name": "a", "values": values}]})
    parsed = benchmark.Benchmark.model_validate(manifest).spec.parameters[0].values
    assert [(type(value), value) for value in parsed] == [(type(value), value) for value in values]


def _messages(schema: dict[str, Any]) -> set[str]:
    children = [*schema.get("properties", {}).values(), *(
        child for child in (schema.get("items"), schema.get("additionalProperties")) if isinstance(child, dict))]
    return {rule["message"] for rule in schema.get(VALIDATIONS, ())}.union(*map(_messages, children))


def test_every_rule_has_a_bad_example() -> None:
    untried = _messages(SCHEMA) - {case.message for case in bad_benchmarks.CASES}
    assert {message for message in untried if "cannot change once runs exist" not in message} == set()

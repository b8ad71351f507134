"""A run ends, and says why, whatever its program told: the API server refuses what is too long or no JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shapebench.agent import framing
from shapebench.agent.events import Story
from shapebench.api import crd, keys
from shapebench.api.run import RunStatus
from shapebench.api.status import BenchmarkStatus
from shapebench.api.usage import Surroundings, Usage
from shapebench.plan import actions
from shapebench.reconcile import bounded

BENCHMARK = {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
             "spec": {"workload": {"tensorflow": {"job": "train"}},
                      "shapes": [{"name": "s", "workers": 1, "cpu": "1", "memory": "1Gi"}],
                      "repetitions": {"count": 1, "warmups": 0}}}
HALF = "/data/caf\udce9.jpg"
"""As os.fsdecode makes it of a name in Latin-1."""


def run_of(left: dict[str, Any], *, by_log: bool = True, forged: str = "") -> dict[str, Any]:
    """The status of a run whose only pod left this in its record, or a termination message of its own."""
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        if age <= 4:
            return fake.lives(pod, age)
        record = json.loads(framing.dumps(fake.pod_record(pod) | left))
        message = forged or fake.totals(record)
        log = "\n".join(framing.encode(framing.dumps(record))) if by_log else ""
        return fake.ended(pod["fake-born"] + 2, pod["fake-born"] + 5, message=message[:4096]) | {"log": log}

    cluster = live(fake.FakeCluster(script), BENCHMARK, ticks=20)
    assert cluster.get("Benchmark", NAME)["status"].get("finishedAt"), cluster.kind("BenchmarkRun")
    assert cluster.kind("Pod") == []
    status: dict[str, Any] = cluster.get("BenchmarkRun", f"{NAME}-1-1")["status"]
    return status


def of_story(*events: dict[str, Any]) -> dict[str, Any]:
    """What the agent makes of a program's lines."""
    story = Story(lambda _: None)
    for event in events:
        story.tell(framing.loads(json.dumps(event)))
    return {"measurements": [json.loads(row) for row in story.measurements], "environment": story.environment,
            "wrong_answer": story.wrong_answer, "message": ""}


@pytest.mark.parametrize("by_log", [True, False], ids=["log", "termination-message"])
@pytest.mark.parametrize(("event", "field", "value"), [
    pytest.param({"event": "environment", "values": {"path": HALF}}, "environment", {"path": "/data/caf?.jpg"},
                 id="fact-that-is-not-UTF-8"),
    pytest.param({"event": "wrong-answer", "message": HALF}, "message", "/data/caf?.jpg",
                 id="message-that-is-not-UTF-8"),
    pytest.param({"event": "measurement", "parameters": {"q": "S" * 300}, "values": {"x": 1}}, "measurements",
                 [{"parameters": {"q": "S" * 256}, "values": {"x": 1}}], id="long-parameter"),
    pytest.param({"event": "measurement", "parameters": {"layers": [64] * 100}, "values": {"x": 1}}, "measurements",
                 [{"parameters": {"layers": ("[" + "64, " * 100)[:256]}, "values": {"x": 1}}], id="list"),
    pytest.param({"event": "measurement", "parameters": {"n": 10**30}, "values": {"x": 10**400, "y": 10**30}},
                 "measurements", [{"parameters": {"n": 1e30}, "values": {"y": 1e30}}], id="large-numbers"),
])
def test_what_no_status_holds_is_cut_and_the_run_ends(event: dict[str, Any], field: str, value: Any,
                                                      by_log: bool) -> None:
    assert run_of(of_story(event), by_log=by_log)[field] == value


texts = st.text(st.characters(), max_size=20) | st.sampled_from(["x" * 5000, HALF, "\0", "\x1b[2J", "\u2028"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([2**63, 10**30, -10**400]) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8)
names_to_anything = st.dictionaries(texts, anything, max_size=60)
events = st.fixed_dictionaries({"event": st.sampled_from(["measurement", "environment", "wrong-answer"])}, optional={
    "parameters": names_to_anything, "values": names_to_anything,
    "message": texts}) | st.fixed_dictionaries({"event": texts, "parameters": anything, "values": anything})


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, max_size=60), st.booleans())
def test_any_events_lead_to_a_run_that_ends(told: list[dict[str, Any]], by_log: bool) -> None:
    assert "was refused" not in run_of(of_story(*told), by_log=by_log)["message"]


numbers = st.integers() | st.floats() | st.sampled_from([2**53, 10**30, -1.7e308])
forged = st.fixed_dictionaries({}, optional={
    "role": texts | st.just("worker"), "pod": texts, "index": numbers, "exit_code": numbers, "message": texts,
    "program_started_s": numbers, "measured_started_s": numbers, "complete": st.booleans(),
    "usage": st.dictionaries(st.sampled_from(list(Usage.model_fields)), numbers),
    "surroundings": st.dictionaries(st.sampled_from(list(Surroundings.model_fields)), numbers),
    "environment": st.dictionaries(st.sampled_from(["cpus", "cpu_model", "cpu_limit", "node"]) | texts,
                                   texts | st.sampled_from(["inf", "nan", "9" * 5000, "²"])),
    "measurements": st.lists(st.fixed_dictionaries({"values": st.dictionaries(texts, numbers)}))})


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(forged)
def test_a_forged_record_leads_to_one_too(fields: dict[str, Any]) -> None:
    base = {"pod": f"{NAME}-1-1-a1-worker-0", "role": "worker", "index": 0, "counters": "none",
            "agent_started_s": fake.START_S, "program_started_s": fake.START_S, "program_finished_s": fake.START_S + 1,
            "exit_code": 0}
    run_of({}, by_log=False, forged=json.dumps(base | fields))


@pytest.mark.parametrize("facts", [{"cpus": "9" * 5000}, {"cpus": "²"}, {"cpu_limit": "inf"}, {"cpu_limit": "nan"}])
def test_facts_that_verdicts_rest_on_may_be_any_text(facts: dict[str, str]) -> None:
    around = {"window_s": 1.0, "cpu_periods": 10, "cpu_throttled_periods": 9}
    assert run_of({"environment": {"cpu_model": "x"} | facts, "surroundings": around})["verdict"] == "Valid"


def filled(schema: dict[str, Any], beyond: int) -> Any:
    """As much of everything as the schema allows, and so much more."""
    if "maxLength" in schema:
        return "é" * (schema["maxLength"] + beyond)
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        return [filled(schema["items"], beyond)] * (schema["maxItems"] + beyond)
    if "additionalProperties" in schema:
        return {f"name-{index}": filled(schema["additionalProperties"], beyond)
                for index in range(schema["maxProperties"] + beyond)}
    if "properties" in schema:
        return {name: filled(one, beyond) for name, one in schema["properties"].items()}
    return {"boolean": True, "integer": 7, "number": 1.5}[schema["type"]]


@pytest.mark.parametrize("model", [RunStatus, BenchmarkStatus])
def test_every_bound_of_the_definition_cuts(model: type[BaseModel]) -> None:
    schema = crd.structural(model)
    assert bounded.status(model, filled(schema, 1), 10**8) == filled(schema, 0)
    assert 10_000 < len(json.dumps(bounded.status(model, filled(schema, 1)))) <= bounded.LIMIT_BYTES
    with pytest.raises(actions.RefusedError):
        fake.as_a_server_takes_it({value: key for key, value in fake.STATUSES.items()}[model], filled(schema, 1))


def test_a_number_that_json_has_not_is_left_out_and_a_field_that_is_removed_stays() -> None:
    patch = {"reason": None, "durationS": float("nan"), "cost": 1.5, "usage": {"diskReads": 2**63, "cpuSeconds": 1},
             "measurements": [{"values": {"a": float("inf"), "b": 10**400, "c": 2}}]}
    assert bounded.status(RunStatus, patch) == {
        "reason": None, "cost": 1.5, "usage": {"cpuSeconds": 1}, "measurements": [{"values": {"c": 2}}]}


class Strict(fake.FakeCluster):
    """Refuses what tells measurements, for a reason that we do not know of."""

    def apply(self, action: actions.Action) -> actions.Kept | None:
        if isinstance(action, actions.PatchStatus) and "measurements" in action.status:
            raise actions.InvalidError("status.measurements: Nobody likes them")
        return super().apply(action)


def test_a_status_that_is_refused_all_the_same_fails_the_run_and_says_so() -> None:
    cluster = live(Strict(fake.lives), BENCHMARK, ticks=20)
    status = cluster.get("BenchmarkRun", f"{NAME}-1-1")["status"]
    assert (status["phase"], status["reason"], status["verdict"]) == ("Failed", "ProgramFailed", "Failed")
    assert "Nobody likes them" in status["message"]
    assert status["record"] in {body["metadata"]["name"] for body in cluster.kind("ConfigMap")}
    assert status["times"]["finishedS"] > status["times"]["createdS"]
    assert any(event.startswith("Refused: ") and "Nobody likes them" in event for event in cluster.events)
    assert cluster.get("Benchmark", NAME)["status"]["phase"] == "Failed"
    assert cluster.kind("Pod") == []


class Moody(fake.FakeCluster):
    """May not patch the status of a run once, as while a role is replaced."""

    moods = 1

    def apply(self, action: actions.Action) -> actions.Kept | None:
        if isinstance(action, actions.PatchStatus) and action.status.get("phase") == "Running" and self.moods:
            self.moods -= 1
            raise actions.RefusedError("benchmarkruns is forbidden")
        return super().apply(action)


def test_what_may_pass_fails_no_run() -> None:
    cluster = Moody(fake.lives)
    with pytest.raises(actions.RefusedError, match="forbidden"):
        live(cluster, BENCHMARK, ticks=20)
    assert live(cluster).get("Benchmark", NAME)["status"]["phase"] == "Succeeded"

"""Events: said once, counted when repeated, and never in the way."""

from __future__ import annotations

import pytest
from fakes.clock import Clock
from unit.kube.fake_api import FakeApi, status

from shapebench.kube.events import QUIET_S, Events, event_body
from shapebench.kube.transport import Transport
from shapebench.plan.actions import Emit

ABOUT = {"apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark",
         "metadata": {"name": "one", "namespace": "lab", "uid": "u-1"}}
STARTED = Emit(ABOUT, "Normal", "Started", "pods created")


@pytest.fixture
def clock() -> Clock:
    return Clock(1_700_000_000.0)


@pytest.fixture
def events(transport: Transport, clock: Clock) -> Events:
    return Events(transport, clock)


def test_an_event_is_found_by_kubectl_describe(api: FakeApi, events: Events) -> None:
    events.post(STARTED)
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/namespaces/lab/events")
    assert asked.body["involvedObject"] == {"apiVersion": ABOUT["apiVersion"], "kind": "Benchmark", "namespace": "lab",
                                            "name": "one", "uid": "u-1"}
    assert (asked.body["type"], asked.body["reason"], asked.body["message"], asked.body["count"],
            asked.body["lastTimestamp"]) == ("Normal", "Started", "pods created", 1, "2023-11-14T22:13:20Z")


def test_repeats_within_a_minute_are_not_sent_and_later_ones_are_counted(api: FakeApi, events: Events,
                                                                         clock: Clock) -> None:
    events.post(STARTED)
    events.post(STARTED)
    assert len(api.asked) == 1
    clock.now_s += QUIET_S
    events.post(STARTED)
    assert (api.asked[1].method, api.asked[1].body["count"]) == ("PATCH", 2)


def test_a_new_operator_counts_on_where_the_old_one_stopped(api: FakeApi, events: Events) -> None:
    api.answers = [status(409, "AlreadyExists")]
    events.post(STARTED)
    assert [asked.method for asked in api.asked] == ["POST", "PATCH"]
    assert api.asked[1].path.rsplit("/", 1)[1] == api.asked[0].body["metadata"]["name"]


def test_an_event_that_expired_is_posted_anew(api: FakeApi, events: Events, clock: Clock) -> None:
    events.post(STARTED)
    clock.now_s += 4000
    api.answers = [status(404)]
    events.post(STARTED)
    assert [asked.method for asked in api.asked] == ["POST", "PATCH", "POST"]


@pytest.mark.parametrize("code", [403, 422, 429, 500, 503])
def test_a_refused_event_is_lost_at_once(api: FakeApi, events: Events, slept: list[float], code: int) -> None:
    api.answers = [status(code)]
    events.post(STARTED)
    assert slept == []


@pytest.mark.parametrize("other", [
    pytest.param(Emit(ABOUT, "Warning", "Started", "pods created"), id="type"),
    pytest.param(Emit(ABOUT, "Normal", "Ended", "pods created"), id="reason"),
    pytest.param(Emit(ABOUT, "Normal", "Started", "pods lost"), id="message"),
    pytest.param(Emit(ABOUT | {"metadata": {"name": "one", "namespace": "lab", "uid": "u-2"}}, "Normal", "Started",
                      "pods created"), id="object"),
])
def test_what_differs_is_another_event(other: Emit) -> None:
    assert event_body(STARTED, 0)["metadata"]["name"] != event_body(other, 0)["metadata"]["name"]


def test_a_long_message_is_cut_to_what_the_api_takes() -> None:
    assert len(event_body(Emit(ABOUT, "Normal", "Started", "x" * 5000), 0)["message"]) == 1024

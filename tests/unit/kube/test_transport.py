"""What is repeated, for how long, and what a person reads when it did not help."""

from __future__ import annotations

import pytest
from unit.kube.fake_api import Answer, FakeApi, found, status

from shapebench.kube import errors
from shapebench.kube.retry import Retry
from shapebench.kube.transport import MERGE_PATCH, RefusedError, Request, Transport, explained

POD = Request("POST", "/api/v1/namespaces/lab/pods", body={"kind": "Pod"})


@pytest.mark.parametrize("first", [
    pytest.param(status(429), id="throttled"), pytest.param(status(500), id="broken"),
    pytest.param(status(503), id="starting"), pytest.param(status(504), id="etcd-slow"),
    pytest.param(status(401), id="token-just-renewed"),
])
def test_repeats_what_may_pass(api: FakeApi, transport: Transport, slept: list[float], first: Answer) -> None:
    api.answers = [first, first, found({"a": 1})]
    assert transport.parsed(Request("GET", "/x")) == {"a": 1}
    assert slept == [0.1, 0.2]


def test_waits_as_long_as_it_is_asked_to(api: FakeApi, transport: Transport, slept: list[float]) -> None:
    api.answers = [Answer(429, b"", {"Retry-After": "3"}), Answer(429, b"", {"Retry-After": "3600"}), found({})]
    transport.parsed(Request("GET", "/x"))
    assert slept == [3.0, 4.0]


@pytest.mark.parametrize("code", [400, 403, 404, 409, 422])
def test_does_not_repeat_a_refusal(api: FakeApi, transport: Transport, slept: list[float], code: int) -> None:
    api.answers = [status(code)]
    with pytest.raises(RefusedError) as refused:
        transport.raw(POD)
    assert refused.value.status == code
    assert slept == []


def test_gives_up_after_some_seconds(api: FakeApi, transport: Transport, slept: list[float]) -> None:
    api.answers = [status(503, message="etcd is away")] * 100
    with pytest.raises(RefusedError, match="cannot create pods in namespace lab: etcd is away"):
        transport.raw(POD)
    assert 15 <= sum(slept) < 20


def test_a_server_that_is_not_there(slept: list[float]) -> None:
    api = FakeApi()
    api.url = "http://127.0.0.1:1"
    with api.client() as client, pytest.raises(errors.UnavailableError, match="cannot create pods in namespace lab"):
        Transport(client, Retry(total_s=0.3, sleep=slept.append)).raw(POD)
    assert slept


def test_an_answer_that_breaks_off_is_asked_for_again(api: FakeApi, transport: Transport, slept: list[float]) -> None:
    api.answers = [Answer(200, b'{"a"', {"Content-Length": "400", "Connection": "close"}), found({"a": 1})]
    assert transport.parsed(Request("GET", "/x")) == {"a": 1}
    assert len(slept) == 1


def test_sends_json_and_says_what_kind_of_patch(api: FakeApi, transport: Transport) -> None:
    transport.raw(Request("PATCH", "/x", body={"status": {"a": None, "b": [1]}}, content_type=MERGE_PATCH))
    (asked,) = api.asked
    assert (asked.method, asked.content_type, asked.body) == ("PATCH", MERGE_PATCH, {"status": {"a": None, "b": [1]}})


@pytest.mark.parametrize(("answer", "error", "words"), [
    pytest.param(status(403, "Forbidden", "pods is forbidden: exceeded quota: small"), errors.ForbiddenError,
                 "exceeded quota: small", id="quota"),
    pytest.param(status(403, "Forbidden", "namespace is being terminated", ("NamespaceTerminating",)),
                 errors.GoneError, "terminated", id="namespace-terminating"),
    pytest.param(status(404, "NotFound", 'namespaces "lab" not found'), errors.GoneError, "not found",
                 id="namespace-gone"),
    pytest.param(status(422, "Invalid", "spec.x: Invalid value"), errors.InvalidError, "spec.x", id="invalid"),
    pytest.param(status(409, "Conflict", "try again"), errors.UnavailableError, "try again", id="conflict"),
    pytest.param(Answer(418, b"teapot"), errors.UnavailableError, "teapot", id="not-kubernetes"),
])
def test_a_refusal_says_what_to_do(api: FakeApi, transport: Transport, answer: Answer,
                                   error: type[errors.KubeError], words: str) -> None:
    api.answers = [answer]
    with pytest.raises(RefusedError) as refused:
        transport.raw(POD)
    told = explained(refused.value)
    assert type(told) is error
    assert "cannot create pods in namespace lab" in str(told)
    assert words in str(told)

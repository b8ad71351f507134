"""What an answer means, and what is made of many."""

from __future__ import annotations

import pytest

from shapebench.remote_write import endpoint, sending
from shapebench.remote_write.protocol import Accepted, Again, Refused, Trouble, judged
from shapebench.remote_write.series import TimeSeries

SERIES = [TimeSeries((("__name__", f"s{number}"),), ((1, 0.0), (2, 0.0))) for number in range(3)]


@pytest.mark.parametrize(("status", "expected"), [
    (200, Accepted), (204, Accepted), (301, Again), (307, Again), (400, Refused), (401, Refused), (404, Refused),
    (407, Again), (413, Refused), (422, Refused), (429, Again), (500, Again), (502, Again), (503, Again)])
def test_what_an_answer_means(status: int, expected: type) -> None:
    assert isinstance(judged(status, "no"), expected)


@pytest.mark.parametrize(("status", "said", "advice"), [
    pytest.param(400, "out of bounds", "storage.tsdb.out_of_order_time_window", id="prometheus-too-old"),
    pytest.param(400, "out of order sample\n", "storage.tsdb.out_of_order_time_window", id="prometheus-out-of-order"),
    pytest.param(400, "the sample's timestamp is too old (err-mimir-sample-timestamp-too-old)",
                 "out_of_order_time_window", id="mimir"),
    pytest.param(401, "", "remoteWrite.basicAuthSecret", id="no-credentials"),
    pytest.param(404, "404 page not found", "--web.enable-remote-write-receiver", id="no-receiver"),
])
def test_a_refusal_says_what_to_do(status: int, said: str, advice: str) -> None:
    answer = judged(status, said)
    assert isinstance(answer, Refused)
    assert answer.message.startswith(f"HTTP {status}")
    assert advice in answer.message
    assert answer.final is (status != 400)


def test_a_long_answer_is_cut() -> None:
    answer = judged(400, "x" * 5000)
    assert isinstance(answer, Refused)
    assert len(answer.message) < 300


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("asked_s", "expected"), [(0.0, 0.0), (30.0, 30.0), (1e9, 3600.0)])
def test_it_is_left_alone_for_as_long_as_it_asks_within_reason(status: int, asked_s: float, expected: float) -> None:
    answer = judged(status, "", asked_s)
    assert isinstance(answer, Again)
    assert answer.after_s == expected


@pytest.mark.parametrize(("header", "expected"), [
    (None, 0.0), ("", 0.0), ("7", 7.0), ("Thu, 01 Jan 1970 00:01:50 GMT", 10.0), ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
    ("soon", 0.0), ("-3", 0.0)])
def test_retry_after(header: str | None, expected: float) -> None:
    assert endpoint.seconds(header, 100.0) == expected


def test_all_requests_are_sent_in_order() -> None:
    bodies: list[bytes] = []

    def post(body: bytes) -> Accepted:
        bodies.append(body)
        return Accepted()

    assert sending.send(SERIES, post, most_samples=2) == sending.Sent(requests=3, samples=6)
    assert len(set(bodies)) == 3


def test_what_was_sent_is_not_sent_again() -> None:
    answers = [Accepted(), Again(Trouble.SERVER, "HTTP 500"), Accepted(), Accepted()]
    first = sending.send(SERIES, lambda _: answers.pop(0), most_samples=2)
    assert (first.requests, first.samples, first.again) == (1, 2, Again(Trouble.SERVER, "HTTP 500"))
    second = sending.send(SERIES, lambda _: answers.pop(0), first.requests, most_samples=2)
    assert (second.requests, second.samples, second.again) == (3, 4, None)
    assert answers == []


def test_a_request_that_is_refused_does_not_stop_the_next() -> None:
    answers = [Accepted(), Refused("HTTP 400: no", final=False), Accepted()]
    assert sending.send(SERIES, lambda _: answers.pop(0), most_samples=2) == sending.Sent(3, 4, 2, "HTTP 400: no")


def test_an_endpoint_that_wants_none_is_not_asked_again() -> None:
    answers = [Refused("HTTP 401", final=True)]
    assert sending.send(SERIES, lambda _: answers.pop(0), most_samples=2) == sending.Sent(3, 0, 6, "HTTP 401")

"""The queue: one look at a time, none lost, at the right moment."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import islice

import pytest
from fakes.clock import Clock, until
from hypothesis import given
from hypothesis import strategies as st

from shapebench.handlers.queue import Pace, WorkQueue


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock, Pace(cooldown_s=0.1, first_retry_s=0.5, longest_retry_s=30), chance=lambda: 1.0)


def test_hands_out_at_once_and_in_order(queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.add("b")
    queue.add("a")
    assert [queue.take(0), queue.take(0), queue.take(0)] == ["a", "b", None]


def test_holds_a_name_back_while_it_is_worked_on_then_hands_it_out_once(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.take(0)
    queue.add("a")
    queue.add("a")
    assert queue.take(0) is None
    queue.done("a")
    clock.now_s += 0.2
    assert [queue.take(0), queue.take(0)] == ["a", None]


def test_rests_a_name_between_two_looks(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.take(0)
    queue.done("a")
    queue.add("a")
    assert queue.take(0) is None
    clock.now_s += 0.1
    assert queue.take(0) == "a"


@pytest.mark.parametrize(("delays", "due_after"), [
    pytest.param([5], 5, id="one"),
    pytest.param([5, 9], 5, id="later-does-not-postpone"),
    pytest.param([9, 5], 5, id="earlier-wins"),
    pytest.param([9, 0], 0, id="now-wins"),
])
def test_delays(queue: WorkQueue[str], clock: Clock, delays: list[float], due_after: float) -> None:
    for delay in delays:
        queue.add("a", delay)
    if due_after:
        clock.now_s += due_after - 0.01
        assert queue.take(0) is None
        clock.now_s += 0.02
    assert queue.take(0) == "a"
    queue.done("a")
    clock.now_s += 100
    assert queue.take(0) is None


def test_done_brings_a_name_back_later(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.take(0)
    queue.done("a", again_s=60)
    clock.now_s += 59
    assert queue.take(0) is None
    clock.now_s += 1
    assert queue.take(0) == "a"


def test_failures_wait_longer_each_time_and_a_success_forgets_them(queue: WorkQueue[str], clock: Clock) -> None:
    waits = []
    for _ in range(8):
        queue.add("a")
        assert queue.take(0) == "a"
        waits.append(queue.failed("a"))
        clock.now_s += waits[-1]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    queue.take(0)
    queue.done("a")
    queue.add("a", 1)
    clock.now_s += 1
    queue.take(0)
    assert queue.failed("a") == 0.5


def test_events_do_not_hurry_a_retry(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.take(0)
    queue.add("a")
    queue.failed("a")
    queue.add("a")
    clock.now_s += 0.4
    assert queue.take(0) is None
    clock.now_s += 0.1
    assert queue.take(0) == "a"


def test_tells_what_is_worked_on_since_when(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    queue.take(0)
    clock.now_s += 7
    (working,) = queue.working()
    assert (working.key, queue.now() - working.since_s) == ("a", 7)


def test_close_wakes_a_waiting_worker() -> None:
    queue: WorkQueue[str] = WorkQueue(lambda: 0.0)
    worker = threading.Thread(target=queue.take, daemon=True)
    worker.start()
    queue.close()
    worker.join(timeout=5)
    assert not worker.is_alive()


def test_threads_never_share_a_name() -> None:
    import time
    queue: WorkQueue[int] = WorkQueue(time.monotonic, Pace(cooldown_s=0))
    held: Counter[int] = Counter()
    looks: Counter[int] = Counter()
    shared = []

    def work() -> None:
        while (key := queue.take()) is not None:
            held[key] += 1
            shared.extend([key] if held[key] > 1 else [])
            time.sleep(0.001)
            held[key] -= 1
            looks[key] += 1
            queue.done(key)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(200):
        queue.add(turn % 5)
        time.sleep(0.0005)
    until(lambda: set(looks) == set(range(5)) and len(queue) == 0)
    queue.close()
    for thread in threads:
        thread.join()
    assert not shared


@given(st.lists(st.one_of(
    st.tuples(st.just("add"), st.sampled_from("abc"), st.floats(0, 10)),
    st.tuples(st.just("finish"), st.booleans(), st.none() | st.floats(0, 10)),
    st.tuples(st.just("wait"), st.just(""), st.floats(0, 5))), max_size=40))
def test_no_added_name_is_ever_lost(steps: list[tuple[str, object, float | None]]) -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock)
    owed: set[str] = set()
    for what, which, number in steps:
        if what == "add":
            assert isinstance(which, str)
            queue.add(which, number or 0)
            owed.add(which)
        elif what == "wait":
            clock.now_s += number or 0
        elif (key := queue.take(0)) is not None:
            if which:
                owed.discard(key)
                queue.done(key, number)
            else:
                queue.failed(key)
    clock.now_s += 1000
    seen = set()
    while (key := queue.take(0)) is not None:
        seen.add(key)
        queue.done(key)
    assert owed <= seen


@pytest.mark.parametrize(("failures", "chance", "expected"), [
    pytest.param(1, 0.0, 0.5, id="first"), pytest.param(1, 1.0, 1.0, id="first-at-most"),
    pytest.param(4, 1.0, 8.0, id="doubled"), pytest.param(10**4, 1.0, 120.0, id="bounded")])
def test_pauses_after_failures_in_a_row(failures: int, chance: float, expected: float) -> None:
    pauses = Pace(first_retry_s=1.0, longest_retry_s=120.0).pauses(lambda: chance)
    assert next(islice(pauses, failures - 1, None)) == expected

"""Workers: nothing that a look raises stops them, and what is stuck is noticed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fakes.clock import until
from prometheus_client import generate_latest

from shapebench.handlers.queue import Pace, WorkQueue
from shapebench.handlers.workers import STUCK_S, Name, Workers
from shapebench.kube import errors
from shapebench.metrics.registry import Metrics

ONE = Name("lab", "one")


@contextmanager
def working(look: Callable[[Name], float | None], told: list[errors.KubeError] | None = None,
            ) -> Iterator[tuple[WorkQueue[Name], Workers, Metrics]]:
    queue: WorkQueue[Name] = WorkQueue(time.monotonic, Pace(cooldown_s=0, first_retry_s=0.01))
    metrics = Metrics(time.time)
    workers = Workers(queue, look, lambda _, error: (told if told is not None else []).append(error), metrics, count=2)
    workers.start()
    try:
        yield queue, workers, metrics
    finally:
        workers.stop(5)


@pytest.mark.parametrize(("raised", "told"), [
    pytest.param(errors.ConflictError("taken"), True, id="refused"),
    pytest.param(errors.UnavailableError("away"), True, id="unavailable"),
    pytest.param(ValueError("our own mistake"), False, id="bug"),
])
def test_what_fails_is_tried_again(raised: Exception, told: bool) -> None:
    looks: list[Name] = []
    heard: list[errors.KubeError] = []

    def look(name: Name) -> None:
        looks.append(name)
        if len(looks) < 3:
            raise raised

    with working(look, heard) as (queue, workers, metrics):
        queue.add(ONE)
        until(lambda: len(looks) == 3)
        assert workers.problem() is None
    assert heard == ([raised, raised] if told else [])
    assert 'shapebench_reconcile_seconds_count{result="failed"} 2.0' in generate_latest(metrics.registry).decode()


def test_a_namespace_that_goes_is_no_failure() -> None:
    looks = []

    def look(name: Name) -> None:
        looks.append(name)
        raise errors.GoneError("namespace lab is being terminated")

    with working(look) as (queue, _, _):
        queue.add(ONE)
        until(lambda: bool(looks) and not queue.working())
        assert len(queue) == 0


def test_a_look_says_when_to_look_again() -> None:
    looks: list[float] = []

    def look(_: Name) -> float | None:
        looks.append(time.monotonic())
        return 0.05 if len(looks) == 1 else None

    with working(look) as (queue, _, _):
        queue.add(ONE)
        until(lambda: len(looks) == 2)
    assert looks[1] - looks[0] >= 0.05


def test_workers_that_ended_or_hang_are_a_problem() -> None:
    clock = [0.0]
    release = threading.Event()
    queue: WorkQueue[Name] = WorkQueue(lambda: clock[0])
    workers = Workers(queue, lambda _: release.wait(10) and None, lambda *_: None, Metrics(time.time), count=1)
    workers.start()
    queue.add(ONE)
    until(lambda: bool(queue.working()))
    assert workers.problem() is None
    clock[0] += STUCK_S + 1
    assert workers.problem() == "stuck at lab/one for 301 s"
    release.set()
    workers.stop(5)
    assert workers.problem() == "worker-0 ended"

"""The thread that moves records into the results store: one at a time, later where it cannot, and never in the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.clock import until
from prometheus_client import CollectorRegistry

from shapebench.handlers import record_mover
from shapebench.handlers.queue import Pace
from shapebench.handlers.record_mover import RecordMover
from shapebench.kube import errors
from shapebench.kube.fallen_back import NotYetError
from shapebench.results.keeper import PAUSE_S
from shapebench.results.stores import StoreError

QUICK = Pace(first_retry_s=0.02, longest_retry_s=0.05)


class Moves:
    """What becomes of each run is scripted: answers are taken in turn, and the last one stays."""

    def __init__(self) -> None:
        self.script: dict[str, list[str | Exception]] = {}
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.answers = threading.Event()
        self.answers.set()

    def move(self, namespace: str, name: str) -> str:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.asked.append(name)
        self.answers.wait(10)
        self.at_once -= 1
        answers = self.script.get(name, [f"s3://bucket/{name}"])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def moves() -> Moves:
    return Moves()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def mover(moves: Moves, registry: CollectorRegistry) -> Iterator[RecordMover]:
    made = RecordMover(moves, registry, rest_s=0.0, away=QUICK)
    made.start()
    yield made
    made.stop()
    moves.answers.set()


def run(name: str, place: str | None = None, uid: str = "1", **status: str) -> dict[str, Any]:
    return {"kind": "BenchmarkRun", "metadata": {"namespace": "lab", "name": name, "uid": uid},
            "status": {"phase": "Succeeded", "record": place or f"{name}-record"} | status}


def counted(registry: CollectorRegistry) -> dict[str, float | None]:
    return {result: registry.get_sample_value("shapebench_results_moves_total", {"result": result})
            for result in ("done", "failed", "left")} | {
        "waiting": registry.get_sample_value("shapebench_results_waiting_records")}


def test_records_in_config_maps_are_moved_one_at_a_time(mover: RecordMover, moves: Moves,
                                                        registry: CollectorRegistry) -> None:
    for number in range(5):
        mover.saw(None, run(f"r-{number}"))
        mover.saw("MODIFIED", run(f"r-{number}"))
    mover.saw(None, run("in-the-store", "s3://bucket/x"))
    mover.saw(None, run("with-a-copy", "s3://bucket/x", recordCopy="with-a-copy-record"))
    mover.saw(None, run("running", phase="Running"))
    mover.saw(None, {"metadata": {"namespace": "lab", "name": "new", "uid": "1"}})
    until(lambda: counted(registry) == {"done": 6, "failed": 0, "left": 0, "waiting": 0})
    assert set(moves.asked) == {*(f"r-{number}" for number in range(5)), "with-a-copy"}
    assert moves.most_at_once == 1


@pytest.mark.parametrize("problem", [
    pytest.param(StoreError("the bucket is away"), id="store"),
    pytest.param(errors.UnavailableError("no API server"), id="cluster"),
    pytest.param(RuntimeError("a mistake of ours"), id="unexpected"),
])
def test_what_cannot_be_moved_now_is_moved_later(mover: RecordMover, moves: Moves, registry: CollectorRegistry,
                                                 problem: Exception, caplog: pytest.LogCaptureFixture) -> None:
    moves.script["a"] = [problem, problem, "s3://bucket/a"]
    mover.saw(None, run("a"))
    until(lambda: counted(registry) == {"done": 1, "failed": 2, "left": 0, "waiting": 0})
    assert f"lab/a: its record is not moved into the results store yet (1 wait): {problem}; again in" in caplog.text


def test_all_wait_while_the_store_is_away_and_none_waits_for_another(moves: Moves, registry: CollectorRegistry) -> None:
    moves.script = {name: [StoreError("away")] for name in "abc"}
    mover = RecordMover(moves, registry, rest_s=0.0, away=Pace(first_retry_s=0.4, longest_retry_s=0.4))
    begun = time.monotonic()
    for name in "abc":
        mover.saw(None, run(name))
    mover.start()
    until(lambda: len(moves.asked) >= 3)
    assert time.monotonic() - begun > 0.4, "two pauses of at least 0.2 s"
    assert sorted(moves.asked[:3]) == ["a", "b", "c"]
    assert counted(registry)["waiting"] == 3
    mover.stop()


def test_what_is_no_record_is_left_and_said_once(mover: RecordMover, moves: Moves, registry: CollectorRegistry,
                                                 caplog: pytest.LogCaptureFixture) -> None:
    moves.script["a"] = [ValueError("ConfigMap a-record: not a record")]
    for name in ("a", "b"):
        mover.saw(None, run(name))
    until(lambda: counted(registry) == {"done": 1, "failed": 0, "left": 1, "waiting": 0})
    mover.saw("MODIFIED", run("a"))
    assert counted(registry)["waiting"] == 0
    assert "lab/a: its record stays where it is: ConfigMap a-record: not a record" in caplog.text
    moves.script.clear()
    mover.saw("DELETED", run("a"))
    mover.saw("ADDED", run("a"))
    until(lambda: counted(registry)["done"] == 2)


def test_a_run_that_was_made_again_is_another_one_whether_or_not_the_deletion_was_seen(
        mover: RecordMover, moves: Moves, registry: CollectorRegistry) -> None:
    moves.script["a"] = [ValueError("not a record"), "s3://bucket/a"]
    mover.saw(None, run("a"))
    until(lambda: counted(registry)["left"] == 1)
    mover.saw("MODIFIED", run("a", uid="2"))
    until(lambda: counted(registry)["done"] == 1)


@pytest.mark.parametrize("answer", [
    pytest.param("", id="nothing-to-move"),
    pytest.param(errors.GoneError("the namespace is being deleted"), id="gone"),
])
def test_what_is_gone_needs_nothing(mover: RecordMover, moves: Moves, registry: CollectorRegistry,
                                    answer: str | Exception) -> None:
    moves.script["a"] = [answer]
    mover.saw(None, run("a"))
    until(lambda: bool(moves.asked) and counted(registry)["waiting"] == 0)
    assert counted(registry) == {"done": 0, "failed": 0, "left": 0, "waiting": 0}


def test_one_that_has_to_wait_holds_up_no_other(mover: RecordMover, moves: Moves, registry: CollectorRegistry) -> None:
    moves.script["a"] = [NotYetError("the status of Benchmark one has no recordsPath yet")]
    mover.saw(None, run("a"))
    mover.saw(None, run("b"))
    until(lambda: counted(registry) == {"done": 1, "failed": 0, "left": 0, "waiting": 1})


def test_one_that_changed_meanwhile_is_soon_tried_again_and_is_no_failure(
        mover: RecordMover, moves: Moves, registry: CollectorRegistry) -> None:
    moves.script["a"] = [NotYetError("the object has been modified"), "s3://bucket/a"]
    begun = time.monotonic()
    mover.saw(None, run("a"))
    until(lambda: counted(registry) == {"done": 1, "failed": 0, "left": 0, "waiting": 0})
    assert time.monotonic() - begun >= 0.5, "but not at once"


def test_nobody_waits_for_a_store_that_hangs(mover: RecordMover, moves: Moves) -> None:
    moves.answers.clear()
    mover.saw(None, run("a"))
    until(lambda: moves.at_once == 1)
    begun = time.monotonic()
    for number in range(100):
        mover.saw(None, run(f"r-{number}"))
    mover.stop()
    assert time.monotonic() - begun < 5
    assert moves.asked == ["a"]


def test_it_waits_longer_than_the_store_is_left_alone_after_a_failure() -> None:
    assert next(record_mover.AWAY.pauses(lambda: 0.0)) >= PAUSE_S

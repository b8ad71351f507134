"""The resync: it looks at what may have changed, and ends what was deleted while nobody heard of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from fakes.clock import Clock

from shapebench.api import keys
from shapebench.handlers.queue import WorkQueue
from shapebench.handlers.resync import Resync, unfinished
from shapebench.handlers.workers import Name
from shapebench.kube import errors
from shapebench.metrics.board import Board

Body = dict[str, Any]


def _body(name: str, phase: str | None = None, uid: str = "", **more: Any) -> Body:
    status = {"phase": phase, "observedGeneration": 1} if phase else {}
    metadata = {"namespace": "lab", "name": name, "uid": uid or f"uid-of-{name}", "generation": 1}
    return {"kind": "Benchmark", "metadata": metadata, "spec": {}, "status": status} | more


def _run(name: str, benchmark: str, uid: str = "") -> Body:
    """As the operator creates it, which is all that the watch and the list say of it."""
    return {"apiVersion": keys.API_VERSION, "kind": "BenchmarkRun",
            "metadata": {"namespace": "lab", "name": name, "uid": uid or f"uid-of-{name}",
                         "creationTimestamp": "2026-01-02T03:04:06Z", "labels": {keys.LABEL_BENCHMARK: benchmark}},
            "spec": {"benchmark": benchmark, "shape": "1x1", "parameters": {}, "block": 1, "repetition": 1,
                     "position": 1}, "status": {"phase": "Succeeded"}}


class Lists:
    """A cluster that answers lists, and lets something happen while it reads them."""

    def __init__(self, *there: Body) -> None:
        self.there = list(there)
        self.meanwhile: Callable[[], None] = lambda: None
        self.broken = ""

    def benchmarks(self) -> tuple[Body, ...]:
        return self._of("Benchmark")

    def run_uids(self) -> frozenset[str]:
        return frozenset(one["metadata"]["uid"] for one in self._of("BenchmarkRun"))

    def _of(self, kind: str) -> tuple[Body, ...]:
        if kind == self.broken:
            raise errors.UnavailableError(f"cannot list {kind}")
        found = tuple(one for one in self.there if one["kind"] == kind)
        self.meanwhile()
        return found


class Heard:
    """A resync of a board, and what it took for deleted."""

    def __init__(self, lists: Lists) -> None:
        self.clock = Clock()
        self.board = Board()
        self.queue: WorkQueue[Name] = WorkQueue(self.clock)
        self.lost: list[str] = []
        self.resync = Resync(lists.benchmarks, lists.run_uids, self.queue, self.board.known, self._deleted)
        for body in lists.there:
            self.board.saw(body)

    def _deleted(self, body: Any) -> None:
        self.lost.append(body["metadata"]["uid"])
        self.board.gone(body)


@pytest.mark.parametrize(("body", "expected"), [
    pytest.param(_body("a"), True, id="new"),
    pytest.param(_body("a", "Running"), True, id="running"),
    pytest.param(_body("a", "Suspended"), True, id="suspended"),
    pytest.param(_body("a", "Succeeded"), False, id="succeeded"),
    pytest.param(_body("a", "Failed"), False, id="failed"),
    pytest.param(_body("a", "Rejected"), False, id="rejected"),
    pytest.param(_body("a", "Rejected", metadata={"generation": 2}), True, id="changed-since"),
    pytest.param(_body("a", "Succeeded", spec={"ttlSecondsAfterFinished": 0}), True, id="to-be-deleted"),
])
def test_unfinished(body: Body, expected: bool) -> None:
    assert unfinished(body) is expected


def test_the_first_resync_takes_all_and_makes_ready_later_ones_the_unfinished() -> None:
    heard = Heard(Lists(_body("a", "Running"), _body("b", "Succeeded")))
    queue = heard.queue
    assert not heard.resync.ready
    heard.resync.once()
    assert heard.resync.ready
    assert [queue.take(0), queue.take(0)] == [Name("lab", "a"), Name("lab", "b")]
    queue.done(Name("lab", "a"))
    queue.done(Name("lab", "b"))
    heard.clock.now_s += 300
    heard.resync.once()
    assert [queue.take(0), queue.take(0)] == [Name("lab", "a"), None]
    assert heard.lost == []


def test_a_listing_that_fails_leaves_the_operator_unready() -> None:
    lists = Lists()
    lists.broken = "Benchmark"
    heard = Heard(lists)
    heard.resync.start()
    time.sleep(0.02)
    assert not heard.resync.ready
    heard.resync.stop()


@pytest.mark.parametrize(("deleted", "stays"), [
    pytest.param("Benchmark", ["r-1-1", "r-1-2"], id="benchmark"),
    pytest.param("BenchmarkRun", ["bench"], id="runs")])
def test_what_is_not_listed_any_more_leaves_the_board(deleted: str, stays: list[str]) -> None:
    lists = Lists(_body("bench"), _run("r-1-1", "bench"), _run("r-1-2", "bench"))
    heard = Heard(lists)
    lists.there = [one for one in lists.there if one["kind"] != deleted]
    heard.resync.once()
    assert [one["metadata"]["name"] for one in heard.board.known()] == stays


def test_what_comes_while_the_lists_are_read_stays() -> None:
    """It is on the board, in no list, and there."""
    lists = Lists(_body("gone"))
    heard = Heard(lists)
    lists.there = []

    def meanwhile() -> None:
        heard.board.saw(_body("new"))
        heard.board.saw(_run("new-1-1", "new"))

    lists.meanwhile = meanwhile
    heard.resync.once()
    assert heard.lost == ["uid-of-gone"]
    assert [one["metadata"]["name"] for one in heard.board.known()] == ["new", "new-1-1"]


def test_what_is_applied_again_while_the_lists_are_read_stays() -> None:
    lists = Lists(_body("again", uid="1"))
    heard = Heard(lists)
    lists.there, lists.meanwhile = [], lambda: heard.board.saw(_body("again", uid="2"))
    heard.resync.once()
    assert [one["metadata"]["uid"] for one in heard.board.known()] == ["2"]


@pytest.mark.parametrize("kind", ["Benchmark", "BenchmarkRun"])
def test_nothing_ends_because_a_list_failed(kind: str) -> None:
    lists = Lists(_body("bench"), _run("r-1-1", "bench"))
    heard = Heard(lists)
    lists.there, lists.broken = [], kind
    with pytest.raises(errors.UnavailableError):
        heard.resync.once()
    assert heard.lost == []

"""What the operator does when its store is slow, away or well."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest
from fakes.clock import Clock

from shapebench.api import packing
from shapebench.api.record import Cell, Phase, RunRecord, Times, Verdict
from shapebench.results import keeper as keepers
from shapebench.results.keeper import PAUSE_S, Keeper
from shapebench.results.stores import OtherStoreError, StoreError

RECORD = RunRecord(benchmark="one", namespace="lab", run="one-1-1", backend="kubernetes", cell=Cell(shape="s"),
                   workers=1, cpu=1, memory_bytes=1, block=1, repetition=1, position=1, attempt=1,
                   phase=Phase.SUCCEEDED, verdict=Verdict.VALID, times=Times())


class Scripted:
    """A store that works, fails or hangs."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.problem = ""
        self.answers = threading.Event()
        self.answers.set()
        self.calls = 0

    def write(self, path: str, data: bytes) -> None:
        self.calls += 1
        self.answers.wait()
        if self.problem:
            raise StoreError(self.problem)
        self.files[path] = data

    def read(self, path: str) -> bytes | None:
        self.answers.wait()
        return self.files.get(path)

    def opened(self, path: str) -> io.BytesIO | None:
        data = self.read(path)
        return None if data is None else io.BytesIO(data)

    def paths(self) -> Iterator[str]:
        return iter(sorted(self.files))


@pytest.fixture
def store() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.answers.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(store: Scripted, clock: Clock) -> Keeper:
    return Keeper("s3://bucket/results", store, clock)


def counts(keeper: Keeper) -> dict[str, float]:
    return {sample.labels["result"]: sample.value for family in keeper.writes.collect() for sample in family.samples
            if sample.name == "shapebench_results_writes_total"}


def test_a_record_comes_back_from_the_url_that_keep_returns(keeper: Keeper) -> None:
    url = keeper.keep("lab/one/u/one-1-1.json.gz", lambda: packing.packed(RECORD))
    assert url == "s3://bucket/results/lab/one/u/one-1-1.json.gz"
    assert packing.unpacked(keeper.read(url) or b"") == RECORD
    assert keeper.read("s3://bucket/results/lab/one/u/other.json.gz") is None
    with pytest.raises(OtherStoreError, match=r"is at s3://elsewhere/lab/one/u/one-1-1.json.gz, and the results store "
                                              r"is now s3://bucket/results: set results.url"):
        keeper.read("s3://elsewhere/lab/one/u/one-1-1.json.gz")
    assert counts(keeper) == {"done": 1, "failed": 0, "skipped": 0}


def test_after_a_failure_the_store_is_left_alone_for_a_while(keeper: Keeper, store: Scripted, clock: Clock) -> None:
    store.problem = "bucket away"
    for _ in range(3):
        with pytest.raises(StoreError, match="bucket away"):
            keeper.keep("p", lambda: b"")
    assert store.calls == 1
    clock.now_s += PAUSE_S
    store.problem = ""
    keeper.keep("p", lambda: b"x")
    assert counts(keeper) == {"done": 1, "failed": 1, "skipped": 2}


def asking() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "results"]


def test_a_store_that_hangs_costs_its_timeout_once_and_one_thread(store: Scripted, clock: Clock) -> None:
    keeper = Keeper("s3://bucket/results", store, clock, timeout_s=1.0)
    store.answers.clear()
    with pytest.raises(StoreError, match="does not answer within 1 s"):
        keeper.keep("p", lambda: b"")
    for _ in range(5):
        clock.now_s += PAUSE_S
        with pytest.raises(StoreError, match="has not answered an earlier call"):
            keeper.keep("p", lambda: b"")
    [thread] = asking()
    store.answers.set()
    thread.join()
    clock.now_s += PAUSE_S
    assert keeper.keep("p", lambda: b"") == "s3://bucket/results/p"


def test_a_record_that_could_not_be_read_back_is_not_kept_and_the_store_goes_on(keeper: Keeper,
                                                                                store: Scripted) -> None:
    says_600_mib = b"gzip" + (600 * 2**20).to_bytes(4, "little")
    with pytest.raises(StoreError, match="unpacks to more than the 512 MiB that are read"):
        keeper.keep("large", lambda: says_600_mib)
    keeper.keep("p", lambda: b"x")
    assert list(store.files) == ["p"]
    assert counts(keeper) == {"done": 1, "failed": 1, "skipped": 0}


def test_what_is_taken_over_replaces_nothing_better(keeper: Keeper, store: Scripted) -> None:
    store.files["p"] = b"whole"
    assert keeper.take_over("p", b"thin", lambda there: there == b"whole") == "s3://bucket/results/p"
    assert store.files["p"] == b"whole"
    keeper.take_over("p", b"thin", lambda there: there == b"another")
    assert store.files["p"] == b"thin"
    assert counts(keeper) == {"done": 0, "failed": 0, "skipped": 0}, "the ends of runs alone are counted"


def test_who_takes_over_leaves_the_store_alone_after_a_failure_and_finds_out_when_it_is_back(
        keeper: Keeper, store: Scripted, clock: Clock) -> None:
    store.problem = "bucket away"
    with pytest.raises(StoreError, match="bucket away"):
        keeper.take_over("p", b"x")
    store.problem = ""
    with pytest.raises(StoreError, match="bucket away"):
        keeper.keep("q", lambda: b"y")
    assert store.calls == 1
    clock.now_s += PAUSE_S
    keeper.take_over("p", b"x")
    keeper.keep("q", lambda: b"y")
    assert store.files == {"p": b"x", "q": b"y"}


def test_the_pause_is_shorter_than_a_rule_that_tells_of_it() -> None:
    assert keepers.TIMEOUT_S + PAUSE_S < 120

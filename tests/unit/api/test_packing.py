"""A record as it is kept: the same bytes for the same record, and bounds on what is unpacked of other bytes."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.api import packing
from shapebench.api.packing import Bounds
from shapebench.api.record import Cell, Phase, PodRecord, RunRecord, Times, Verdict

RECORD = RunRecord(benchmark="one", namespace="lab", run="one-1-1", backend="kubernetes", cell=Cell(shape="s"),
                   workers=1, cpu=1, memory_bytes=1, block=1, repetition=1, position=1, attempt=1,
                   phase=Phase.SUCCEEDED, verdict=Verdict.VALID, times=Times())
PACKED = packing.packed(RECORD)
TEXT = gzip.decompress(PACKED)


def test_a_record_comes_back_and_its_bytes_are_always_the_same() -> None:
    assert packing.unpacked(PACKED) == RECORD
    assert packing.packed(packing.unpacked(PACKED)) == PACKED
    assert packing.unpacked_bytes(PACKED) == len(TEXT)


@pytest.mark.parametrize(("data", "words"), [
    pytest.param(b"", "it is not one whole gzip stream", id="empty"),
    pytest.param(b"{}", "incorrect header check", id="not-packed"),
    pytest.param(PACKED[:-20], "it is not one whole gzip stream", id="cut-off"),
    pytest.param(PACKED + PACKED, "it is not one whole gzip stream", id="two-in-one"),
    pytest.param(gzip.compress(b" " * 2**20 + TEXT), "it unpacks to more than 1 MiB", id="padded"),
    pytest.param(gzip.compress(TEXT[:-1] + b"," + b"[]," * 60_000 + b"}"), "it holds more than 50000 values",
                 id="many-values"),
])
def test_what_is_no_record_is_refused(data: bytes, words: str) -> None:
    bounds = Bounds(2**20, 50_000)
    with pytest.raises(ValueError, match=f"not a record: .*{words}"):
        packing.unpacked(data, bounds)


def test_the_bounds_are_inclusive() -> None:
    assert packing.unpacked(PACKED, Bounds(len(TEXT), 1000)) == RECORD


@given(st.integers(0, 3), st.text(",[{é", max_size=5))
def test_what_a_record_unpacks_to_is_known_when_it_is_packed(pods: int, text: str) -> None:
    one = PodRecord(pod="a", role="worker", index=0, counters="none", agent_started_s=1.0, exit_code=0, message=text)
    made = packing.weighed(RECORD, [one] * pods)
    assert len(packing.unpacked(made.data).pods) == pods
    size = Bounds(made.text_bytes, made.values)
    assert packing.unpacked(made.data, size)
    for less in (Bounds(size.text_bytes - 1, size.values), Bounds(size.text_bytes, size.values - 1)):
        assert not made.is_within(less)
        with pytest.raises(ValueError, match=r"it (unpacks to|holds) more than"):
            packing.unpacked(made.data, less)
    assert made.is_within(size)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_the_answer_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        packing.unpacked(data)


def test_a_small_file_that_says_it_is_large_takes_no_more_memory_than_its_bound() -> None:
    bomb = gzip.compress(bytes(400 * 2**20), compresslevel=1)
    assert len(bomb) < 2 * 2**20
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="it unpacks to more than 64 MiB"):
            packing.unpacked(bomb, packing.IN_CONFIG_MAP)
        assert tracemalloc.get_traced_memory()[1] < 3 * packing.IN_CONFIG_MAP.text_bytes
    finally:
        tracemalloc.stop()

"""A record pod by pod is the same record but for measurements, and never whole in memory."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.remote_write.made import pod, run

from shapebench.api import packing, streamed
from shapebench.api.packing import Bounds
from shapebench.api.record import Measurement
from shapebench.api.streamed import StreamedRecord
from shapebench.remote_write import message, names
from shapebench.remote_write.run import Choice, FinishedRun, time_series

TEXTS = st.text(max_size=20) | st.sampled_from(
    [',"pods":[', '"}]}', "\\", '"', ',{"version":', "é😀", ',"measurements":[', '],"environment"', "],"])
SAMPLES = 600


@given(st.lists(st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=4), st.dictionaries(TEXTS, TEXTS, max_size=3),
       st.integers(1, 50))
def test_it_is_the_record(told: list[dict[str, str]], environment: dict[str, str], chunk_chars: int) -> None:
    """Whatever its texts are, and wherever a piece of it ends."""
    pods = tuple(pod(number, environment=one, message=" ".join(one), measurements=(
        Measurement(parameters=dict(one), values=dict.fromkeys(one, 1.5)),)) for number, one in enumerate(told))
    record = run(*pods, environment=environment, measurements=tuple(row for one in pods for row in one.measurements))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "_CHUNK_CHARS", chunk_chars)
        patch.setattr(streamed, "_UNCOUNTED", chunk_chars)
        found = StreamedRecord(packing.packed(record))
        assert found.head == record.model_copy(update={"pods": (), "measurements": ()})
        assert tuple(found) == tuple(found) == tuple(one.model_copy(update={"measurements": ()}) for one in pods)


@pytest.mark.parametrize("lost", [
    pytest.param(b"", id="from-before-they-were-told"),
    pytest.param(b',"lost_attempts":[]', id="none"),
    pytest.param(b',"lost_attempts":[{"message":",\\"pods\\":[","pod_records":[{"pod":"a"}]}]', id="one"),
])
@pytest.mark.parametrize("chunk_chars", [5, 2**16])
def test_lost_attempts_are_left_out(lost: bytes, chunk_chars: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "_CHUNK_CHARS", chunk_chars)
    monkeypatch.setattr(streamed, "_UNCOUNTED", chunk_chars)
    text = gzip.decompress(packing.packed(run(pod()))).replace(b',"lost_attempts":[]', b"")
    found = StreamedRecord(gzip.compress(text.replace(b',"pods":[', lost + b',"pods":[')))
    assert (found.head, tuple(found)) == (run(), (pod(),))


PACKED = packing.packed(run(pod(0), pod(1)))
TEXT = gzip.decompress(PACKED)


@pytest.mark.parametrize("data", [
    pytest.param(b"", id="nothing"),
    pytest.param(b"x" * 100, id="not-gzip"),
    pytest.param(PACKED[:-9], id="cut"),
    pytest.param(PACKED[:200], id="cut-early"),
    pytest.param(PACKED[:-8] + bytes(8), id="wrong-sum"),
    pytest.param(gzip.compress(TEXT[:-2]), id="no-end"),
    pytest.param(gzip.compress(TEXT[:-200]), id="text-cut"),
    pytest.param(gzip.compress(TEXT + b"x"), id="goes-on"),
    pytest.param(gzip.compress(TEXT.replace(b'},{"version"', b'};{"version"')), id="something-between"),
    pytest.param(gzip.compress(TEXT.replace(b'"role"', b'"rule"')), id="another-version"),
    pytest.param(gzip.compress(TEXT.replace(b"lab", b"l\xffb")), id="not-utf-8"),
    pytest.param(gzip.compress(b"{}"), id="no-pods"),
    pytest.param(gzip.compress(TEXT[:TEXT.index(b'"pods":[') + 8] + b"[" * 100_000), id="lists-in-lists"),
])
def test_damage_is_said(data: bytes) -> None:
    with pytest.raises(ValueError):
        list(StreamedRecord(data))


@pytest.mark.parametrize("data", [
    pytest.param(gzip.compress(b'{"a":"' + b"x" * 40 * 2**20), id="head"),
    pytest.param(gzip.compress(b"[]," * 10 * 2**20), id="values-of-the-head"),
    pytest.param(gzip.compress(TEXT[:TEXT.index(b'"pods":[') + 8] + b"[]," * 2**23), id="not-pods"),
    pytest.param(gzip.compress(TEXT[:TEXT.index(b'"pods":[') + 8] + b"[" + b"[]," * 2**23), id="values-of-a-pod"),
    pytest.param(gzip.compress(TEXT[:TEXT.index(b'"pods":[') + 8] + b'{"a":"' + b"x" * 40 * 2**20), id="a-pod"),
])
def test_what_would_become_too_large_is_refused(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"not a record|validation error"):
        list(StreamedRecord(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 2**20


def test_many_rows_take_no_memory() -> None:
    """Of all pods together the operator lets 8 MiB through."""
    rows = (Measurement(parameters={}, values={"a": 0.5}),) * 100_000
    one = pod().model_copy(update={"measurements": rows})
    found = StreamedRecord(packing.packed_with(run().model_copy(update={"measurements": rows}), [one]))
    tracemalloc.start()
    assert (found.head, tuple(found)) == (run(), (pod(),))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_bomb_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "IN_STORE", Bounds(len(TEXT) - 1, 1000))
    with pytest.raises(ValueError, match="unpacks to more than"):
        list(StreamedRecord(PACKED))


def large(pods: int) -> bytes:
    """The record of a run whose pods have all the samples that they may have."""
    series = {"time_s": [100.0 + second for second in range(SAMPLES)],
              "columns": {name: [number * 1.1 for number in range(SAMPLES)] for name in names.SUFFIXES}}
    one = pod(series=series, program_finished_s=100.0 + SAMPLES, measured_finished_s=100.0 + SAMPLES)
    return packing.packed_with(run(), (one.model_copy(update={"index": number}) for number in range(pods)))


def peak_bytes(pods: int) -> int:
    """What it takes at most to send all of such a run, beside its gzipped record."""
    record = StreamedRecord(large(pods))
    tracemalloc.start()
    sent = message.requests(time_series(FinishedRun(record.head, record, "Valid", 0.0), Choice()))
    samples = sum(len(one.points) for request in sent for one in request)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert samples > pods * len(names.SUFFIXES) * SAMPLES
    return peak


def test_a_large_run_is_sent_in_the_memory_of_a_small_one() -> None:
    peak_bytes(1)  # imports
    assert peak_bytes(24) < 1.3 * peak_bytes(6)

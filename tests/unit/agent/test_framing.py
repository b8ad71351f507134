"""The record in log lines and back, whatever else is in the log."""

from __future__ import annotations

import base64
import gzip
import json
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapebench.agent import framing
from shapebench.api import wire

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2**53, 2**53) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20)
records = st.dictionaries(st.text(), json_values, max_size=5)
other_lines = st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])), max_size=5)


def encoded(record: dict[str, object]) -> list[str]:
    return framing.encode(framing.dumps(record))


@settings(max_examples=40)
@given(records, other_lines, other_lines)
def test_round_trip(record: dict[str, object], before: list[str], after: list[str]) -> None:
    log = "\n".join([*before, *encoded(record), *after])
    assert framing.decode(log) == record


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_any_text_can_be_written_again(texts: dict[str, str]) -> None:
    """Python itself makes texts that are no Unicode, of file names."""
    for read in (framing.loads(json.dumps(texts)), json.loads(framing.dumps(texts))):
        json.dumps(read, ensure_ascii=False).encode()
        assert read == {name.encode(errors="replace").decode(): text.encode(errors="replace").decode()
                        for name, text in texts.items()}


def big() -> dict[str, object]:
    """A record of several lines."""
    rng = random.Random(7)
    return {"numbers": [rng.random() for _ in range(4000)]}


def test_long_records_take_several_short_lines() -> None:
    lines = encoded(big())
    assert len(lines) > 2
    assert max(map(len, lines)) < wire.RECORD_LINE_PAYLOAD_CHARS + 40
    mixed = "\n".join(line for pair in lines for line in (pair, "another writer's line"))
    assert framing.decode(mixed) == big()


def test_what_a_log_reader_puts_before_a_line_does_not_matter() -> None:
    lines = [f"2026-11-01T10:00:00.123456789Z {line}\r" for line in encoded({"a": 1})]
    assert framing.decode("\n".join(lines)) == {"a": 1}


def test_the_last_record_counts() -> None:
    log = [*encoded(big()), *encoded({"a": 1}), *encoded({"a": 2})]
    assert framing.decode("\n".join(log)) == {"a": 2}


def test_a_log_without_a_record() -> None:
    assert framing.decode("hello\nSHAPEBENCH-RECORD\nSHAPEBENCH-RECORD x/y zzz\n") is None


@pytest.mark.parametrize("lost", [pytest.param(slice(1, None), id="first"), pytest.param(slice(None, -1), id="last")])
def test_a_missing_line_is_an_error(lost: slice) -> None:
    with pytest.raises(framing.FramingError, match="missing"):
        framing.decode("\n".join(encoded(big())[lost]))


def test_a_damaged_line_is_an_error() -> None:
    [line] = encoded({"a": "some text that is long enough"})
    for broken in (line[:-8], line[:40] + "AAAA" + line[44:], line[:40] + "#" + line[41:]):
        with pytest.raises(framing.FramingError, match="damaged"):
            framing.decode(broken)


def test_same_record_same_lines() -> None:
    assert encoded(big()) == encoded(big())


def lines_of(text: bytes) -> str:
    """A log with this as the JSON of a record, true or not."""
    return f"{wire.RECORD_LINE_PREFIX}1/1 {base64.b64encode(gzip.compress(text)).decode()}"


@pytest.mark.parametrize(("log", "problem"), [
    pytest.param(lines_of(b'{"a":"' + b" " * 50_000_000 + b'"}'), "unpack to more than", id="unpacks-to-50-MB"),
    pytest.param(lines_of(b'{"a":[' + b"[]," * 2_000_000 + b"[]]}"), "more than 500000 values", id="many-values"),
    pytest.param(lines_of(b'{"a":' * 100_000), "damaged", id="deep"),
    pytest.param(f"{wire.RECORD_LINE_PREFIX}1/999999 AAAA", "missing", id="claims-many-lines"),
])
def test_a_log_cannot_take_the_readers_memory(log: str, problem: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(framing.FramingError, match=problem) as refused:
            framing.decode(log)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()
    assert len(str(refused.value)) < 200


def test_a_count_of_very_many_digits_is_another_writers_line() -> None:
    log = "\n".join([*encoded({"a": 1}), f"{wire.RECORD_LINE_PREFIX}1/{'9' * 5000} AAAA"])
    assert framing.decode(log) == {"a": 1}


def test_a_record_of_many_measurements_is_far_below_the_limits() -> None:
    rows = [{"parameters": {"step": number}, "values": {"loss": number / 7, "seconds": 0.125}}
            for number in range(20_000)]
    assert framing.decode("\n".join(encoded({"measurements": rows}))) == {"measurements": rows}

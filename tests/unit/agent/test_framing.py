"""The record in log lines and back, whatever else is in the log."""

from __future__ import annotations

import random

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


@settings(max_examples=40, deadline=None)
@given(records, other_lines, other_lines)
def test_round_trip(record: dict[str, object], before: list[str], after: list[str]) -> None:
    log = "\n".join([*before, *framing.encode(record), *after])
    assert framing.decode(log) == record


def big() -> dict[str, object]:
    """A record of several lines."""
    rng = random.Random(7)
    return {"numbers": [rng.random() for _ in range(4000)]}


def test_long_records_take_several_short_lines() -> None:
    lines = framing.encode(big())
    assert len(lines) > 2
    assert max(map(len, lines)) < wire.RECORD_LINE_PAYLOAD_CHARS + 40
    mixed = "\n".join(line for pair in lines for line in (pair, "another writer's line"))
    assert framing.decode(mixed) == big()


def test_what_a_log_reader_puts_before_a_line_does_not_matter() -> None:
    lines = [f"2026-11-01T10:00:00.123456789Z {line}\r" for line in framing.encode({"a": 1})]
    assert framing.decode("\n".join(lines)) == {"a": 1}


def test_the_last_record_counts() -> None:
    log = [*framing.encode(big()), *framing.encode({"a": 1}), *framing.encode({"a": 2})]
    assert framing.decode("\n".join(log)) == {"a": 2}


def test_a_log_without_a_record() -> None:
    assert framing.decode("hello\nSHAPEBENCH-RECORD\nSHAPEBENCH-RECORD x/y zzz\n") is None


@pytest.mark.parametrize("lost", [pytest.param(slice(1, None), id="first"), pytest.param(slice(None, -1), id="last")])
def test_a_missing_line_is_an_error(lost: slice) -> None:
    with pytest.raises(framing.FramingError, match="missing"):
        framing.decode("\n".join(framing.encode(big())[lost]))


def test_a_damaged_line_is_an_error() -> None:
    [line] = framing.encode({"a": "some text that is long enough"})
    for broken in (line[:-8], line[:40] + "AAAA" + line[44:], line[:40] + "#" + line[41:]):
        with pytest.raises(framing.FramingError, match="damaged"):
            framing.decode(broken)


def test_same_record_same_lines() -> None:
    assert framing.encode(big()) == framing.encode(big())

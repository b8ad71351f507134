"""Timestamps of the API server's objects, there and back."""

from __future__ import annotations

import pytest

from shapebench.api import moments


@pytest.mark.parametrize(("text", "seconds"), [
    pytest.param("1970-01-01T00:00:00Z", 0.0, id="seconds"),
    pytest.param("1970-01-01T01:00:00.250000Z", 3600.25, id="micro-time"),
    pytest.param("1970-01-01T02:00:00+02:00", 0.0, id="offset"),
    pytest.param(None, None, id="none"),
])
def test_a_timestamp_is_unix_seconds(text: str | None, seconds: float | None) -> None:
    assert moments.unix_s(text) == seconds


def test_a_timestamp_is_in_utc_to_the_second() -> None:
    assert moments.timestamp(1_700_000_000.9) == "2023-11-14T22:13:20Z"
    assert moments.unix_s(moments.timestamp(1_700_000_000.9)) == 1_700_000_000


def test_another_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="Invalid isoformat string: 'soon'"):
        moments.unix_s("soon")

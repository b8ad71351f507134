"""Numbers as people read them."""

import pytest

from shapebench.report import units


@pytest.mark.parametrize(("value", "text"), [
    (None, "–"), (0, "0 s"), (0.01234, "0.0123 s"), (0.5, "0.500 s"), (9.999, "10.0 s"), (12.34, "12.3 s"),
    (312.4, "312 s"), (7500, "2 h 5 min"),
])
def test_seconds(value: float | None, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [
    (None, "–"), (0, "0 B"), (999, "999 B"), (1500, "1.50 kB"), (999_600, "1.00 MB"), (35_640_000, "35.6 MB"),
    (3e12, "3.00 TB"),
])
def test_sizes(value: float | None, text: str) -> None:
    assert units.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(7.61e-5, "0.0000761"), (1.5, "1.50"), (1500, "1,500")])
def test_money_is_never_written_with_an_exponent(value: float, text: str) -> None:
    assert units.money(value) == text


@pytest.mark.parametrize(("text", "tick"), [
    ("2.00 s", "2 s"), ("0.500 s", "0.5 s"), ("40.0 MB", "40 MB"), ("100 B", "100 B"), ("0", "0"), ("1,000", "1,000"),
])
def test_axes_lose_zeros_that_say_nothing(text: str, tick: str) -> None:
    assert units.tick(text) == tick

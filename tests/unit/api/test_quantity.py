"""Quantities as people write them, as numbers, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shapebench.api import quantity


@given(some.integers(1, 10_000_000))
def test_cpu_text_and_back(millicores: int) -> None:
    assert quantity.cpu_cores(quantity.cpu_text(millicores / 1000)) == millicores / 1000


@given(some.integers(0, 59))
def test_seconds_and_back(seconds: int) -> None:
    assert quantity.duration_s(quantity.duration_text(seconds)) == seconds


@given(some.integers(0, 99), some.integers(0, 59), some.integers(0, 59))
def test_a_duration_loses_at_most_its_seconds(hours: int, minutes: int, seconds: int) -> None:
    whole = hours * 3600 + minutes * 60 + seconds
    assert quantity.duration_s(quantity.duration_text(whole)) == (whole - seconds if hours else whole)


@pytest.mark.parametrize(("text", "cores"), [("2", 2), (2, 2), ("0.5", 0.5), ("500m", 0.5), ("1500m", 1.5)])
def test_cpu_cores(text: str | int, cores: float) -> None:
    assert quantity.cpu_cores(text) == cores


@pytest.mark.parametrize(("text", "size_bytes"), [
    ("1Ki", 1024), ("1k", 1000), ("1.5Gi", 3 * 2**29), (1024, 1024), ("2T", 2 * 10**12)])
def test_memory_bytes(text: str | int, size_bytes: int) -> None:
    assert quantity.memory_bytes(text) == size_bytes


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h1m1s", 3661)])
def test_duration_s(text: str, seconds: int) -> None:
    assert quantity.duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "30s5m", "-5m", "1d", "5m\n", "1.5h"])
def test_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        quantity.duration_s(text)


@pytest.mark.parametrize("text", ["", "two", "1.2345", "-1", "0.5m", "1e3", "500M", "1\n"])
def test_not_a_cpu_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="write cores"):
        quantity.cpu_cores(text)


@pytest.mark.parametrize("text", ["", "2GB", "-1Gi", "1 Gi", "2gi", "1Gi\n"])
def test_not_a_memory_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="write for example"):
        quantity.memory_bytes(text)


@pytest.mark.parametrize(("cores", "slots"), [(0.25, 1), (1, 1), (1.5, 2), (8, 8)])
def test_task_slots(cores: float, slots: int) -> None:
    assert quantity.task_slots(cores) == slots

"""How far apart the samples of a record are, as the page of metrics says it, by the agent's own series."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from shapebench.agent.counters import Usage
from shapebench.agent.sampler import SERIES_LIMIT
from shapebench.agent.series import Sample, Series

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "metrics.md").read_text()


def distance_s(life_s: float, interval_s: float) -> float:
    """Between the samples that the agent keeps of a pod's life."""
    series = Series(SERIES_LIMIT)
    for number in range(round(life_s / interval_s)):
        series.add(Sample(number * interval_s, Usage(cpu_seconds=1.0), 1))
    times, _ = series.columns()
    distances = {round(after - before, 3) for before, after in pairwise(times)}
    assert len(distances) == 1
    return distances.pop()


def row(start: str) -> list[str]:
    (found,) = (line for line in PAGE.splitlines() if line.startswith(f'| `source="record"`, {start}'))
    return found.strip("| ").split(" | ")


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"`?\[?([\d.]+) ?(ms|s)\]?`?", text).groups()  # type: ignore[union-attr]
    return float(number) / (1000 if unit == "ms" else 1)


def test_a_short_interval_is_kept_for_600_of_its_samples() -> None:
    first, told, ranges = row("`sampleInterval` of 100 ms")
    lives_min = [float(one) for one in re.findall(r"\d+", first.partition("up to")[2])]
    found = [distance_s(60 * life_min, 0.1) for life_min in lives_min]
    assert len(found) == 4
    assert found == [seconds(one) for one in told.split(", ")]
    assert [2 * one for one in found] == pytest.approx([seconds(one) for one in ranges.split(", ")])


@pytest.mark.parametrize(("life_s", "interval_s", "words"), [
    pytest.param(600, 1.0, "ten minutes at 1 s | `sampleInterval` | `[2s]`", id="ten-minutes"),
    pytest.param(1800, 1.0, "half an hour is a sample every 4 s", id="half-an-hour"),
    pytest.param(1800, 1.0, "`[8s]` for half an hour", id="half-an-hours-range"),
    pytest.param(1800, 0.1, "or every 3.2 s with a `sampleInterval` of 100 ms", id="half-an-hour-at-100-ms"),
    pytest.param(7200, 1.0, "`[32s]` for 2 hours", id="two-hours-range"),
])
def test_what_is_said_of_other_lives(life_s: float, interval_s: float, words: str) -> None:
    assert words in PAGE
    distance = distance_s(life_s, interval_s)
    (told,) = re.findall(r"(?:every |\[)([\d.]+) ?s", words)
    assert float(told) == pytest.approx(distance * (2 if "[" in words else 1))

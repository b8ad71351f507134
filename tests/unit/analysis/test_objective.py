"""The objective's value of a run."""

import math

import pytest

from shapebench.analysis import objective

ROWS = ({"images_per_s": 10.0}, {"images_per_s": 30.0, "loss": 0.5}, {"images_per_s": 20.0}, {"images_per_s": math.nan})


@pytest.mark.parametrize(("metric", "expected"), [
    ("duration", 3.0), ("cost", 0.2), ("measurement.images_per_s", 20.0), ("measurement.loss", 0.5),
    ("measurement.missing", None),
])
def test_value_of_a_metric(metric: str, expected: float | None) -> None:
    assert objective.value(metric, 3.0, 0.2, ROWS) == expected


@pytest.mark.parametrize("duration_s", [None, 0.0, -5.0, math.nan, math.inf])
@pytest.mark.parametrize("metric", ["duration", "cost"])
def test_a_time_that_cannot_be_is_no_value_and_has_no_cost(metric: str, duration_s: float | None) -> None:
    """As in records of versions that did not look."""
    assert objective.value(metric, duration_s, -0.2, ROWS) is None
    assert objective.value("measurement.loss", duration_s, -0.2, ROWS) == 0.5


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"duration, cost and measurement\.NAME"):
        objective.value("speed", 3.0, 0.2, ROWS)

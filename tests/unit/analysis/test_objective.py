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


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"duration, cost and measurement\.NAME"):
        objective.value("speed", 3.0, 0.2, ROWS)

"""The example of docs/concepts/cost.md, with the numbers that the code comes to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shapebench.api import cost, wire
from shapebench.api.benchmark import Shape
from shapebench.api.workload import Workload

PAGE = (Path(__file__).parents[3] / "docs/concepts/cost.md").read_text()
WORKLOAD = Workload.model_validate({"spark": {"job": "sort", "driver": {"pricePerHour": "0.03"}}})
SHAPE = Shape(name="4x1", workers=4, cpu="1", memory="1Gi", price_per_hour="0.05")


def test_the_examples_numbers_are_those_of_the_code() -> None:
    for words in ("Four workers at 0.05 an hour and a driver at 0.03: the gang costs 0.23 an hour",
                  "6 s after the driver", "15 s later the measured part", "it takes 90 s", "all pods end 3 s after it"):
        assert words in " ".join(PAGE.split())
    told = {name: float(value) for name, value in re.findall(r"^    (cost\w*) .* = ([0-9.]+)$", PAGE, re.MULTILINE)}
    per_hour = cost.gang_per_hour(WORKLOAD, SHAPE)
    assert per_hour == pytest.approx(0.23)
    assert told["cost"] == pytest.approx(cost.of_time(per_hour, 90.0))
    held_s = {wire.ROLE_DRIVER: 6.0 + 15 + 90 + 3, wire.ROLE_EXECUTOR: 4 * (15.0 + 90 + 3)}
    spent = sum(cost.of_time(cost.pod_per_hour(WORKLOAD, SHAPE, role), seconds) or 0.0
                for role, seconds in held_s.items())
    assert told["costSpent"] == pytest.approx(spent)

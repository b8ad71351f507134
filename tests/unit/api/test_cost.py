"""Prices of pods and gangs, and the parts of a run's time."""

from __future__ import annotations

import pytest

from shapebench.api import cost, wire
from shapebench.api.benchmark import Shape
from shapebench.api.phases import Phases, of_times
from shapebench.api.record import Times
from shapebench.api.workload import Workload

SPARK = {"spark": {"job": "sort", "driver": {"pricePerHour": "0.03"}}}
UNPRICED_DRIVER = {"spark": {"job": "sort"}}
TENSORFLOW = {"tensorflow": {"job": "train", "parameterServers": 2}}


def shape(price: str | None) -> Shape:
    return Shape(name="4x1", workers=4, cpu="1", memory="1Gi", price_per_hour=price)


@pytest.mark.parametrize(("workload", "price", "per_hour"), [
    pytest.param(SPARK, "0.05", 0.23, id="four-workers-and-their-driver"),
    pytest.param(UNPRICED_DRIVER, "0.05", 0.20, id="a-driver-without-a-price-is-not-counted"),
    pytest.param(TENSORFLOW, "0.05", 0.30, id="parameter-servers-have-a-workers-size-and-price"),
    pytest.param(SPARK, None, None, id="not-priced"),
    pytest.param(TENSORFLOW, "0", 0.0, id="free-of-charge"),
])
def test_the_price_of_a_gang(workload: dict[str, object], price: str | None, per_hour: float | None) -> None:
    parsed = Workload.model_validate(workload)
    found = cost.gang_per_hour(parsed, shape(price))
    assert found == (None if per_hour is None else pytest.approx(per_hour))
    roles = {"spark": [wire.ROLE_DRIVER, *[wire.ROLE_EXECUTOR] * 4],
             "tensorflow": [*[wire.ROLE_WORKER] * 4, *[wire.ROLE_PARAMETER_SERVER] * 2]}[parsed.kind]
    by_pod = [cost.pod_per_hour(parsed, shape(price), role) for role in roles]
    assert found is None or found == pytest.approx(sum(one or 0.0 for one in by_pod)), "a gang is the sum of its pods"


@pytest.mark.parametrize(("times", "parts"), [
    pytest.param(Times(created_s=10.0, started_s=15.0), Phases(0.0, 5.0), id="nothing-holds-it-back"),
    pytest.param(Times(created_s=10.0, admitted_s=70.0, started_s=75.0), Phases(60.0, 5.0), id="a-queue"),
    pytest.param(Times(created_s=10.0, attempt_created_s=100.0, admitted_s=130.0, started_s=135.0), Phases(30.0, 5.0),
                 id="the-last-attempts"),
    pytest.param(Times(created_s=10.0, admitted_s=70.0), Phases(60.0, None), id="it-never-started"),
    pytest.param(Times(), Phases(None, None), id="nothing-is-known"),
    pytest.param(Times(created_s=10.0, started_s=9.9), Phases(0.0, 0.0), id="clocks-differ"),
])
def test_queue_and_start_up_are_told_apart(times: Times, parts: Phases) -> None:
    assert of_times(times) == parts

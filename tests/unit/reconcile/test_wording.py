"""What `kubectl` shows of a run: numbers that fit in a column."""

import pytest

from shapebench.api.benchmark import Shape
from shapebench.api.record import Cell
from shapebench.plan.expand import PlannedRun
from shapebench.reconcile import wording


@pytest.mark.parametrize(("value", "written"), [
    pytest.param(None, None, id="unknown"),
    pytest.param(0.0, 0.0, id="nothing"),
    pytest.param(0.0028184104296896193, 0.00281841, id="a-short-run"),
    pytest.param(5.5555555555e-7, 5.55556e-07, id="a-cheap-one-is-not-nothing"),
    pytest.param(1234567.891234567, 1234567.891235, id="a-dear-one-keeps-its-cents"),
])
def test_money(value: float | None, written: float | None) -> None:
    assert wording.money(value) == written


@pytest.mark.parametrize(("value", "written"), [(None, None), (3.3761341343955994, 3.376), (0.0, 0.0)])
def test_seconds(value: float | None, written: float | None) -> None:
    assert wording.seconds(value) == written


def test_a_run_is_told_with_its_values_as_the_file_has_them() -> None:
    cell = Cell(shape="4x1", parameters={"format": "tfrecord", "cached": True})
    run = PlannedRun("read-1-3", cell, Shape(name="4x1", workers=4, cpu="1", memory="1Gi"), 1, 1, 3)
    assert wording.describe(run) == "read-1-3 (4x1, format=tfrecord, cached=true)"

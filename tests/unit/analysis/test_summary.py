"""The summary of cells: statistics over valid runs only, honest intervals, one best cell."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.analysis import summary
from shapebench.analysis.summary import Observation
from shapebench.api.record import Cell, Reason, Verdict

A, B = Cell(shape="a"), Cell(shape="b", parameters={"format": "tfrecord", "cached": True})


def valid(cell: Cell, *values: float) -> list[Observation]:
    return [Observation(cell, value, Verdict.VALID) for value in values]


def test_statistics_of_a_cell() -> None:
    (one,) = summary.cells(valid(A, 4.0, 1.0, 3.0, 2.0))
    assert (one.n, one.median, one.minimum, one.maximum) == (4, 2.5, 1.0, 4.0)
    assert one.interval is None


def test_only_valid_runs_count_and_all_others_are_told() -> None:
    (one,) = summary.cells([
        *valid(A, 2.0),
        Observation(A, 1.0, Verdict.WARMUP),
        Observation(A, 0.1, Verdict.FAILED, Reason.RUN_TIMEOUT),
        Observation(A, None, Verdict.FAILED, Reason.RUN_TIMEOUT),
        Observation(A, None, Verdict.FAILED, Reason.WRONG_ANSWER),
        Observation(A, 9.0, Verdict.RETRIED),
        Observation(A, None, Verdict.VALID),
    ])
    assert one.values == (2.0,)
    assert one.failures == {"RunTimeout": 2, "WrongAnswer": 1}
    assert one.failed == 3
    assert one.excluded == {"Warmup": 1, "Retried": 1, "NoValue": 1}


def test_a_cell_without_a_valid_run_has_no_numbers() -> None:
    (one,) = summary.cells([Observation(A, None, Verdict.FAILED, Reason.PROGRAM_FAILED)])
    assert (one.n, one.median, one.minimum, one.maximum, one.interval) == (0, *[None] * 4)
    assert summary.best([one]) is None


@pytest.mark.parametrize(("goal", "expected"), [("Minimize", "a"), ("Maximize", "b")])
def test_the_best_cell_follows_the_goal(goal: summary.Goal, expected: str) -> None:
    nothing = [Observation(Cell(shape="c"), None, Verdict.FAILED)]
    found = summary.best(summary.cells([*nothing, *valid(A, 1, 2, 9), *valid(B, 3, 4, 5)]), goal)
    assert found is not None
    assert found.cell.shape == expected


def test_of_equal_cells_the_first_is_best_and_those_without_runs_come_last() -> None:
    nothing = [Observation(Cell(shape="c"), None, Verdict.FAILED)]
    ranked = summary.ranked(summary.cells([*nothing, *valid(B, 1), *valid(A, 1)]))
    assert [one.cell.shape for one in ranked] == ["b", "a", "c"]


@pytest.mark.parametrize(("n", "rank"), [
    pytest.param(5, None, id="five-are-too-few"),
    pytest.param(6, 1, id="six-give-the-range"),
    pytest.param(8, 1, id="eight"),
    pytest.param(9, 2, id="nine"),
    pytest.param(12, 3, id="twelve"),
    pytest.param(20, 6, id="twenty"),
    pytest.param(100, 40, id="hundred"),
])
def test_interval_takes_the_ranks_of_the_published_tables(n: int, rank: int | None) -> None:
    interval = summary.median_interval([float(value) for value in range(1, n + 1)])
    assert (interval and (interval.low, interval.high)) == (rank and (rank, n + 1 - rank))


def test_the_interval_covers_the_true_median_as_often_as_it_says() -> None:
    generator = random.Random(7)
    covered = 0
    for _ in range(2000):
        interval = summary.median_interval([generator.expovariate(1) for _ in range(10)])
        assert interval is not None
        covered += interval.low <= math.log(2) <= interval.high
    assert 0.965 < covered / 2000 < 0.99  # the ranks 2 and 9 of 10 cover with 97.9 %


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=60))
def test_the_interval_holds_the_median_and_lies_in_the_range(values: list[float]) -> None:
    (one,) = summary.cells(valid(A, *values))
    assert one.median is not None
    if one.interval is not None:
        assert min(values) <= one.interval.low <= one.median <= one.interval.high <= max(values)


@given(st.permutations(list(range(12))))
def test_the_order_of_runs_changes_no_statistic(order: list[int]) -> None:
    cells = [A, B, Cell(shape="c")]
    runs = [Observation(cells[number % 3], float(number), Verdict.VALID) for number in order]
    by_shape = {one.cell.shape: one for one in summary.cells(runs)}
    assert [by_shape[shape].median for shape in "abc"] == [4.5, 5.5, 6.5]


@pytest.mark.parametrize(("left", "right", "same"), [
    (1, 1.0, True), (1, "1", False), (1, True, False), ("true", True, False), (0.5, 0.5, True),
])
def test_which_values_make_the_same_cell(left: object, right: object, same: bool) -> None:
    cells = [Cell.model_validate({"shape": "a", "parameters": {"x": value}}) for value in (left, right)]
    assert (summary.key(cells[0]) == summary.key(cells[1])) is same


def test_a_cell_in_words() -> None:
    assert summary.cell_text(B) == "b format=tfrecord cached=true"

"""Lines through the runs: the numbers are scipy's, the points are the valid runs, and what is no line is refused."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from shapebench.analysis import fit_checks, regression
from shapebench.api.record import Flag, Verdict

RATE = "measurement.images_per_second"
SERIES = st.lists(st.tuples(st.integers(0, 50), st.floats(1, 1e4)), min_size=3, max_size=30)


def rates(*values: float) -> list[tuple[dict[str, object], dict[str, float]]]:
    return [({"pass": number}, {"images_per_second": value}) for number, value in enumerate(values, 1)]


def test_the_line_is_linregress_and_its_interval_is_the_textbooks() -> None:
    # Montgomery's rocket propellant (example 2.1): 20 batches, shear strength by age in weeks.
    age = [15.5, 23.75, 8, 17, 5.5, 19, 24, 2.5, 7.5, 11, 13, 3.75, 25, 9.75, 22, 18, 6, 12.5, 2, 21.5]
    strength = [2158.7, 1678.15, 2316, 2061.3, 2207.5, 1708.3, 1784.7, 2575, 2357.9, 2256.7, 2165.2, 2399.55, 1779.8,
                2336.75, 1765.3, 2053.5, 2414.4, 2200.5, 2654.2, 1753.7]
    found, expected = regression.fit(age, strength), stats.linregress(age, strength)
    assert (found.slope, found.intercept, found.r, found.p, found.stderr) == (
        expected.slope, expected.intercept, expected.rvalue, expected.pvalue, expected.stderr)
    assert (found.n, round(found.slope, 2), round(found.intercept, 2)) == (20, -37.15, 2627.82)
    assert (found.low, found.high) == (pytest.approx(-43.22, abs=0.01), pytest.approx(-31.08, abs=0.01))


@pytest.mark.parametrize(("xs", "ys", "reason"), [
    pytest.param([1, 2], [1, 2], "2 points are too few", id="two-points"),
    pytest.param([4, 4, 4], [1, 2, 3], "same value of the parameter", id="one-x"),
    pytest.param([1, 2, 3], [5, 5, 5], "measured the same", id="one-y"),
])
def test_what_makes_no_line_is_refused(xs: list[float], ys: list[float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        regression.fit(xs, ys)


def test_the_interval_covers_the_true_slope_as_often_as_it_says() -> None:
    random = np.random.default_rng(11)
    xs = np.repeat([2.0, 4.0, 6.0], 3)
    covered = sum(found.low <= 5 <= found.high for found in (
        regression.fit(xs, 100 + 5 * xs + random.normal(0, 7, 9)) for _ in range(1500)))
    assert 0.935 < covered / 1500 < 0.965


@given(SERIES, st.sampled_from([0.5, 3, -1, 1000]))
def test_scaling_x_scales_the_slope_and_nothing_else(series: list[tuple[int, float]], factor: float) -> None:
    xs, ys = [float(x) for x, _ in series], [y for _, y in series]
    assume(len(set(xs)) > 1 and max(ys) - min(ys) > 1e-3)
    one, other = regression.fit(xs, ys), regression.fit([x * factor for x in xs], ys)
    assert other.slope * factor == pytest.approx(one.slope, rel=1e-6, abs=1e-6)
    assert other.intercept == pytest.approx(one.intercept, rel=1e-6, abs=1e-4)
    assert other.r * math.copysign(1, factor) == pytest.approx(one.r, abs=1e-6)


def test_holm_adjusts_step_by_step_and_keeps_the_order() -> None:
    assert regression.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert regression.holm([0.9, 0.8]) == (1.0, 1.0)
    assert regression.holm([]) == ()


def test_a_benchmarks_parameter_gets_a_line_for_each_group_over_its_valid_runs(make_run) -> None:
    slopes = {"images": 10.0, "tfrecord": 100.0}
    records = [make_run({"format": name, "batchSize": size}, rates(50 + slope * size + offset))
               for name, slope in slopes.items() for size in (2, 4, 6) for offset in (-1, 0, 1)]
    records.append(make_run({"format": "images", "batchSize": 8}, rates(9999), verdict=Verdict.WARMUP))
    records.append(make_run({"format": "images", "batchSize": 8}, rates(9999), verdict=Verdict.FAILED))
    found = [line for line in regression.lines(records, "duration") if line.metric == RATE]
    assert [(line.factor, line.group, line.fit and line.fit.n) for line in found] == [
        ("batchSize", (("format", "images"),), 9), ("batchSize", (("format", "tfrecord"),), 9)]
    assert [round(line.fit.slope, 6) for line in found if line.fit] == [10, 100]


def test_a_grid_inside_one_run_is_seen_and_repeated_rows_are_one_point(make_run) -> None:
    grid = [({"format": name, "batch_size": size, "batches": batches, "repetition": repetition},
             {"images_per_second": 100 * size + batches + 1000 * (repetition == 3), "bytes": size * batches * 1e6})
            for name in ("images", "tfrecord") for size in (2, 4, 6) for batches in (3, 6, 8)
            for repetition in (1, 2, 3)]
    found = regression.lines([make_run({}, grid)], RATE)
    assert {(line.factor, dict(line.group)["format"]): line.fit and line.fit.n for line in found} == {
        (factor, name): 9 for factor in ("batch_size", "batches", "data read in MB") for name in ("images", "tfrecord")}
    assert found[0].fit is not None
    assert found[0].fit.slope == pytest.approx(100)  # the medians of the repetitions: the third row does not count


def test_a_rows_own_copy_of_the_benchmarks_parameter_is_the_same_parameter(make_run) -> None:
    records = [make_run({"batchSize": size}, [({"batch_size": size}, {"images_per_second": size + noise})])
               for size in (1, 2, 3) for noise in (0, 0.5)]
    assert {line.factor for line in regression.lines(records, RATE)} == {"batchSize"}


@pytest.mark.parametrize("values", [
    pytest.param(["a", "b", "c"], id="words"),
    pytest.param([True, False, True], id="truth-values"),
    pytest.param([3, 3, 3], id="one-number"),
])
def test_what_varies_no_number_has_no_lines(make_run, values: list[object]) -> None:
    records = [make_run({"x": value}, rates(number)) for number, value in enumerate(values, 1)]
    assert regression.lines(records, RATE) == ()


def test_too_few_runs_are_told_in_the_line(make_run) -> None:
    (line,) = regression.lines([make_run({"x": x}, rates(x)) for x in (1, 2)], RATE)
    assert (line.fit, line.refused) == (None, "2 points are too few for a line, which needs 3")


def test_the_objective_has_its_own_lines_and_shapes_are_groups(make_run) -> None:
    records = [make_run({"x": x}, rates(7 + x % 3), shape=shape, duration_s=x * factor + 1)
               for shape, factor in (("1x4", 2), ("4x1", 5)) for x in (1, 2, 3, 4)]
    slopes = {line.group: round(line.fit.slope, 6) for line in regression.lines(records, "duration")
              if line.metric == "duration" and line.fit}
    assert slopes == {(("shape", "1x4"),): 2, (("shape", "4x1"),): 5}


def test_a_data_set_size_that_hardly_differs_is_no_factor(make_run) -> None:
    records = [make_run({}, [({}, {"images_per_second": 5.0 + n, "bytes": 1e6 + n})]) for n in range(4)]
    assert regression.lines(records, RATE) == ()


@pytest.mark.parametrize(("doubtful", "warned"), [
    pytest.param((0, 1, 2, 3), True, id="every-run"),
    pytest.param((0, 1, 2), False, id="all-but-one"),
])
def test_a_line_through_doubtful_runs_alone_says_so(make_run, doubtful: tuple[int, ...], warned: bool) -> None:
    flags = (Flag(kind=Verdict.STEAL, message="the hypervisor kept back 9 %"),)
    records = [make_run({"x": x}, rates(y)).model_copy(update={"flags": flags if x in doubtful else ()})
               for x, y in enumerate((5.0, 6.1, 6.9, 8.0))]
    (line,) = regression.lines(records, RATE)
    assert (fit_checks.ALL_DOUBTFUL in line.warnings) == warned


def test_p_values_are_adjusted_over_all_lines_of_the_report(make_run) -> None:
    random = np.random.default_rng(3)
    records = [make_run({"x": x, "y": y}, rates(10 * x + random.normal())) for x in (1, 2, 3) for y in (1, 2, 3)]
    fits = [line.fit for line in regression.lines(records, RATE) if line.fit]
    assert [one.p_holm for one in fits] == list(regression.holm([one.p for one in fits]))
    assert len(fits) == 2


def test_factors_that_move_together_are_named(make_run) -> None:
    records = [make_run({"x": x, "z": x % 2}, [({}, {"images_per_second": 5.0 + x, "bytes": 3e6 * x})])
               for x in (1, 2, 3, 4)]
    assert regression.moving_together(records, RATE) == (("x", "data read in MB"),)

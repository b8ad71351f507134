"""The two checks of a line find what they are for, and keep still about good lines."""

import numpy as np
import pytest
from scipy import stats

from shapebench.analysis import fit_checks, regression


def warned(xs: list[float], ys: list[float]) -> tuple[str, ...]:
    line = regression.fit(xs, ys)
    return fit_checks.warnings(xs, ys, line.slope, line.intercept)


def test_a_curve_with_repetitions_is_no_line() -> None:
    xs = [1.0, 2, 4, 8] * 3
    ys = [100 / x + offset for offset in (-1, 0, 1) for x in (1, 2, 4, 8)]
    assert any("not a straight line" in one for one in warned(xs, ys))


def test_the_f_statistic_is_that_of_the_nested_models() -> None:
    xs, ys = [1.0, 1, 2, 2, 3, 3], [1.0, 2, 4, 6, 5, 5.5]
    line = regression.fit(xs, ys)
    p = fit_checks.lack_of_fit(xs, ys, line.slope, line.intercept)
    # By hand: means 1.5, 5, 5.25; line 0.1667 + 1.875 x; lack of fit 3.5208 on 1, pure error 2.625 on 3: F = 4.0238.
    assert p == pytest.approx(0.13848, abs=1e-4)


def test_one_run_far_out_is_named() -> None:
    assert any(one == "driven by one run, at 100" for one in warned([1, 2, 3, 4, 100], [5, 4, 6, 5, 90]))


def test_a_line_that_hangs_on_one_point_alone_is_named() -> None:
    assert warned([1, 1, 1, 1, 9], [5, 4, 6, 5, 90])[1:] == ("driven by one run, at 9",)


def test_two_values_are_two_groups_and_no_line() -> None:
    xs, ys = [2.0, 2, 2, 4, 4, 4], [10.0, 11, 10.5, 20, 21, 20.5]
    assert warned(xs, ys) == (fit_checks.TWO_VALUES,)
    # What the remark says of p: it is that of Student's t test of the two groups.
    assert regression.fit(xs, ys).p == pytest.approx(stats.ttest_ind(ys[:3], ys[3:]).pvalue)


def test_good_lines_are_seldom_warned_of() -> None:
    random = np.random.default_rng(5)
    xs = [float(x) for x in (2, 4, 6) for _ in range(3)]
    alarms = sum(bool(warned(xs, [10 + 3 * x + random.normal() for x in xs])) for _ in range(500))
    assert alarms / 500 < 0.07  # 1 % are lack of fit, some 4 % Cook's distance at n = 9


def test_without_repetitions_or_with_an_exact_line_there_is_nothing_to_say() -> None:
    assert fit_checks.lack_of_fit([1, 2, 3], [1, 2, 4], 1.5, -0.67) is None
    assert warned([1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3]) == ()

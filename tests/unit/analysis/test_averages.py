"""Averages: rates by total work over total time, never by their arithmetic mean."""

import pytest

from shapebench.analysis import averages
from shapebench.analysis.points import Reading

RATE = "images_per_second"


def test_a_rate_is_all_work_over_all_time() -> None:
    one = averages.of_readings(RATE, [Reading(100, 100, 1), Reading(10, 100, 10)], 2)
    assert (one.value, one.how, one.n, one.runs) == (pytest.approx(200 / 11), averages.TOTAL, 2, 2)


def test_without_work_and_time_a_rate_has_the_harmonic_mean() -> None:
    one = averages.of_readings(RATE, [Reading(100), Reading(10)], 1)
    assert (one.value, one.how) == (pytest.approx(2 / (1 / 100 + 1 / 10)), averages.HARMONIC)


def test_a_rate_of_nothing_has_no_average() -> None:
    assert averages.of_readings(RATE, [Reading(100), Reading(0)], 1).value is None


def test_a_time_has_its_mean() -> None:
    one = averages.of_readings("seconds", [Reading(1), Reading(4)], 1)
    assert (one.value, one.how) == (2.5, averages.MEAN)


def test_averages_by_value_and_group(make_run) -> None:
    records = [make_run({"size": size, "format": name},
                        [({"pass": n}, {RATE: images / seconds, "images": images, "seconds": seconds})
                         for n, (images, seconds) in enumerate([(size * 10, 1.0), (size * 10, 4.0)])])
               for size in (1, 2) for name in ("images", "tfrecord")]
    found = averages.by_value(records, f"measurement.{RATE}")
    assert [(one.x, dict(one.group)["format"], one.average.value, one.average.n, one.average.runs)
            for one in found if one.factor == "size"] == [
        (1, "images", 4, 2, 1), (1, "tfrecord", 4, 2, 1), (2, "images", 8, 2, 1), (2, "tfrecord", 8, 2, 1)]


def test_seconds_that_do_not_give_the_rate_are_not_taken_for_its_time(make_run) -> None:
    records = [make_run({"size": size}, [({}, {RATE: 50.0 * size, "images": 10, "seconds": 99})]) for size in (1, 2)]
    assert {one.average.how for one in averages.by_value(records, f"measurement.{RATE}")} == {averages.HARMONIC}

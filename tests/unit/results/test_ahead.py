"""Reading ahead: in order, a bounded number at a time, and no further than somebody wants."""

from __future__ import annotations

import threading
import time

import pytest

from shapebench.results import ahead


def test_the_order_is_kept_whatever_takes_longest() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number % 5 == 0 else 0)
        return number

    assert list(ahead.in_order(slow_first, range(40))) == list(range(40))


def test_no_more_is_begun_than_a_few_ahead_of_what_is_taken() -> None:
    lock, begun = threading.Lock(), []

    def work(number: int) -> int:
        with lock:
            begun.append(number)
        return number

    results = ahead.in_order(work, range(1000))
    for _ in range(10):
        next(results)
    results.close()
    assert len(begun) <= 10 + ahead.AT_ONCE + 1


def test_an_error_comes_in_its_place() -> None:
    def third_fails(number: int) -> int:
        if number == 3:
            raise ValueError("damaged")
        return number

    results = ahead.in_order(third_fails, range(100))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="damaged"):
        next(results)

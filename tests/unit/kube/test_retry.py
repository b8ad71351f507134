"""The pauses between attempts: growing, jittered, bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.kube.retry import NEVER, Retry


def test_pauses_grow_to_a_limit_and_end() -> None:
    assert list(Retry(first_s=1, longest_s=4, total_s=12, chance=lambda: 1.0)) == [1, 2, 4, 4, 4]


def test_never_pauses_never() -> None:
    assert list(NEVER) == []


@given(st.floats(0, 1), st.floats(0.1, 60))
def test_the_total_is_bounded(chance: float, total_s: float) -> None:
    pauses = list(Retry(total_s=total_s, chance=lambda: chance))
    assert total_s <= sum(pauses) or sum(pauses) == pytest.approx(total_s)
    assert sum(pauses) < total_s + 4

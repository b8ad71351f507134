"""Which cores a worker gets."""

import os

import pytest

from shapebench.local import cores


@pytest.mark.parametrize(("available", "index", "cpu", "expected"), [
    pytest.param((0, 1, 2, 3), 0, 1, (0,), id="one-core-each"),
    pytest.param((0, 1, 2, 3), 3, 1, (3,), id="the-last"),
    pytest.param((0, 1, 2, 3), 1, 2, (2, 3), id="neighbours"),
    pytest.param((0, 1), 2, 1, (0,), id="begins-again"),
    pytest.param((0, 1), 0, 4, (0, 1), id="larger-than-the-machine"),
    pytest.param((0, 1, 2), 1, 2, (0, 2), id="wraps-around"),
    pytest.param((4, 6), 1, 0.5, (6,), id="a-fraction-takes-a-core"),
])
def test_assignment(available: tuple[int, ...], index: int, cpu: float, expected: tuple[int, ...]) -> None:
    assert cores.assign(available, index, cpu) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_pinning_ends_with_its_block() -> None:
    before = os.sched_getaffinity(0)
    with cores.pinned((min(before),)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before

"""Reading many records one by one without waiting for each: a few are on their way ahead of the one that is taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 3
"""Records of many pods are large on both sides, and the operator serves two at a time."""


def in_order(work: Callable[[T], R], given: Iterable[T]) -> Iterator[R]:
    """What `work` makes of each, in order; no more results are held than are on their way."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ahead") as pool:
        under_way: deque[Future[R]] = deque()
        try:
            for one in given:
                under_way.append(pool.submit(work, one))
                if len(under_way) > AT_ONCE:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for waiting in under_way:
                waiting.cancel()

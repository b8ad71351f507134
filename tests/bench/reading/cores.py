"""The same work on all cores at once: a process for each, started before the clock, as Spark has its Python workers."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self


class Cores:
    """Forked processes that do `call` when told to; `rate` is the whole work of all over the wall clock's time."""

    def __init__(self, number: int, work: float, call: Callable[[], object]) -> None:
        context = multiprocessing.get_context("fork")
        self._work = work
        self._ends, self._processes = [], []
        for _ in range(number):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, call), daemon=True)
            process.start()
            there.close()
            self._ends.append(here)
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for end, process in zip(self._ends, self._processes, strict=True):
            end.send(0)
            end.close()
            process.join()

    def once(self, processes: int | None = None, repeats: int = 1) -> None:
        """All of them (or the first so many) do the work `repeats` times."""
        chosen = self._ends[:processes]
        for end in chosen:
            end.send(repeats)
        for end in chosen:
            end.recv()

    def rate(self, processes: int | None = None, shortest_s: float = 0.5) -> float:
        """Work per second of all the processes together, in a sample of at least `shortest_s`."""
        repeats = 1
        while True:
            before = time.perf_counter()
            self.once(processes, repeats)
            took = time.perf_counter() - before
            if took >= shortest_s:
                return self._work * repeats * len(self._ends[:processes]) / took
            repeats *= max(2, int(shortest_s / took) + 1)


def _serve(end: Connection, call: Callable[[], object]) -> None:
    while repeats := end.recv():
        for _ in range(repeats):
            call()
        end.send(True)

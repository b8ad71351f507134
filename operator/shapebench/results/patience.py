"""A call that may never return: a mounted volume whose server is gone holds a thread for good, and no timeout ends it.

Such a thread is left behind, and nothing more is asked of the store while it hangs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from shapebench.results.stores import StoreError

T = TypeVar("T")


class Patience:
    """Calls with a bound on how long the caller waits. Safe to share between threads."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._hanging: list[threading.Thread] = []

    def call(self, work: Callable[[], T]) -> T:
        """The result of `work`. Raises what it raises, and StoreError when it takes too long or an earlier one does."""
        with self._lock:
            self._hanging = [thread for thread in self._hanging if thread.is_alive()]
            if self._hanging:
                raise StoreError(f"the store has not answered an earlier call, which began more than "
                                 f"{self._timeout_s:g} s ago")
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:  # handed to the caller, whatever it is
                errors.append(error)

        thread = threading.Thread(target=run, name="results", daemon=True)
        thread.start()
        thread.join(self._timeout_s)
        if errors:
            raise errors[0]
        if not results:
            with self._lock:
                self._hanging.append(thread)
            raise StoreError(f"the store does not answer within {self._timeout_s:g} s")
        return results[0]

"""All workers act on one worker's numbers: what its clock says is summed with the others' zeros.

A collective like those of training itself, so it needs no other connection, and who comes late is waited for.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Agreement:
    """Numbers of the first worker, told to all."""

    def __init__(self, tf: Any, strategy: Any, first: bool) -> None:
        self._tf, self._strategy, self._first = tf, strategy, first
        self._sum = tf.function(lambda values: strategy.reduce("SUM", values, axis=None), autograph=False)

    def number(self, mine: float) -> float:
        """The first worker's `mine`. All workers must call this, as often and in the same order."""

        def told(context: Any) -> Any:
            speaks = self._first and context.replica_id_in_sync_group == 0
            return self._tf.constant(mine if speaks else 0.0, self._tf.float64)

        return float(np.asarray(self._sum(self._strategy.experimental_distribute_values_from_function(told))))

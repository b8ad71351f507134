"""Optimizers as TensorFlow's own fused operations, applied by each replica to its own copy of the variables.

The gradients are summed over the replicas before, so every copy takes the same step. What changes from step to step
(learning rate, Adam's corrections) comes in as numbers: nothing has to be synchronised but gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
"""Adam's usual constants."""

Apply = Callable[[Any, Sequence[Any], Any, Any], None]


class Optimizer(NamedTuple):
    """What it keeps for each variable, and how it changes one: apply(variable, slots, gradient, controls)."""

    slots: tuple[tuple[Any, ...], ...]
    apply: Apply


def controls(learning_rate: float, update: int) -> tuple[float, float, float]:
    """The numbers of one step: the rate, and both of Adam's decays to the power of the update's number (from 1)."""
    return learning_rate, BETA_1**update, BETA_2**update


def build(tf: Any, strategy: Any, name: str, momentum: float, variables: Sequence[Any]) -> Optimizer:
    """`adam` or `sgd`, for these variables; call it in the strategy's scope."""
    count = {"adam": 2, "sgd": 1}[name]
    slots = []
    for variable in variables:
        # Beside its variable: with several parameter servers, an operation has all of its parts on one.
        with strategy.extended.colocate_vars_with(variable):
            slots.append(tuple(tf.Variable(np.zeros(variable.shape, np.float32), trainable=False)
                               for _ in range(count)))
    return Optimizer(tuple(slots), _adam(tf) if name == "adam" else _sgd(tf, momentum))


def _adam(tf: Any) -> Apply:
    def apply(variable: Any, slots: Sequence[Any], gradient: Any, numbers: Any) -> None:
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=slots[0].handle, v=slots[1].handle, grad=gradient, lr=numbers[0],
            beta1_power=numbers[1], beta2_power=numbers[2], beta1=BETA_1, beta2=BETA_2, epsilon=EPSILON)

    return apply


def _sgd(tf: Any, momentum: float) -> Apply:
    """slot = momentum * slot + gradient; variable -= rate * slot: the paper's form, its rate outside of the sum."""

    def apply(variable: Any, slots: Sequence[Any], gradient: Any, numbers: Any) -> None:
        tf.raw_ops.ResourceApplyMomentum(var=variable.handle, accum=slots[0].handle, grad=gradient, lr=numbers[0],
                                         momentum=momentum)

    return apply

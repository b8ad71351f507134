"""A training's schedule: learning rate, batch size and steps of each epoch. Plain numbers.

Dividing the learning rate by a factor and multiplying the batch by it change the noise of gradient descent alike
(Smith, Kindermans, Ying and Le, "Don't Decay the Learning Rate, Increase the Batch Size", ICLR'18): its scale is

    g = rate * images / (batch * (1 - momentum)),    for batch much smaller than images

so both schedules should follow one learning curve, and the growing batch needs fewer updates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.tf import split as tf_split

CONSTANT, DECAY, GROW = "constant", "decay-learning-rate", "grow-batch"
NAMES = (CONSTANT, DECAY, GROW)


@dataclass(frozen=True)
class EpochPlan:
    """One epoch to come. `number` counts from 1."""

    number: int
    batch_size: int
    """Images of an update over all replicas; the last one of an epoch may have fewer."""
    learning_rate: float
    steps: int


@dataclass(frozen=True)
class Changes:
    """When the schedule changes, and by how much."""

    kind: str = CONSTANT
    factor: int = 5
    epochs: tuple[int, ...] = ()
    """Numbers of the epochs from which on a change holds."""


def plan(count: int, epochs: int, batch_size: int, learning_rate: float, changes: Changes) -> tuple[EpochPlan, ...]:
    """Every epoch over `count` images. BadArgumentsError where a change comes after the last epoch."""
    late = [str(number) for number in changes.epochs if number > epochs]
    if late and changes.kind != CONSTANT:
        raise BadArgumentsError(f"--schedule-epochs={','.join(map(str, changes.epochs))} has {', '.join(late)}, "
                                f"behind the last of --epochs={epochs}")
    if changes.kind != CONSTANT and not changes.epochs:
        raise BadArgumentsError(f"--schedule={changes.kind} needs --schedule-epochs: the epochs from which on it "
                                "changes, for example 4,6")
    return tuple(_epoch(number, count, batch_size, learning_rate, changes) for number in range(1, epochs + 1))


def _epoch(number: int, count: int, batch_size: int, learning_rate: float, changes: Changes) -> EpochPlan:
    power = changes.factor ** sum(change <= number for change in changes.epochs)
    if changes.kind == DECAY:
        learning_rate /= power
    elif changes.kind == GROW:
        batch_size *= power
    return EpochPlan(number, batch_size, learning_rate, tf_split.steps(count, batch_size))


def updates(epochs: Sequence[EpochPlan]) -> int:
    """Changes of the weights in all epochs."""
    return sum(epoch.steps for epoch in epochs)


def whole(epoch: EpochPlan, count: int, steps: int) -> EpochPlan:
    """The same epoch in whole batches alone: in so many steps, or (0) as many as the images fill."""
    return replace(epoch, steps=steps or max(1, count // epoch.batch_size))

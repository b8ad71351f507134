"""The training itself: steps on all replicas, epochs of steps, a judgement after each, and whether anything was learnt.

A loop of our own around `strategy.run`, not Keras' `fit`: with Keras 3, `fit` fails under MultiWorkerMirroredStrategy,
and a loop can tell the time of a step. Losses are kept where they arise and summed over the replicas once an epoch, so
that measuring adds no communication to a step.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.tf import optimizers as tf_optimizers
from shapebench_jobs.tf.model import Model
from shapebench_jobs.tf.schedule import EpochPlan


@dataclass(frozen=True)
class Epoch:
    """One epoch's outcome, the same on every worker but for the times. Each step has its images and its mean loss."""

    plan: EpochPlan
    step_losses: tuple[float, ...]
    step_images: tuple[int, ...]
    accuracy: float
    seconds: float
    step_seconds: tuple[float, ...]

    @property
    def images(self) -> int:
        """Images that were trained with."""
        return sum(self.step_images)

    @property
    def loss(self) -> float:
        """The mean loss of an image."""
        total = math.fsum(loss * images for loss, images in zip(self.step_losses, self.step_images, strict=True))
        return total / max(1, self.images)


@dataclass(frozen=True)
class Score:
    """A judgement on images that were not trained with."""

    loss: float
    accuracy: float
    images: int
    seconds: float


class Trainer(Protocol):
    """What can be trained epoch by epoch, under whichever strategy."""

    model: Model

    def warm_up(self) -> None:
        """Trace and run everything once, changing no weight: all is compiled, and all workers have met."""

    def train(self, plan: EpochPlan) -> Epoch:
        """One epoch. All workers must call this with the same plan: they wait for each other."""

    def evaluate(self) -> Score | None:
        """Judge all validation images once; None where there are none."""


class Loop:
    """Steps under a strategy with synchronous replicas, over iterators of tf_pipeline.distributed."""

    def __init__(self, tf: Any, strategy: Any, model: Model) -> None:
        self._tf, self._strategy, self.model = tf, strategy, model
        self._updates = 0
        # None has Python control flow to translate, so TensorFlow need not read our source.
        self._update = tf.function(lambda pictures, labels, numbers: strategy.run(
            model.update, args=(pictures, labels, numbers)), autograph=False)
        self._judge = tf.function(lambda pictures, labels: strategy.run(model.judge, args=(pictures, labels)),
                                  autograph=False)
        self._forget = tf.function(lambda: strategy.run(model.forget), autograph=False)
        self._gather = tf.function(lambda results: strategy.reduce("SUM", results, axis=None), autograph=False,
                                   reduce_retracing=True)

    def warm_up(self, training: Iterator[Any], validation: Iterator[Any] | None, steps: Sequence[int]) -> None:
        """Take the black batches that come first: an update at rate 0, and sums as long as will come."""
        results = [self._update(*next(training), self._tf.constant(tf_optimizers.controls(0.0, 1)))]
        self._forget()
        if validation is not None:
            results.append(self._judge(*next(validation)))
        for count in sorted(set(steps)):
            self._summed(results[:1] * count)

    def train(self, batches: Iterator[Any], plan: EpochPlan) -> Epoch:
        """One epoch of the plan's steps."""
        started_s = last_s = time.perf_counter()
        results, step_seconds = [], []
        for _ in range(plan.steps):
            self._updates += 1
            numbers = self._tf.constant(tf_optimizers.controls(plan.learning_rate, self._updates))
            results.append(self._update(*next(batches), numbers))
            now_s = time.perf_counter()
            step_seconds.append(now_s - last_s)
            last_s = now_s
        sums = self._summed(results)
        return epoch(plan, sums, time.perf_counter() - started_s, step_seconds)

    def evaluate(self, batches: Iterator[Any], steps: int) -> Score:
        """The next `steps` batches judged."""
        started_s = time.perf_counter()
        sums = self._summed([self._judge(*next(batches)) for _ in range(steps)])
        return score(sums, time.perf_counter() - started_s)

    def _summed(self, results: list[Any]) -> npt.NDArray[np.float32]:
        """Steps x (loss, correct, images), summed over all replicas of all workers."""
        local = [[np.asarray(value) for value in self._strategy.experimental_local_results(one)] for one in results]
        mine = self._strategy.experimental_distribute_values_from_function(
            lambda context: self._tf.constant(np.stack(
                [one[context.replica_id_in_sync_group % len(one)] for one in local])))
        return np.asarray(self._gather(mine), dtype=np.float32)


def epoch(plan: EpochPlan, sums: npt.NDArray[np.float32], seconds: float, step_seconds: Sequence[float]) -> Epoch:
    """An epoch from its steps' (loss, correct, images)."""
    images = np.rint(sums[:, 2]).astype(int)
    return Epoch(
        plan=plan,
        step_losses=tuple(float(loss) / max(1, count) for loss, count in zip(sums[:, 0], images, strict=True)),
        step_images=tuple(map(int, images)),
        accuracy=float(sums[:, 1].sum()) / max(1, int(images.sum())),
        seconds=seconds,
        step_seconds=tuple(step_seconds),
    )


def score(sums: npt.NDArray[np.float32], seconds: float) -> Score:
    """A score from batches' (loss, correct, images)."""
    loss, correct, images = (float(value) for value in sums.astype(np.float64).sum(axis=0))
    return Score(loss / max(1.0, images), correct / max(1.0, images), round(images), seconds)


_FEWEST_STEPS_TO_JUDGE = 20
"""A quarter of fewer steps is less than five batches, whose losses differ by chance."""


def check(epochs: Sequence[Epoch], classes: int) -> None:
    """Raise WrongAnswerError unless every loss is finite, the last ones are below the first ones, and not absurd.

    Epochs are compared by their means; a single epoch by its first and last quarter of steps, unless it has too few for
    their means to tell. Absurd is twice the loss
    of guessing: a training that exploded can fall from one huge loss to another.
    """
    for one in epochs:
        for step, loss in enumerate(one.step_losses, start=1):
            if not math.isfinite(loss):
                raise WrongAnswerError(f"the loss is {loss} at step {step} of epoch {one.plan.number}: "
                                       "a lower --learning-rate may help")
    if epochs[-1].loss > 2 * math.log(classes):
        raise WrongAnswerError(f"the last epoch's mean loss, {epochs[-1].loss:.6g}, is more than twice that of "
                               f"guessing among {classes} classes: a lower --learning-rate may help")
    if len(epochs) > 1:
        before, after, what = epochs[0].loss, epochs[-1].loss, "the last epoch's mean loss"
    else:
        losses = epochs[0].step_losses
        if len(losses) < _FEWEST_STEPS_TO_JUDGE:
            return
        quarter = len(losses) // 4
        before, after = statistics.fmean(losses[:quarter]), statistics.fmean(losses[-quarter:])
        what = "the last quarter's mean loss"
    if not after < before:
        raise WrongAnswerError(f"{what}, {after:.6g}, is not below the first one's, {before:.6g}: nothing was learnt; "
                               "another --learning-rate or more steps may help")

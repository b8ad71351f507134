"""The training itself: a model, a step on all replicas, epochs of steps, and whether they taught anything.

A loop of our own around `strategy.run`, not Keras' `fit`: with Keras 3, `fit` fails under MultiWorkerMirroredStrategy,
and a loop can tell the time of a step. Losses are kept where they arise and summed over the replicas once an epoch, so
that measuring adds no communication to a step.
"""

from __future__ import annotations

import math
import statistics
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shapebench_jobs.harness import WrongAnswerError
from shapebench_jobs.tf_input import TrainingImages


@dataclass(frozen=True)
class Schedule:
    """How long and how to train."""

    batch_size: int
    """Images of a step, over all replicas."""
    epochs: int
    steps_per_epoch: int
    learning_rate: float
    model: str
    seed: int


@dataclass(frozen=True)
class Epoch:
    """One epoch's outcome, the same on every worker but for the times."""

    number: int
    step_losses: tuple[float, ...]
    accuracy: float
    seconds: float
    step_seconds: tuple[float, ...]

    @property
    def loss(self) -> float:
        """The mean loss of an image."""
        return math.fsum(self.step_losses) / len(self.step_losses)


def _small_cnn(keras: Any, images: TrainingImages) -> Any:
    layers = keras.layers
    return keras.Sequential([
        keras.Input((images.height, images.width, 3), dtype="uint8"),
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(16, 5, strides=2, activation="relu"),
        layers.Conv2D(32, 3, strides=2, activation="relu"),
        layers.Conv2D(64, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(images.classes),
    ])


MODELS: dict[str, Callable[[Any, TrainingImages], Any]] = {"small-cnn": _small_cnn}
"""Name to how it is built; a model ends in logits."""


class Trainer:
    """A model on a strategy, ready to be trained epoch by epoch."""

    def __init__(self, tf: Any, strategy: Any, images: TrainingImages, schedule: Schedule) -> None:
        import keras  # type: ignore[import-untyped]

        keras.utils.set_random_seed(schedule.seed)
        self._tf, self._strategy, self._schedule = tf, strategy, schedule
        with strategy.scope():
            self.model = MODELS[schedule.model](keras, images)
            self._optimizer = keras.optimizers.Adam(schedule.learning_rate)
            self._optimizer.build(self.model.trainable_variables)
        # Neither has Python control flow to translate, so TensorFlow need not read our source.
        self._step = tf.function(lambda pictures, labels: strategy.run(self._replica_step, args=(pictures, labels)),
                                 autograph=False)
        self._gather = tf.function(lambda results: strategy.reduce("SUM", results, axis=None), autograph=False)

    def warm_up(self, batches: Iterator[Any], steps: int) -> None:
        """Run one step, and sum as many results as an epoch will have: all is traced, and all workers have met."""
        self._summed([self._step(*next(batches))] * steps)

    def train(self, batches: Iterator[Any], number: int, steps: int) -> Epoch:
        """One epoch. All workers must call this with the same number of steps: they wait for each other."""
        started_s = last_s = time.perf_counter()
        results, step_seconds = [], []
        for _ in range(steps):
            results.append(self._step(*next(batches)))
            now_s = time.perf_counter()
            step_seconds.append(now_s - last_s)
            last_s = now_s
        sums = self._summed(results)
        return Epoch(
            number=number,
            step_losses=tuple(float(loss) for loss in sums[:, 0]),
            accuracy=float(sums[:, 1].sum()) / (steps * self._schedule.batch_size),
            seconds=time.perf_counter() - started_s,
            step_seconds=tuple(step_seconds),
        )

    def weights_crc32(self) -> int:
        """A checksum of all weights as this worker holds them (its first replica's copy), without asking the others.

        Workers that never exchanged gradients would end with different ones: each trained on its own part of the data.
        """
        crc = 0
        for weight in self.model.weights:
            mine = self._strategy.experimental_local_results(weight.value)[0]
            crc = zlib.crc32(np.asarray(mine).tobytes(), crc)
        return crc

    def _replica_step(self, pictures: Any, labels: Any) -> Any:
        """Forward, backward, update; returns (this replica's share of the mean loss, correct answers).

        Keras' optimizer sums the gradients over the replicas, so the loss is divided by the global batch.
        """
        tf = self._tf
        with tf.GradientTape() as tape:
            logits = self.model(pictures, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_sum(losses) / self._schedule.batch_size
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self._optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        right = tf.equal(tf.argmax(logits, axis=1, output_type=labels.dtype), labels)
        return tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32))])

    def _summed(self, results: list[Any]) -> npt.NDArray[np.float32]:
        """Steps x (loss, correct), summed over all replicas of all workers."""
        local = [[np.asarray(value) for value in self._strategy.experimental_local_results(one)] for one in results]
        mine = self._strategy.experimental_distribute_values_from_function(
            lambda context: self._tf.constant(np.stack(
                [one[context.replica_id_in_sync_group % len(one)] for one in local])))
        return np.asarray(self._gather(mine), dtype=np.float32)


def check(epochs: list[Epoch], classes: int) -> None:
    """Raise WrongAnswerError unless every loss is finite, the last ones are below the first ones, and not absurd.

    Epochs are compared by their means; a single epoch by its first and last quarter of steps. Absurd is twice the loss
    of guessing: a training that exploded can fall from one huge loss to another.
    """
    for epoch in epochs:
        for step, loss in enumerate(epoch.step_losses, start=1):
            if not math.isfinite(loss):
                raise WrongAnswerError(f"the loss is {loss} at step {step} of epoch {epoch.number}: "
                                       "a lower --learning-rate may help")
    if epochs[-1].loss > 2 * math.log(classes):
        raise WrongAnswerError(f"the last epoch's mean loss, {epochs[-1].loss:.6g}, is more than twice that of "
                               f"guessing among {classes} classes: a lower --learning-rate may help")
    if len(epochs) > 1:
        before, after, what = epochs[0].loss, epochs[-1].loss, "the last epoch's mean loss"
    else:
        losses = epochs[0].step_losses
        quarter = len(losses) // 4
        if quarter == 0:
            return
        before, after = statistics.fmean(losses[:quarter]), statistics.fmean(losses[-quarter:])
        what = "the last quarter's mean loss"
    if not after < before:
        raise WrongAnswerError(f"{what}, {after:.6g}, is not below the first one's, {before:.6g}: nothing was learnt")

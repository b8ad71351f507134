"""A network with its optimizer: one update and one judgement of a batch, the same arithmetic under every strategy."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapebench_jobs.tf import networks as tf_networks
from shapebench_jobs.tf import optimizers as tf_optimizers

Sum = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True)
class ModelOptions:
    """What is trained, and by which rule."""

    network: str = "small-cnn"
    width: float = 1.0
    optimizer: str = "adam"
    momentum: float = 0.9
    """For sgd alone."""
    seed: int = 0


class Model:
    """Variables and what changes them. `sum_over_replicas` adds up what each replica hands in."""

    def __init__(self, tf: Any, strategy: Any, options: ModelOptions, classes: int,
                 sum_over_replicas: Sum | None = None) -> None:
        self._tf, self._strategy = tf, strategy
        self._sum: Sum = sum_over_replicas or _all_reduce(tf, strategy)
        with strategy.scope():
            self.network = tf_networks.build(tf, options.network, classes, options.seed, options.width)
            self._optimizer = tf_optimizers.build(tf, strategy, options.optimizer, options.momentum,
                                                  self.network.variables)

    def update(self, pictures: Any, labels: Any, numbers: Any) -> Any:
        """Forward, backward, update, on one replica; returns (sum of losses, correct answers, images) of its part.

        The gradient is that of the mean loss over all replicas' images, however they are spread. `numbers` are
        tf_optimizers.controls.
        """
        tf = self._tf
        with tf.GradientTape() as tape:
            logits = self.network.forward(pictures)
            loss = self._loss(logits, labels)
        gradients = tape.gradient(loss, self.network.variables)
        result = self._told(loss, logits, labels)
        *gradients, images = self._sum([*gradients, result[2]])
        share = 1 / tf.maximum(images, 1.0)
        for variable, slots, gradient in zip(self.network.variables, self._optimizer.slots, gradients, strict=True):
            self._optimizer.apply(variable, slots, gradient * share, numbers)
        return result

    def judge(self, pictures: Any, labels: Any) -> Any:
        """The same three sums without learning."""
        logits = self.network.forward(pictures)
        return self._told(self._loss(logits, labels), logits, labels)

    def forget(self) -> None:
        """Set what the optimizer keeps to zero, on one replica."""
        tf = self._tf
        for slot in (slot for slots in self._optimizer.slots for slot in slots):
            tf.raw_ops.AssignVariableOp(resource=slot.handle, value=tf.zeros(slot.shape))

    def weights_crc32(self) -> int:
        """A checksum of all weights as this task reads them (its first replica's copy), without asking other workers.

        Workers that never exchanged gradients would end with different ones: each trained on its own part of the data.
        """
        crc = 0
        for variable in self.network.variables:
            mine = self._strategy.experimental_local_results(variable)[0]
            crc = zlib.crc32(np.asarray(mine.read_value()).tobytes(), crc)
        return crc

    def _loss(self, logits: Any, labels: Any) -> Any:
        """The sum over pictures that count: those with a label of 0 or more."""
        tf = self._tf
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(labels, 0), logits=logits)
        return tf.reduce_sum(losses * tf.cast(labels >= 0, tf.float32))

    def _told(self, loss: Any, logits: Any, labels: Any) -> Any:
        tf = self._tf
        right = tf.equal(tf.argmax(logits, axis=1, output_type=labels.dtype), labels)
        images = tf.math.count_nonzero(labels >= 0, dtype=tf.float32)
        return tf.stack([loss, tf.reduce_sum(tf.cast(right, tf.float32)), images])


def _all_reduce(tf: Any, strategy: Any) -> Sum:
    if strategy.num_replicas_in_sync == 1:
        return lambda values: values

    def summed(values: list[Any]) -> list[Any]:
        reduced = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)
        return list(reduced)

    return summed

"""Training with replicas in step: the loop of tf/training.py over one stream of batches for each batch size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from shapebench_jobs.tf import pipeline as tf_pipeline
from shapebench_jobs.tf import split as tf_split
from shapebench_jobs.tf.model import Model
from shapebench_jobs.tf.schedule import EpochPlan
from shapebench_jobs.tf.training import Epoch, Loop, Score
from shapebench_jobs.train.material import Material


class Synchronous:
    """A trainer for all strategies but parameter-server."""

    def __init__(self, tf: Any, strategy: Any, model: Model, material: Material) -> None:
        self.model, self._loop = model, Loop(tf, strategy, model)
        self._material = material
        self._training = {size: self._stream(tf, strategy, number, size)
                          for number, size in enumerate(material.batch_sizes)}
        numbers, size = material.split.validation, material.batch_sizes[0]
        self._judged_steps = tf_split.steps(len(numbers), size)
        feed = replace(material.feed, batch_size=size, steps=self._judged_steps, shuffle=False)
        self._validation = (tf_pipeline.distributed(tf, strategy, material.images, numbers, feed)
                            if len(numbers) else None)

    def warm_up(self) -> None:
        """One update at rate 0 for each batch size, one judgement, and sums as long as will come."""
        lengths = {plan.steps for plan in self._material.plans} | {self._judged_steps or 1}
        for number, batches in enumerate(self._training.values()):
            self._loop.warm_up(batches, None if number else self._validation, tuple(lengths))

    def train(self, plan: EpochPlan) -> Epoch:
        """One epoch."""
        return self._loop.train(self._training[plan.batch_size], plan)

    def evaluate(self) -> Score | None:
        """The validation images, each once."""
        return None if self._validation is None else self._loop.evaluate(self._validation, self._judged_steps)

    def _stream(self, tf: Any, strategy: Any, number: int, batch_size: int) -> Iterator[Any]:
        material = self._material
        steps = next(plan.steps for plan in material.plans if plan.batch_size == batch_size)
        # Another batch size goes on in another order; the replicas' own seeds are next to each other.
        seed = None if material.feed.seed is None else material.feed.seed + number * 2**20
        feed = replace(material.feed, batch_size=batch_size, steps=0 if material.whole_batches else steps, seed=seed)
        return tf_pipeline.distributed(tf, strategy, material.images, material.split.training, feed)

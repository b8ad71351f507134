"""Training on parameter servers: steps that the coordinator hands to whichever worker is free.

Each step takes a whole batch on one worker, and changes the variables as soon as it is done, whatever the others do
meanwhile: nothing is synchronous, so neither the order of updates nor a loss curve repeats itself.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from shapebench_jobs.tf import optimizers as tf_optimizers
from shapebench_jobs.tf import pipeline as tf_pipeline
from shapebench_jobs.tf import split as tf_split
from shapebench_jobs.tf import training as tf_training
from shapebench_jobs.tf.model import Model
from shapebench_jobs.tf.schedule import EpochPlan
from shapebench_jobs.tf.training import Epoch, Score
from shapebench_jobs.train.material import Material

_WARM_STEPS = 4
"""Updates at rate 0 for each worker, before the clock: with so many, every worker takes one."""


class Asynchronous:
    """A trainer over a ClusterCoordinator."""

    def __init__(self, tf: Any, strategy: Any, model: Model, material: Material, workers: int) -> None:
        self._tf, self._material, self._workers, self.model = tf, material, workers, model
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        self._updates = 0
        self._iterators = {size: self._iterator(size) for size in material.batch_sizes}
        self._update = tf.function(lambda batches, numbers: strategy.run(
            model.update, args=(*next(batches), numbers)), autograph=False)
        self._forget = tf.function(lambda: strategy.run(model.forget), autograph=False)
        self._judge = tf.function(lambda shard: strategy.run(self._judge_shard, args=(shard,)), autograph=False)

    def warm_up(self) -> None:
        """Steps at rate 0 on every worker, then a judgement; no weight changes."""
        at_rest = self._tf.constant(tf_optimizers.controls(0.0, 1))
        for iterator in self._iterators.values():
            for _ in range(_WARM_STEPS * self._workers):
                self._coordinator.schedule(self._update, args=(iterator, at_rest))
        self._coordinator.schedule(self._forget)
        self._coordinator.join()
        self.evaluate()

    def train(self, plan: EpochPlan) -> Epoch:
        """One epoch; the time of a single step is not known here, only the mean time between updates."""
        started_s = time.perf_counter()
        results = []
        for _ in range(plan.steps):
            self._updates += 1
            numbers = self._tf.constant(tf_optimizers.controls(plan.learning_rate, self._updates))
            results.append(self._coordinator.schedule(self._update, args=(self._iterators[plan.batch_size], numbers)))
        self._coordinator.join()
        sums = np.stack([np.asarray(result.fetch()) for result in results])
        seconds = time.perf_counter() - started_s
        return tf_training.epoch(plan, sums, seconds, [seconds / plan.steps])

    def evaluate(self) -> Score | None:
        """Each worker judges whichever shards it is given; together they are all validation images, once."""
        if not len(self._material.split.validation):
            return None
        started_s = time.perf_counter()
        results = [self._coordinator.schedule(self._judge, args=(self._tf.constant(shard, self._tf.int64),))
                   for shard in range(self._workers)]
        self._coordinator.join()
        sums = np.stack([np.asarray(result.fetch()) for result in results])
        return tf_training.score(sums, time.perf_counter() - started_s)

    def _iterator(self, batch_size: int) -> Any:
        """Every worker draws from all images, in an order of its own: none knows which steps the others will do."""
        feed = replace(self._material.feed, batch_size=batch_size, steps=0, seed=None)

        def everything() -> Any:
            return tf_pipeline.batches(self._tf, self._material.images, self._material.split.training, feed,
                                       tf_pipeline.Place())

        return iter(self._coordinator.create_per_worker_dataset(everything))

    def _judge_shard(self, shard: Any) -> Any:
        """Sums over every so-manieth validation image, in a graph."""
        tf, material = self._tf, self._material
        numbers, size = material.split.validation, material.batch_sizes[0]
        steps = tf_split.steps(-(-len(numbers) // self._workers), size)
        feed = replace(material.feed, batch_size=size, shuffle=False)
        found = tf_pipeline.once(tf, material.images, numbers, feed).shard(self._workers, shard)
        batches = iter(tf_pipeline.padded(tf, material.images, found.batch(size)))
        _, sums = tf.while_loop(
            lambda step, _: step < steps,
            lambda step, sums: (step + 1, sums + self.model.judge(*next(batches))),
            (tf.constant(0), tf.zeros(3)), parallel_iterations=1)
        return sums

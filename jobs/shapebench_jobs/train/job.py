"""train: how fast does this TensorFlow cluster train an image classifier, and does it learn?"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shapebench_jobs.harness.run import BadArgumentsError, Run, note, perform
from shapebench_jobs.tf import cluster as tf_cluster
from shapebench_jobs.tf import damage as tf_damage
from shapebench_jobs.tf import schedule as tf_schedule
from shapebench_jobs.tf import split as tf_split
from shapebench_jobs.tf import strategy as tf_strategy
from shapebench_jobs.tf import task as tf_task
from shapebench_jobs.tf import training as tf_training
from shapebench_jobs.tf.cluster import Cluster
from shapebench_jobs.tf.input import TrainingImages
from shapebench_jobs.tf.model import Model
from shapebench_jobs.tf.pipeline import Feed
from shapebench_jobs.tf.strategy import Duty
from shapebench_jobs.tf.training import Trainer
from shapebench_jobs.train import answer as train_answer
from shapebench_jobs.train import options as train_options
from shapebench_jobs.train import parameter_server
from shapebench_jobs.train.answer import Lesson
from shapebench_jobs.train.coordination import Asynchronous
from shapebench_jobs.train.lifeline import FINISHED, STARTED, Leader
from shapebench_jobs.train.material import Material
from shapebench_jobs.train.synchronous import Synchronous

parser = train_options.parser
MEASURED = (
    "loss", "accuracy", "validation_loss", "validation_accuracy", "validation_images", "validation_seconds",
    "seconds", "images", "images_per_second", "batch_size", "learning_rate", "updates", "final_loss",
    "final_accuracy", "final_validation_loss", "final_validation_accuracy", "training_seconds", "total_updates",
    "step_ms", "replicas_in_sync", "weights_crc32", "damaged_images",
)
"""The names of all values that its rows may have."""


@dataclass(frozen=True)
class Task:
    """One task of the cluster, and what it was told."""

    options: argparse.Namespace
    cluster: Cluster
    strategy: str
    threads: int
    seed: int

    @property
    def skips_damage(self) -> bool:
        """Whether images that cannot be read are left out."""
        return bool(self.options.on_damage == "skip")


def train(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job on one task."""
    cluster = tf_cluster.parse_tf_config(environ.get(tf_cluster.ENV_TF_CONFIG, ""))
    name = tf_strategy.choose(options.strategy, cluster)
    task = Task(options, cluster, name, tf_cluster.threads(environ), tf_task.training_seed(options, environ))
    _DUTIES[tf_strategy.duty(name, cluster)](task, run)


def _serve(task: Task, run: Run) -> None:
    computes = task.cluster.role != tf_cluster.ROLE_PARAMETER_SERVER
    images = tf_task.made_images(task.options) if computes else None
    tf = tf_cluster.import_tensorflow(task.threads)
    if computes and images is None:
        # This task reads them, too: it must be able to, and have its own copy of a bucket.
        tf_task.own_images(tf, task.options, skip_damage=task.skips_damage)
    parameter_server.serve(tf, task.cluster, run)


def _train(task: Task, run: Run) -> None:
    images = tf_task.made_images(task.options)
    if images is not None:
        prepare(task, images)  # refuses what cannot work, before TensorFlow takes its seconds to come up
    tf = tf_cluster.import_tensorflow(task.threads)
    strategy, leader = _strategy(tf, task)
    if images is None:
        images = tf_task.own_images(tf, task.options, skip_damage=task.skips_damage)
    material = prepare(task, images)
    tf_task.refuse_small_batch(material.batch_sizes[0], strategy.num_replicas_in_sync)
    with tf_damage.named(tf, images):
        _perform(tf, strategy, leader, material, task, run)
    if leader is not None:
        leader.close()


def _rest(task: Task, run: Run) -> None:
    tf_task.rest(task.cluster, task.strategy, run)


_DUTIES: dict[Duty, Callable[[Task, Run], None]] = {Duty.TRAIN: _train, Duty.SERVE: _serve, Duty.REST: _rest}


def _perform(tf: Any, strategy: Any, leader: Leader | None, material: Material, task: Task, run: Run) -> None:
    model = Model(tf, strategy, train_options.model(task.options, task.seed), material.images.classes)
    trainer: Trainer = (Synchronous(tf, strategy, model, material) if leader is None
                        else Asynchronous(tf, strategy, model, material, task.cluster.workers))
    note("tracing the first step")
    trainer.warm_up()
    run.environment({**tf_cluster.environment(tf, task.strategy, strategy, task.cluster),
                     **_facts(model, material, task)})
    lessons = []
    with _clock(run, leader):
        for plan in material.plans:
            lessons.append(Lesson(trainer.train(plan), trainer.evaluate()))
            note(_sentence(lessons[-1], len(material.plans)))
    tf_training.check([lesson.epoch for lesson in lessons], material.images.classes)
    damaged = _damaged(tf, lessons, material, task)
    for lesson in lessons:
        run.measurement({"epoch": lesson.epoch.plan.number}, train_answer.epoch_values(lesson))
    run.measurement({}, {**train_answer.total_values(lessons), **damaged,
                         "replicas_in_sync": strategy.num_replicas_in_sync, "weights_crc32": model.weights_crc32()})


@contextmanager
def _clock(run: Run, leader: Leader | None) -> Iterator[None]:
    """The measured part, of this task and of those that serve it."""
    if leader is not None:
        leader.tell(STARTED)
    with run.measured():
        yield
    if leader is not None:
        leader.tell(FINISHED)


def _strategy(tf: Any, task: Task) -> tuple[Any, Leader | None]:
    if task.strategy == tf_strategy.PARAMETER_SERVER:
        return parameter_server.meet(tf, task.cluster)
    devices = tf_task.devices(task.options, task.threads)
    return tf_strategy.build(tf, task.strategy, task.cluster, devices), None


def prepare(task: Task, images: TrainingImages) -> Material:
    """What is trained with, when, and in which batches; BadArgumentsError where that cannot be."""
    options = task.options
    split = tf_split.split(images.count, options.validation_share, options.seed)
    if options.validation_share and not len(split.validation):
        raise BadArgumentsError(f"--validation-share={options.validation_share:g} of {images.count} images is less "
                                "than one: give a larger share, or 0 for no validation")
    whole = bool(options.drop_remainder or options.steps_per_epoch)
    plans = tf_schedule.plan(len(split.training), options.epochs, options.batch_size, options.learning_rate,
                             train_options.changes(options))
    largest = max(plans, key=lambda plan: plan.batch_size)
    if largest.batch_size > len(split.training):
        raise BadArgumentsError(
            f"--batch-size={options.batch_size} makes a batch of {largest.batch_size} in epoch {largest.number}, more "
            f"than the {len(split.training)} images to train with: give a smaller --batch-size or --schedule-factor, "
            "or more images")
    if whole:
        plans = tuple(tf_schedule.whole(plan, len(split.training), options.steps_per_epoch) for plan in plans)
    return Material(images, split, plans, Feed(0, seed=task.seed, skip_damage=task.skips_damage), whole)


def _damaged(tf: Any, lessons: Sequence[Lesson], material: Material, task: Task) -> dict[str, float]:
    """Check that every image was used, where that can be told; or count and name those that were left out."""
    told = not material.whole_batches and task.strategy != tf_strategy.PARAMETER_SERVER
    if not task.skips_damage:
        if told:
            train_answer.check_used(lessons, material.split)
        return {}
    # The records of somebody else's files were counted up to their damage: that all of them were used says nothing.
    counted = bool(task.options.data) and not material.images.labels
    if told and not counted and train_answer.all_used(lessons, material.split):
        return {"damaged_images": 0}
    found = tf_damage.find(tf, material.images)
    if found:
        note(f"skipped {tf_damage.described(found)}")
    return {"damaged_images": tf_damage.lost(found)}


def _facts(model: Model, material: Material, task: Task) -> dict[str, str]:
    options = task.options
    return {
        **material.images.staging,
        "dataset": material.images.fingerprint,
        "training_images": str(len(material.split.training)),
        "validation_images": str(len(material.split.validation)),
        "model": f"{options.model} x {options.model_width:g}",
        "model_parameters": str(model.network.parameters),
        "optimizer": f"sgd, momentum {options.momentum:g}" if options.optimizer == "sgd" else options.optimizer,
        "schedule": options.schedule,
        "training_seed": str(task.seed),
    }


def _sentence(lesson: Lesson, epochs: int) -> str:
    epoch, score = lesson.epoch, lesson.score
    judged = f", validation loss {score.loss:.4f}, accuracy {score.accuracy:.3f}" if score else ""
    return (f"epoch {epoch.plan.number} of {epochs}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.3f}{judged}, "
            f"{epoch.plan.steps} updates of {epoch.plan.batch_size} in {epoch.seconds:.2f} s")


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: train(options, run, os.environ), measured=MEASURED)

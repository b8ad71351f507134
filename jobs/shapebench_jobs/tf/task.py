"""What a task of any training job does with what it was told: its seed, its images, its devices, or nothing at all."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any

from shapebench_jobs.dataset import making
from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.files import data_folder
from shapebench_jobs.harness.run import ENV_SEED, BadArgumentsError, Run, note
from shapebench_jobs.tf import input as tf_input
from shapebench_jobs.tf.cluster import Cluster
from shapebench_jobs.tf.input import TrainingImages
from shapebench_jobs.tf.strategy import Devices


def made_images(options: argparse.Namespace) -> TrainingImages | None:
    """The data set that the options describe, made on this machine; None where they name a place of their own."""
    wanted = dataset_options.dataset_arguments(options)
    if options.data:
        return None
    made = making.ensure(data_folder.chosen(options.data_dir), wanted)
    return tf_input.made(str(made.folder), made.contents, options.format, options.image_size)


def own_images(tf: Any, options: argparse.Namespace, *, skip_damage: bool = False) -> TrainingImages:
    """The images at --data."""
    return tf_input.own(tf, options.data, options.format, options.image_size, skip_damage,
                        scratch=data_folder.chosen(options.data_dir))


def refuse_small_batch(batch_size: int, replicas: int) -> None:
    """Raise BadArgumentsError where some replica would have nothing to do."""
    if batch_size < replicas:
        raise BadArgumentsError(f"--batch-size={batch_size} is less than the {replicas} replicas: some would have no "
                                "image")


def training_seed(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """The seed of weights and order: as told, else the benchmark's where there is one, else that of the data."""
    if options.training_seed is not None:
        return int(options.training_seed)
    text = environ.get(ENV_SEED, "")
    if text and not text.isdecimal():
        raise BadArgumentsError(f"{ENV_SEED}={text!r} is no whole number of 0 or more")
    return int(text) % 2**32 if text else int(options.seed)


def devices(options: argparse.Namespace, threads: int) -> Devices:
    """The replicas of mirrored on this machine: as told, else one for each of the task's cores."""
    return Devices(options.virtual_devices or threads or len(os.sched_getaffinity(0)))


def rest(cluster: Cluster, strategy: str, run: Run) -> None:
    """The whole work of a task that has none."""
    note(f"{cluster.role} {cluster.index} has nothing to do with --strategy={strategy}: done")
    with run.measured():
        """Nothing is: without this mark, the whole life of the program would be."""

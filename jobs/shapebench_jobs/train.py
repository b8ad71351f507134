"""train: how fast does this TensorFlow cluster train an image classifier, and does it learn?"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shapebench_jobs import arguments, dataset, tf_cluster, tf_input, tf_training
from shapebench_jobs.harness import ENV_SEED, BadArgumentsError, Run, WrongAnswerError, note, perform
from shapebench_jobs.tf_input import TrainingImages
from shapebench_jobs.tf_training import Epoch, Schedule

DESCRIPTION = """\
Train an image classifier with TensorFlow and measure images per second, loss and accuracy by epoch.

Start it once for each worker with TF_CONFIG in the environment, as any distributed TensorFlow
program, or alone without it. Each worker makes the same data set on its own disk and reads its own
part of it.

Before the clock starts: the data set is there, all workers have met, the model is built, and one
step has been traced and run. The measured part is the training steps of all epochs.

The answer is checked: every loss is finite, the last epoch's mean loss is below the first one's, and
it is less than twice that of guessing.
A wrong answer ends with exit code 65."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("train", DESCRIPTION)
    group = result.add_argument_group("training")
    group.add_argument("--strategy", choices=(tf_cluster.AUTO, *tf_cluster.STRATEGIES), default=tf_cluster.AUTO,
                       help="how replicas work together; auto: multi-worker-mirrored where TF_CONFIG has more than one "
                       "worker, else none (default %(default)s)")
    group.add_argument("--batch-size", type=arguments.integer(1), default=32, metavar="N",
                       help="images of a step over all workers together; need not divide by them (default %(default)s)")
    group.add_argument("--epochs", type=arguments.integer(1), default=5, metavar="N",
                       help="rows of measurements, each over a number of steps (default %(default)s)")
    group.add_argument("--steps-per-epoch", type=arguments.integer(0), default=0, metavar="N",
                       help="steps of an epoch; 0: as many whole batches as there are images (default %(default)s)")
    group.add_argument("--learning-rate", type=arguments.positive, default=0.003, metavar="RATE",
                       help="of the Adam optimizer (default %(default)s)")
    group.add_argument("--model", choices=tuple(tf_training.MODELS), default="small-cnn",
                       help="the network (default %(default)s)")
    arguments.add_source_options(result)
    arguments.add_dataset_options(result)
    return result


def train(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job on one worker."""
    wanted = arguments.dataset_arguments(options)
    cluster = tf_cluster.parse_tf_config(environ.get(tf_cluster.ENV_TF_CONFIG, ""))
    strategy_name = tf_cluster.choose_strategy(options.strategy, cluster)
    threads = tf_cluster.threads(environ)
    seed = training_seed(options.seed, environ)
    made = dataset.ensure(arguments.data_dir(options.data_dir), wanted) if not options.data else None
    tf = tf_cluster.import_tensorflow(threads)
    strategy = tf_cluster.STRATEGIES[strategy_name](tf)
    images = (tf_input.made(str(made.folder), made.contents, options.format, options.image_size) if made
              else tf_input.own(tf, options.data, options.format, options.image_size))
    steps = options.steps_per_epoch or max(1, images.count // options.batch_size)
    schedule = Schedule(options.batch_size, options.epochs, steps, options.learning_rate, options.model, seed)
    refuse_impossible(schedule, images, strategy.num_replicas_in_sync)
    try:
        _train_on(tf, strategy, images, schedule, run, tf_cluster.environment(tf, strategy_name, strategy, cluster))
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        named = tf_input.damaged(tf, images)
        if not named:
            raise
        raise WrongAnswerError("damaged input: " + "; ".join(named)) from error


def _train_on(tf: Any, strategy: Any, images: TrainingImages, schedule: Schedule, run: Run,
              environment: Mapping[str, str]) -> None:
    trainer = tf_training.Trainer(tf, strategy, images, schedule)
    batches = _batches(tf, strategy, images, schedule)
    note("tracing the first step")
    trainer.warm_up(batches, schedule.steps_per_epoch)
    run.environment({**environment, "dataset": images.fingerprint})
    epochs: list[Epoch] = []
    with run.measured():
        for number in range(1, schedule.epochs + 1):
            epoch = trainer.train(batches, number, schedule.steps_per_epoch)
            note(f"epoch {number} of {schedule.epochs}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.3f}, "
                 f"{epoch.seconds:.2f} s")
            epochs.append(epoch)
    tf_training.check(epochs, images.classes)
    for epoch in epochs:
        run.measurement({"epoch": epoch.number, "batch_size": schedule.batch_size}, epoch_values(epoch, schedule))
    run.measurement({"batch_size": schedule.batch_size}, {
        **total_values(epochs, schedule), "replicas_in_sync": strategy.num_replicas_in_sync,
        "weights_crc32": trainer.weights_crc32()})


def _batches(tf: Any, strategy: Any, images: TrainingImages, schedule: Schedule) -> Iterator[Any]:
    def part(context: Any) -> Any:
        number, parts = context.input_pipeline_id, context.num_input_pipelines
        # A batch that can't be divided evenly gives its rest to the first workers.
        size = schedule.batch_size // parts + (number < schedule.batch_size % parts)
        return tf_input.pipeline(tf, images, (number, parts), size, schedule.seed)

    return iter(strategy.distribute_datasets_from_function(part))


def epoch_values(epoch: Epoch, schedule: Schedule) -> dict[str, float]:
    """One epoch's row; images of all workers together."""
    return {
        "loss": epoch.loss,
        "accuracy": epoch.accuracy,
        "seconds": epoch.seconds,
        "images_per_second": schedule.steps_per_epoch * schedule.batch_size / epoch.seconds,
    }


def total_values(epochs: Sequence[Epoch], schedule: Schedule) -> dict[str, float]:
    """The closing row: the whole training."""
    steps = schedule.steps_per_epoch * len(epochs)
    return {
        "final_loss": epochs[-1].loss,
        "final_accuracy": epochs[-1].accuracy,
        "images_per_second": steps * schedule.batch_size / sum(epoch.seconds for epoch in epochs),
        "steps": steps,
        "step_ms": 1000 * statistics.median(second for epoch in epochs for second in epoch.step_seconds),
    }


def refuse_impossible(schedule: Schedule, images: TrainingImages, replicas: int) -> None:
    """Raise BadArgumentsError where some replica would have nothing to do."""
    if schedule.batch_size < replicas:
        raise BadArgumentsError(f"--batch-size={schedule.batch_size} is less than the {replicas} replicas: "
                                "some would have no image")
    if images.count < replicas:
        raise BadArgumentsError(f"{images.count} images are less than the {replicas} replicas")


def training_seed(data_seed: int, environ: Mapping[str, str]) -> int:
    """The seed of weights and order: the run's own where there is one, so that repetitions differ in nothing else."""
    text = environ.get(ENV_SEED, "")
    if text and not text.isdecimal():
        raise BadArgumentsError(f"{ENV_SEED}={text!r} is no whole number of 0 or more")
    return int(text) % 2**32 if text else data_seed


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: train(options, run, os.environ))


if __name__ == "__main__":
    sys.exit(main())

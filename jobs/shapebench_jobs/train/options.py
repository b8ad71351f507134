"""train's command line, and what it says about schedule and model."""

from __future__ import annotations

import argparse

from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.harness import arguments
from shapebench_jobs.tf import networks as tf_networks
from shapebench_jobs.tf import schedule as tf_schedule
from shapebench_jobs.tf import strategy as tf_strategy
from shapebench_jobs.tf.model import ModelOptions

DESCRIPTION = """\
Train an image classifier with TensorFlow and measure images per second, loss and accuracy by epoch,
on the images it trains with and on others that were put aside.

Start it once for each task with TF_CONFIG in the environment, as any distributed TensorFlow
program, or alone without it. Each worker makes the same data set on its own disk and reads its own
part of it. Tasks that the strategy has no use for say so and end at once with exit code 0, so one
gang serves every strategy.

Before the clock starts: the data set is there, all workers have met, the model is built, and one
step has been traced and run, without a change of weights. The measured part is the training and
judging of all epochs; an epoch's seconds are those of its training alone.

The answer is checked: every image was used once an epoch, every loss is finite, the last epoch's
mean loss is below the first one's, and it is less than twice that of guessing.
A wrong answer ends with exit code 65."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("train", DESCRIPTION)
    _add_training(result)
    _add_schedule(result)
    _add_model(result)
    dataset_options.add_source_options(result)
    result.add_argument("--on-damage", choices=("fail", "skip"), default="fail",
                        help="a damaged image or record is a wrong answer, or is counted, named and left out; "
                        "TensorFlow's reader leaves out the rest of a TFRecord file behind it (default %(default)s)")
    dataset_options.add_dataset_options(result)
    return result


def changes(options: argparse.Namespace) -> tf_schedule.Changes:
    """The schedule's changes."""
    return tf_schedule.Changes(options.schedule, options.schedule_factor, options.schedule_epochs)


def model(options: argparse.Namespace, seed: int) -> ModelOptions:
    """What is trained."""
    return ModelOptions(options.model, options.model_width, options.optimizer, options.momentum, seed)


def _add_training(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("training")
    group.add_argument("--strategy", choices=(tf_strategy.AUTO, *tf_strategy.NAMES), default=tf_strategy.AUTO,
                       help="how replicas work together; auto: multi-worker-mirrored where TF_CONFIG has more than one "
                       "worker, else none. none, one-device and mirrored train on worker 0 alone; parameter-server "
                       "needs TF_CONFIG to list a ps task (default %(default)s)")
    group.add_argument("--virtual-devices", type=arguments.integer(0), default=0, metavar="N",
                       help="replicas of mirrored on a worker without GPU: its CPU as so many devices; 0: one for each "
                       "of its cores (default %(default)s)")
    group.add_argument("--batch-size", type=arguments.integer(1), default=32, metavar="N",
                       help="images of an update over all workers together, which need not divide them; with "
                       "parameter-server, of an update by one worker (default %(default)s)")
    group.add_argument("--epochs", type=arguments.integer(1), default=5, metavar="N",
                       help="rows of measurements, each over all images (default %(default)s)")
    group.add_argument("--steps-per-epoch", type=arguments.integer(0), default=0, metavar="N",
                       help="make so many steps an epoch, of whole batches of images that come again and again; 0: as "
                       "many as use each image once (default %(default)s)")
    group.add_argument("--drop-remainder", action=argparse.BooleanOptionalAction, default=False,
                       help="an epoch is whole batches; what is left over comes first in the next one. Else the last "
                       "batch of an epoch has what is left (default: no)")
    group.add_argument("--training-seed", type=arguments.integer(0), default=None, metavar="N",
                       help="of the weights at the start and the order of images (default: $SHAPEBENCH_SEED, the same "
                       "in all runs of a benchmark, else --seed)")
    group.add_argument("--validation-share", type=arguments.share, default=0.2, metavar="SHARE",
                       help="part of the images, drawn by --seed, put aside and judged after each epoch; "
                       "0: none (default %(default)s)")


def _add_schedule(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("optimizer and schedule")
    group.add_argument("--optimizer", choices=("adam", "sgd"), default="adam", help="(default %(default)s)")
    group.add_argument("--learning-rate", type=arguments.positive, default=0.003, metavar="RATE",
                       help="at the start (default %(default)s)")
    group.add_argument("--momentum", type=arguments.share, default=0.9, metavar="M",
                       help="of sgd, 0 or more and below 1 (default %(default)s)")
    group.add_argument("--schedule", choices=tf_schedule.NAMES, default=tf_schedule.CONSTANT,
                       help="at each of --schedule-epochs, divide the learning rate by --schedule-factor, or multiply "
                       "the batch by it (default %(default)s)")
    group.add_argument("--schedule-factor", type=arguments.integer(2), default=5, metavar="N",
                       help="(default %(default)s)")
    group.add_argument("--schedule-epochs", type=arguments.integers(2), default=(), metavar="N,N",
                       help="numbers of the epochs (the first is 1) from which on a change holds (default: none)")


def _add_model(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("model")
    group.add_argument("--model", choices=tuple(tf_networks.NETWORKS), default="small-cnn",
                       help="the network, from random weights: three convolutions, or MobileNet's thirteen depthwise "
                       "separable blocks with group normalisation, 3.2 million weights (default %(default)s)")
    group.add_argument("--model-width", type=arguments.positive, default=1.0, metavar="FACTOR",
                       help="multiplies the channels of every layer (default %(default)s)")

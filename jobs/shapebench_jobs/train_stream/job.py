"""train-stream: with which rate of arriving images does this TensorFlow cluster keep up, training as they come?"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.harness import arguments, lag
from shapebench_jobs.harness.run import BadArgumentsError, Run, note, perform
from shapebench_jobs.tf import cluster as tf_cluster
from shapebench_jobs.tf import damage as tf_damage
from shapebench_jobs.tf import networks as tf_networks
from shapebench_jobs.tf import pipeline as tf_pipeline
from shapebench_jobs.tf import strategy as tf_strategy
from shapebench_jobs.tf import task as tf_task
from shapebench_jobs.tf import training as tf_training
from shapebench_jobs.tf.cluster import Cluster
from shapebench_jobs.tf.input import TrainingImages
from shapebench_jobs.tf.model import Model, ModelOptions
from shapebench_jobs.tf.pipeline import Feed
from shapebench_jobs.tf.schedule import EpochPlan
from shapebench_jobs.tf.split import split
from shapebench_jobs.tf.training import Epoch, Loop
from shapebench_jobs.train_stream import rounds as stream_rounds
from shapebench_jobs.train_stream.agreement import Agreement
from shapebench_jobs.train_stream.rounds import Arrivals, Round, State

DESCRIPTION = """\
Train an image classifier on images that arrive at a fixed rate, in rounds: every --interval seconds
on what arrived since, and measure whether training keeps up. With --grow-batch, the batch doubles
when training on an interval's images took longer than they took to arrive.

Start it once for each worker with TF_CONFIG in the environment, as any distributed TensorFlow
program, or alone without it. The stream is a made data set, over and over, and worker 0's clock:
all workers are told its times and so train in step.

Before the clock starts: the data set is there, all workers have met, the model is built, and a step
of every batch size has been traced and run, without a change of weights. The measured part is
--duration seconds of the stream, and the end of a round that is being made then.

keeps_up is 1 where the lag (age of the oldest image not yet trained with, after each round) has no
upward trend to speak of, and is at the end not more than two intervals and the time for a batch to
arrive.

The answer is checked: the images that went through the network and those that wait are all that
arrived, every loss is finite, the last quarter's mean loss is below the first one's, and it is less
than twice that of guessing. A wrong answer ends with exit code 65. Not keeping up is no wrong
answer."""
MEASURED = (
    "keeps_up", "sustained_images_per_second", "images_per_second", "capacity_images_per_second", "busy_share",
    "lag_slope", "last_lag_s", "images_arrived", "images_trained", "images_waiting", "updates", "final_batch_size",
    "final_loss", "final_accuracy", "replicas_in_sync", "weights_crc32", "round_arrived", "round_trained",
    "round_seconds", "round_batch_size", "round_waiting", "round_loss", "round_accuracy",
)
"""The names of all values that its rows may have."""

_STRATEGIES = tuple(name for name in tf_strategy.NAMES if name != tf_strategy.PARAMETER_SERVER)
_FEWEST_INTERVALS = 3


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("train_stream", DESCRIPTION)
    group = result.add_argument_group("stream")
    group.add_argument("--rate", type=arguments.positive, default=100.0, metavar="N",
                       help="images that arrive a second (default %(default)g)")
    group.add_argument("--interval", type=arguments.positive, default=5.0, metavar="SECONDS",
                       help="time between rounds; must be longer than one step takes (default %(default)g)")
    group.add_argument("--duration", type=arguments.positive, default=60.0, metavar="SECONDS",
                       help="length of the stream; three intervals at least (default %(default)g)")
    group = result.add_argument_group("training")
    group.add_argument("--batch-size", type=arguments.integer(1), default=32, metavar="N",
                       help="images of an update over all workers together; where fewer wait, they wait for the next "
                       "interval's (default %(default)s)")
    group.add_argument("--grow-batch", action="store_true",
                       help="double the batch after a round that was slower than its images arrived")
    group.add_argument("--max-batch-size", type=arguments.integer(1), default=0, metavar="N",
                       help="where --grow-batch ends (default: 8 x --batch-size)")
    group.add_argument("--strategy", choices=(tf_strategy.AUTO, *_STRATEGIES), default=tf_strategy.AUTO,
                       help="how replicas work together; auto: multi-worker-mirrored where TF_CONFIG has more than one "
                       "worker, else none (default %(default)s)")
    group.add_argument("--virtual-devices", type=arguments.integer(0), default=0, metavar="N",
                       help="replicas of mirrored on a worker without GPU; 0: one for each core (default %(default)s)")
    group.add_argument("--learning-rate", type=arguments.positive, default=0.003, metavar="RATE",
                       help="of the Adam optimizer (default %(default)g)")
    group.add_argument("--model", choices=tuple(tf_networks.NETWORKS), default="small-cnn",
                       help="the network (default %(default)s)")
    group.add_argument("--training-seed", type=arguments.integer(0), default=None, metavar="N",
                       help="of weights and order (default: the Benchmark's, else --seed)")
    dataset_options.add_source_options(result)
    dataset_options.add_dataset_options(result)
    return result


@dataclass(frozen=True)
class Task:
    """This worker, and what it was told."""

    options: argparse.Namespace
    cluster: Cluster
    strategy: str
    arrivals: Arrivals
    sizes: tuple[int, ...]
    """Batch sizes, in rising order; one without --grow-batch."""
    seed: int


def task(options: argparse.Namespace, environ: Mapping[str, str]) -> Task:
    """The task; BadArgumentsError where the stream cannot be trained on."""
    cluster = tf_cluster.parse_tf_config(environ.get(tf_cluster.ENV_TF_CONFIG, ""))
    if options.max_batch_size and not options.grow_batch:
        raise BadArgumentsError("--max-batch-size is for --grow-batch: without it the batch stays as it is")
    largest = options.max_batch_size or 8 * options.batch_size
    if largest < options.batch_size:
        raise BadArgumentsError(f"--max-batch-size={largest} is less than --batch-size={options.batch_size}")
    intervals = math.floor(options.duration / options.interval + 1e-9)
    if intervals < _FEWEST_INTERVALS:
        raise BadArgumentsError(f"--duration={options.duration:g} is less than three times --interval="
                                f"{options.interval:g}: no trend can be seen")
    arrivals = Arrivals(options.rate, options.interval, intervals)
    if options.batch_size > arrivals.by_interval(intervals):
        raise BadArgumentsError(f"--batch-size={options.batch_size} is more than all {arrivals.by_interval(intervals)} "
                                "images of the stream: give a higher --rate, a longer --duration or a smaller batch")
    sizes = stream_rounds.sizes(options.batch_size, largest if options.grow_batch else options.batch_size)
    return Task(options, cluster, tf_strategy.choose(options.strategy, cluster), arrivals, sizes,
                tf_task.training_seed(options, environ))


def train_stream(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job on one worker."""
    mine = task(options, environ)
    if tf_strategy.duty(mine.strategy, mine.cluster) is tf_strategy.Duty.REST:
        tf_task.rest(mine.cluster, mine.strategy, run)
        return
    images = tf_task.made_images(options)
    threads = tf_cluster.threads(environ)
    tf = tf_cluster.import_tensorflow(threads)
    strategy = tf_strategy.build(tf, mine.strategy, mine.cluster, tf_task.devices(options, threads))
    if images is None:
        images = tf_task.own_images(tf, options)
    tf_task.refuse_small_batch(options.batch_size, strategy.num_replicas_in_sync)
    if images.count < strategy.num_replicas_in_sync:
        raise BadArgumentsError(f"{images.count} images are less than the {strategy.num_replicas_in_sync} replicas")
    with tf_damage.named(tf, images):
        _on_stream(tf, strategy, images, mine, run)


def _on_stream(tf: Any, strategy: Any, images: TrainingImages, mine: Task, run: Run) -> None:
    model = Model(tf, strategy, ModelOptions(mine.options.model, seed=mine.seed), images.classes)
    trainer = _Trainer(tf, strategy, model, images, mine)
    note("tracing a step of each batch size")
    refuse_short_interval(mine, trainer.warm_up())
    _say_what_waits(mine)
    run.environment({**tf_cluster.environment(tf, mine.strategy, strategy, mine.cluster),
                     "dataset": images.fingerprint, "model": mine.options.model, "training_seed": str(mine.seed),
                     **images.staging})
    with run.measured():
        rounds, epochs = trainer.rounds()
    stream_rounds.check_counted(rounds, sum(epoch.images for epoch in epochs), mine.arrivals)
    tf_training.check([_as_one(epochs)], images.classes)
    varied = {"rate": mine.options.rate, "batch_size": mine.options.batch_size}
    run.measurement(varied, {**stream_rounds.total_values(rounds, mine.arrivals),
                             "replicas_in_sync": strategy.num_replicas_in_sync,
                             "weights_crc32": model.weights_crc32()})
    for number, made in lag.some(tuple(enumerate(rounds, start=1))):
        run.measurement({**varied, "round": number}, stream_rounds.round_values(made))


class _Trainer:
    """A model, a stream of images for each batch size, and worker 0's clock."""

    def __init__(self, tf: Any, strategy: Any, model: Model, images: TrainingImages, mine: Task) -> None:
        self._mine = mine
        self._loop = Loop(tf, strategy, model)
        self._agreed = Agreement(tf, strategy, mine.cluster.first).number
        everything = split(images.count, 0.0, 0).training
        feed = Feed(0, seed=mine.seed)
        self._batches: dict[int, Iterator[Any]] = {
            size: tf_pipeline.distributed(tf, strategy, images, everything, replace(feed, batch_size=size))
            for size in mine.sizes}

    def warm_up(self) -> float:
        """Trace everything, changing no weight; the seconds that a step of the smallest batch takes, agreed on."""
        steps = {1, *(max(1, self._mine.arrivals.by_interval(1) // size) for size in self._mine.sizes)}
        for batches in self._batches.values():
            self._loop.warm_up(batches, None, tuple(steps))
        started_s = time.perf_counter()
        self._loop.warm_up(self._batches[self._mine.sizes[0]], None, (1,))
        return self._agreed(time.perf_counter() - started_s)

    def rounds(self) -> tuple[list[Round], list[Epoch]]:
        """Every round of the stream, and the training in it."""
        arrivals, state = self._mine.arrivals, State(self._mine.sizes[0])
        rounds: list[Round] = []
        epochs: list[Epoch] = []
        self._agreed(0.0)  # all are here
        begun_s = time.monotonic()
        while not rounds or rounds[-1].interval < arrivals.intervals:
            made, epoch = self._round(state, lambda: time.monotonic() - begun_s)
            rounds.append(made)
            epochs.extend(epoch)
            state = stream_rounds.after(state, made, arrivals, self._mine.sizes)
        return rounds, epochs

    def _round(self, state: State, elapsed: Callable[[], float]) -> tuple[Round, list[Epoch]]:
        if self._mine.cluster.first:
            time.sleep(stream_rounds.pause_s(self._mine.arrivals, state, elapsed()))
        planned = stream_rounds.next_round(self._mine.arrivals, state, self._agreed(elapsed()))
        if not planned.steps:
            return stream_rounds.with_outcome(planned, planned.started_s), []
        plan = EpochPlan(planned.interval, planned.batch_size, self._mine.options.learning_rate, planned.steps)
        epoch = self._loop.train(self._batches[planned.batch_size], plan)
        made = stream_rounds.with_outcome(planned, self._agreed(elapsed()), epoch.loss, epoch.accuracy)
        note(f"interval {made.interval}: {made.images} of {made.waiting} images in {made.steps} updates of "
             f"{made.batch_size}, {made.seconds:.2f} s, loss {made.loss:.4f}")
        return made, [epoch]


def refuse_short_interval(mine: Task, step_s: float) -> None:
    """Raise BadArgumentsError where an interval is over before a step is."""
    if step_s > mine.arrivals.interval_s:
        raise BadArgumentsError(f"--interval={mine.arrivals.interval_s:g} is shorter than one step of --batch-size="
                                f"{mine.sizes[0]}, which took {step_s:.3f} s: give a longer interval")


def _say_what_waits(mine: Task) -> None:
    by_interval = mine.arrivals.rate * mine.arrivals.interval_s
    if mine.sizes[-1] > by_interval:
        note(f"a batch of {mine.sizes[-1]} is more than the {by_interval:g} images of an interval: such batches wait "
             "until enough have arrived")


def _as_one(epochs: Sequence[Epoch]) -> Epoch:
    """All rounds as one epoch, whose losses can be judged."""
    images = sum(epoch.images for epoch in epochs)
    return Epoch(
        plan=epochs[0].plan,
        step_losses=tuple(loss for epoch in epochs for loss in epoch.step_losses),
        step_images=tuple(count for epoch in epochs for count in epoch.step_images),
        accuracy=sum(epoch.accuracy * epoch.images for epoch in epochs) / max(1, images),
        seconds=sum(epoch.seconds for epoch in epochs),
        step_seconds=tuple(seconds for epoch in epochs for seconds in epoch.step_seconds),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: train_stream(options, run, os.environ), measured=MEASURED)

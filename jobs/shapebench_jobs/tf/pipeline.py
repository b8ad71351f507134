"""Images through tf.data: each replica's own, shuffled, decoded, in batches, in a number of steps that all agree on.

The data is cut by hand, before it is decoded: TensorFlow's own sharding by DATA has every worker decode all of it.
Where a replica has no image left and others have, it gets batches of one black image that does not count (its label is
NO_IMAGE), so no worker waits for one that is at its end. Batches without any image would be simpler, but TensorFlow's
fused convolutions fail on them (2.21, oneDNN: "input depth must be evenly divisible by filter depth").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapebench_jobs.tf import input as tf_input
from shapebench_jobs.tf import split as tf_split
from shapebench_jobs.tf.input import TrainingImages
from shapebench_jobs.tf.split import Numbers

NO_IMAGE = -1
"""The label of a picture that is none."""
_SHUFFLED_RECORDS = 1024


@dataclass(frozen=True)
class Feed:
    """What a reader of images is given."""

    batch_size: int
    """Images of a step over all replicas."""
    steps: int = 0
    """Steps of an epoch, in which each image comes once; 0: whole batches without an end."""
    shuffle: bool = True
    seed: int | None = None
    """Of the order; None: another one each time."""
    skip_damage: bool = False
    """Leave out what cannot be read, instead of failing."""


@dataclass(frozen=True)
class Place:
    """The replicas that one worker feeds: from number `first` on so many of `replicas` in all."""

    first: int = 0
    local: int = 1
    replicas: int = 1


def distributed(tf: Any, strategy: Any, images: TrainingImages, numbers: Numbers, feed: Feed) -> Iterator[Any]:
    """(pictures, labels) for every replica of the strategy, for ever; the first ones do not count: for warming up."""
    replicas = strategy.num_replicas_in_sync

    def part(context: Any) -> Any:
        local = replicas // context.num_input_pipelines
        return batches(tf, images, numbers, feed, Place(context.input_pipeline_id * local, local, replicas))

    return iter(strategy.distribute_datasets_from_function(part))


def batches(tf: Any, images: TrainingImages, numbers: Numbers, feed: Feed, place: Place) -> Any:
    """The same for one worker, as a tf.data.Dataset: a batch for each of its replicas in turn."""
    mine = range(place.first, place.first + place.local)
    parts = tf_split.cut(numbers, feed.batch_size, place.replicas)
    sizes = tf_split.shares(feed.batch_size, place.replicas)
    by_replica = [_endless(tf, images, (parts[number], sizes[number]), feed, number) for number in mine]
    result = by_replica[0] if len(by_replica) == 1 else tf.data.Dataset.zip(tuple(by_replica)).flat_map(
        _plain(tf, lambda *elements: _in_turn(tf, elements)))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # TensorFlow asks all workers in every step whether one is at its end, unless it knows that none ever is.
    endless = result.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return endless.prefetch(2 * place.local).with_options(options)


def once(tf: Any, images: TrainingImages, numbers: Numbers, feed: Feed, replica: int = 0) -> Any:
    """(picture, label) of the images with these numbers, each once, as a tf.data.Dataset."""
    source = _files(tf, images, numbers) if images.format == "images" else _records(tf, images, numbers, feed)
    if feed.shuffle:
        buffer = len(numbers) if images.format == "images" else min(len(numbers), _SHUFFLED_RECORDS)
        source = source.shuffle(max(1, buffer), seed=None if feed.seed is None else feed.seed + replica)

    def load(*item: Any) -> tuple[Any, Any]:
        encoded, label = (tf.io.read_file(item[0]), item[1]) if images.format == "images" else tf_input.parse(tf, *item)
        return tf_input.picture(tf, images, encoded), label

    loaded = source.map(_plain(tf, load), num_parallel_calls=tf.data.AUTOTUNE)
    return loaded.ignore_errors() if feed.skip_damage else loaded


def padded(tf: Any, images: TrainingImages, batched: Any) -> Any:
    """The batches, then such as do not count, without an end."""
    return batched.concatenate(_black(tf, images, 1).repeat())


def _endless(tf: Any, images: TrainingImages, part: tuple[Numbers, int], feed: Feed, replica: int) -> Any:
    """A black batch, then epoch after epoch of one replica's images."""
    numbers, size = part
    loaded = once(tf, images, numbers, feed, replica)
    if feed.steps:
        epoch = padded(tf, images, loaded.batch(size)).take(feed.steps)
        return _black(tf, images, size).concatenate(epoch.repeat())
    return _black(tf, images, size).concatenate(loaded.repeat().batch(size))


def _black(tf: Any, images: TrainingImages, count: int) -> Any:
    pictures = np.zeros((count, images.height, images.width, 3), np.uint8)
    return tf.data.Dataset.from_tensors((pictures, np.full(count, NO_IMAGE, np.int32)))


def _in_turn(tf: Any, elements: Any) -> Any:
    first, *others = (tf.data.Dataset.from_tensors(element) for element in elements)
    for other in others:
        first = first.concatenate(other)
    return first


def _files(tf: Any, images: TrainingImages, numbers: Numbers) -> Any:
    paths = tf.constant([images.paths[number] for number in numbers], tf.string)
    return tf.data.Dataset.from_tensor_slices((paths, np.asarray(images.labels, np.int32)[numbers]))


def _records(tf: Any, images: TrainingImages, numbers: Numbers, feed: Feed) -> Any:
    """Only the files that hold one of the numbers are opened."""
    chosen = np.zeros(images.count, np.bool_)
    chosen[numbers] = True
    firsts = (0, *itertools.accumulate(images.counts))
    held = [(path, first) for path, first, last in zip(images.paths, firsts, firsts[1:], strict=False)
            if chosen[first:last].any()]
    files = tf.data.Dataset.from_tensor_slices((tf.constant([path for path, _ in held], tf.string),
                                                tf.constant([first for _, first in held], tf.int64)))

    def numbered(path: Any, first: Any) -> Any:
        # TensorFlow's reader cannot go on behind a damaged record: skipping skips the rest of its file.
        found = tf.data.TFRecordDataset(path)
        return (found.ignore_errors() if feed.skip_damage else found).enumerate(first)

    wanted = tf.constant(chosen)
    found = files.flat_map(_plain(tf, numbered)).filter(_plain(tf, lambda number, _: wanted[number]))
    return found.map(_plain(tf, lambda _, record: record))


def _plain(tf: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """There is no Python control flow to translate, so TensorFlow need not read our source."""
    plain: Callable[..., Any] = tf.autograph.experimental.do_not_convert(function)
    return plain

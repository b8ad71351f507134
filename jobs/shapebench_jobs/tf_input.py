"""Training images through tf.data: what there is, each worker's part of it, decoded and in batches without an end.

The data is cut by hand, before it is decoded: TensorFlow's own sharding by DATA has every worker decode all of it. It
repeats for ever and the number of steps is fixed, so no worker waits at the end for one that has no batch left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shapebench_jobs import dataset_files
from shapebench_jobs.dataset_files import Contents
from shapebench_jobs.example import KEY_ENCODED, KEY_LABEL
from shapebench_jobs.harness import BadArgumentsError

_IMAGE_SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True)
class TrainingImages:
    """Files that tf.data can open, and what is in them."""

    format: str
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    """Of each path; empty for TFRecords, which hold their own."""
    count: int
    classes: int
    width: int
    height: int
    resize: bool
    """Whether the pictures may have other sizes than width x height."""
    fingerprint: str


def made(root: str, contents: Contents, file_format: str, size: tuple[int, int],
         resize: bool = False) -> TrainingImages:
    """A made data set below the folder or URL `root`."""
    if file_format == "images":
        paths = tuple(f"{root}/{entry.path}" for entry in contents.index)
        labels = tuple(entry.label for entry in contents.index)
    else:
        paths, labels = tuple(f"{root}/{shard.path}" for shard in contents.shards), ()
    return TrainingImages(file_format, paths, labels, contents.tally.count, len(contents.classes), *size, resize,
                          contents.fingerprint)


def own(tf: Any, url: str, file_format: str, size: tuple[int, int]) -> TrainingImages:
    """The user's folder or bucket: a made data set (manifest.json), class/image.jpg, or *.tfrecord."""
    url = url.rstrip("/")
    try:
        if tf.io.gfile.exists(f"{url}/{dataset_files.MANIFEST_FILE}"):
            texts = [tf.io.gfile.GFile(f"{url}/{name}").read()
                     for name in (dataset_files.MANIFEST_FILE, dataset_files.INDEX_FILE)]
            return made(url, dataset_files.parse(*texts), file_format, size, resize=True)
        find = _own_images if file_format == "images" else _own_records
        return find(tf, url, size)
    except (tf.errors.NotFoundError, tf.errors.PermissionDeniedError, tf.errors.UnimplementedError) as error:
        raise BadArgumentsError(f"--data={url} cannot be read: {error.message}") from error


def _own_images(tf: Any, url: str, size: tuple[int, int]) -> TrainingImages:
    found = sorted(path for path in tf.io.gfile.glob(f"{url}/*/*") if path.lower().endswith(_IMAGE_SUFFIXES))
    names = sorted({path.split("/")[-2] for path in found})
    if len(names) < 2:
        raise BadArgumentsError(f"--data={url} needs class/image.jpg of two classes or more, it has {len(names)}")
    labels = tuple(names.index(path.split("/")[-2]) for path in found)
    return TrainingImages("images", tuple(found), labels, len(found), len(names), *size, True, url)


def _own_records(tf: Any, url: str, size: tuple[int, int]) -> TrainingImages:
    found = sorted(tf.io.gfile.glob(f"{url}/*.tfrecord*"))
    labels = [int(label) for _, label in _records(tf, found).map(lambda record: _parsed(tf, record))]
    if not labels:
        raise BadArgumentsError(f"--data={url} has no *.tfrecord with images")
    return TrainingImages("tfrecord", tuple(found), (), len(labels), max(labels) + 1, *size, True, url)


def pipeline(tf: Any, images: TrainingImages, part: tuple[int, int], batch_size: int, seed: int) -> Any:
    """Part (number, of so many) of the images as an endless tf.data.Dataset of (uint8 pictures, labels) batches."""
    number, parts = part
    if images.format == "images":
        source = tf.data.Dataset.from_tensor_slices((list(images.paths), list(images.labels))).shard(parts, number)
        buffer = len(images.paths)
    else:
        by_file = len(images.paths) >= parts
        source = _records(tf, images.paths[number::parts] if by_file else images.paths)
        source = source if by_file else source.shard(parts, number)
        buffer = min(images.count, 1024)

    def load(*item: Any) -> tuple[Any, Any]:
        encoded, label = (tf.io.read_file(item[0]), item[1]) if images.format == "images" else _parsed(tf, *item)
        return _picture(tf, images, encoded), label

    decoded = source.shuffle(buffer, seed=seed).repeat().map(load, num_parallel_calls=tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return decoded.batch(batch_size, drop_remainder=True).prefetch(2).with_options(options)


def damaged(tf: Any, images: TrainingImages, most: int = 5) -> list[str]:
    """The files that cannot be read: looked for once something failed, because tf.data does not name them."""
    found: list[str] = []
    for path in images.paths:
        try:
            if images.format == "images":
                tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
            else:
                for record in _records(tf, [path]):
                    tf.io.decode_jpeg(_parsed(tf, record)[0], channels=3)
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            found.append(f"{path}: {error.message.splitlines()[0]}")
        if len(found) == most:
            break
    return found


def _records(tf: Any, paths: Sequence[str]) -> Any:
    return tf.data.TFRecordDataset(list(paths))


def _parsed(tf: Any, record: Any) -> tuple[Any, Any]:
    features = {KEY_ENCODED: tf.io.FixedLenFeature([], tf.string), KEY_LABEL: tf.io.FixedLenFeature([], tf.int64)}
    parsed = tf.io.parse_single_example(record, features)
    return parsed[KEY_ENCODED], tf.cast(parsed[KEY_LABEL], tf.int32)


def _picture(tf: Any, images: TrainingImages, encoded: Any) -> Any:
    picture = tf.io.decode_jpeg(encoded, channels=3)
    if images.resize:
        picture = tf.cast(tf.image.resize(picture, (images.height, images.width)), tf.uint8)
    return tf.ensure_shape(picture, (images.height, images.width, 3))

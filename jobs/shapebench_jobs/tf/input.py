"""Training images: what files there are, how many images each holds, and one image decoded.

What becomes of them (whose, in which order, in which batches) is pipeline.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shapebench_jobs.dataset import files as dataset_files
from shapebench_jobs.dataset.example import KEY_ENCODED, KEY_LABEL
from shapebench_jobs.dataset.files import Contents
from shapebench_jobs.files import data_folder, object_storage, staging
from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError

_IMAGE_SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True)
class TrainingImages:
    """Files that tf.data can open, and what is in them."""

    format: str
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    """Of each path; empty for TFRecords, which hold their own."""
    counts: tuple[int, ...]
    """Images of each path."""
    classes: int
    width: int
    height: int
    resize: bool
    """Whether the pictures may have other sizes than width x height."""
    fingerprint: str
    staging: Mapping[str, str] = field(default_factory=dict)
    """For the record's environment, where the images were copied out of a bucket first."""

    @property
    def count(self) -> int:
        """All images."""
        return sum(self.counts)


def made(root: str, contents: Contents, file_format: str, size: tuple[int, int],
         resize: bool = False) -> TrainingImages:
    """A made data set below the folder or URL `root`."""
    if file_format == "images":
        paths = tuple(f"{root}/{entry.path}" for entry in contents.index)
        labels = tuple(entry.label for entry in contents.index)
        counts = (1,) * len(paths)
    else:
        paths, labels = tuple(f"{root}/{shard.path}" for shard in contents.shards), ()
        counts = tuple(shard.images for shard in contents.shards)
    return TrainingImages(file_format, paths, labels, counts, len(contents.classes), *size, resize,
                          contents.fingerprint)


def own(tf: Any, url: str, file_format: str, size: tuple[int, int], skip_damage: bool = False, *,
        scratch: Path | None = None) -> TrainingImages:
    """The user's folder or bucket: a made data set (manifest.json), class/image.jpg, or *.tfrecord.

    A bucket of S3 is copied below `scratch` (default: where made data sets lie), as TensorFlow cannot open its files.
    BadArgumentsError where it cannot be read or has no images. Records are counted by reading them; `skip_damage`
    counts a shard up to its damage, which else is a WrongAnswerError.
    """
    url = url.rstrip("/")
    if object_storage.scheme(url) in object_storage.S3_SCHEMES:
        return _staged(tf, url, file_format, size, skip_damage, scratch or data_folder.chosen(None))
    try:
        if tf.io.gfile.exists(f"{url}/{dataset_files.MANIFEST_FILE}"):
            texts = [tf.io.gfile.GFile(f"{url}/{name}").read()
                     for name in (dataset_files.MANIFEST_FILE, dataset_files.INDEX_FILE)]
            return made(url, dataset_files.parse(*texts), file_format, size, resize=True)
        return _own_images(tf, url, size) if file_format == "images" else _own_records(tf, url, size, skip_damage)
    except tf.errors.UnimplementedError:
        raise object_storage.unknown_scheme(url, "s3:// or gs:// for a bucket, or the path of a folder") from None
    except (tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError) as error:
        raise object_storage.refused(url) from error
    except (tf.errors.NotFoundError, tf.errors.FailedPreconditionError, tf.errors.UnavailableError) as error:
        raise BadArgumentsError(f"--data={url} cannot be read: {error.message}") from error


def _staged(tf: Any, url: str, file_format: str, size: tuple[int, int], skip_damage: bool,
            scratch: Path) -> TrainingImages:
    told = (dataset_files.MANIFEST_FILE, dataset_files.INDEX_FILE)

    def wanted(path: str) -> bool:
        name = path.rpartition("/")[2].lower()
        return path in told or (name.endswith(_IMAGE_SUFFIXES) if file_format == "images" else ".tfrecord" in name)

    copy = staging.stage(url, scratch, wanted)
    try:
        images = own(tf, str(copy.folder), file_format, size, skip_damage)
    except BadArgumentsError as error:
        raise BadArgumentsError(str(error).replace(str(copy.folder), url)) from error
    fingerprint = url if images.fingerprint == str(copy.folder) else images.fingerprint
    return replace(images, fingerprint=fingerprint, staging=copy.environment)


def _own_images(tf: Any, url: str, size: tuple[int, int]) -> TrainingImages:
    found = sorted(path for path in tf.io.gfile.glob(f"{url}/*/*") if path.lower().endswith(_IMAGE_SUFFIXES))
    names = sorted({path.split("/")[-2] for path in found})
    if len(names) < 2:
        raise BadArgumentsError(f"--data={url} needs class/image.jpg of two classes or more, it has {len(names)}")
    labels = tuple(names.index(path.split("/")[-2]) for path in found)
    return TrainingImages("images", tuple(found), labels, (1,) * len(found), len(names), *size, True, url)


def _own_records(tf: Any, url: str, size: tuple[int, int], skip_damage: bool) -> TrainingImages:
    found = sorted(tf.io.gfile.glob(f"{url}/*.tfrecord*"))
    labels = [_labels(tf, path, skip_damage) for path in found]
    if not any(labels):
        raise BadArgumentsError(f"--data={url} has no *.tfrecord with images")
    classes = max(max(some) for some in labels if some) + 1
    return TrainingImages("tfrecord", tuple(found), (), tuple(map(len, labels)), classes, *size, True, url)


def _labels(tf: Any, path: str, skip_damage: bool) -> list[int]:
    parsed = records(tf, [path]).map(lambda record: parse(tf, record)[1])
    try:
        return [int(label) for label in (parsed.ignore_errors() if skip_damage else parsed)]
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise WrongAnswerError(f"damaged input: {path}: {error.message.splitlines()[0]}") from error


def records(tf: Any, paths: Sequence[str]) -> Any:
    """The records of TFRecord files as a tf.data.Dataset."""
    return tf.data.TFRecordDataset(list(paths))


def parse(tf: Any, record: Any) -> tuple[Any, Any]:
    """(encoded image, label) of one record, in a graph."""
    features = {KEY_ENCODED: tf.io.FixedLenFeature([], tf.string), KEY_LABEL: tf.io.FixedLenFeature([], tf.int64)}
    parsed = tf.io.parse_single_example(record, features)
    return parsed[KEY_ENCODED], tf.cast(parsed[KEY_LABEL], tf.int32)


def picture(tf: Any, images: TrainingImages, encoded: Any) -> Any:
    """A decoded image, uint8, in the size that the network is given."""
    decoded = tf.io.decode_jpeg(encoded, channels=3)
    if images.resize:
        decoded = tf.cast(tf.image.resize(decoded, (images.height, images.width)), tf.uint8)
    return tf.ensure_shape(decoded, (images.height, images.width, 3))

"""Images that cannot be read: looked for once something failed or is missing, because tf.data does not name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.tf import input as tf_input
from shapebench_jobs.tf.input import TrainingImages

NAMED = 5
"""Files that a message names."""


@dataclass(frozen=True)
class Damage:
    """A file, how many of its images are lost to TensorFlow's reader, and what the first trouble was."""

    path: str
    images: int
    reason: str


@contextmanager
def named(tf: Any, images: TrainingImages) -> Iterator[None]:
    """Turn an error of TensorFlow's into a WrongAnswerError that names the damaged files; where none is, it passes."""
    try:
        yield
    except errors(tf) as error:
        found = find(tf, images)
        if not found:
            raise
        raise WrongAnswerError(described(found)) from error


def find(tf: Any, images: TrainingImages) -> list[Damage]:
    """Every file with damage; reads all of them."""
    found = []
    for path, count in zip(images.paths, images.counts, strict=True):
        lost, reason = _file(tf, path) if images.format == "images" else _shard(tf, path, count)
        if lost:
            found.append(Damage(path, lost, reason))
    return found


def lost(found: Sequence[Damage]) -> int:
    """Images in all of them."""
    return sum(damage.images for damage in found)


def described(found: Sequence[Damage]) -> str:
    """How many images are lost, and the first files by name."""
    places = "; ".join(f"{damage.path}: {damage.reason}" for damage in found[:NAMED])
    more = f"; and {len(found) - NAMED} more files" if len(found) > NAMED else ""
    return f"damaged input: {lost(found)} images lost in {len(found)} files: {places}{more}"


def reason(error: Any) -> str:
    """TensorFlow's own words, without the graph around them."""
    return str(error.message).splitlines()[0]


def errors(tf: Any) -> tuple[type[Exception], ...]:
    """What TensorFlow raises for damaged input, and for some other things."""
    return (tf.errors.DataLossError, tf.errors.InvalidArgumentError)


def _file(tf: Any, path: str) -> tuple[int, str]:
    try:
        tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    except errors(tf) as error:
        return 1, reason(error)
    return 0, ""


def _shard(tf: Any, path: str, count: int) -> tuple[int, str]:
    """Behind a damaged record TensorFlow's reader cannot go on; behind a damaged image in a good record it can."""
    good, seen, trouble = 0, 0, ""
    records = iter(tf_input.records(tf, [path]))
    while True:
        try:
            record = next(records)
        except StopIteration:
            break
        except errors(tf) as error:
            return max(1, count - good), trouble or reason(error)
        seen += 1
        try:
            tf.io.decode_jpeg(tf_input.parse(tf, record)[0], channels=3)
            good += 1
        except errors(tf) as error:
            trouble = trouble or reason(error)
    return max(count, seen) - good, trouble or f"has {seen} of {count} records"

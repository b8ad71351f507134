"""R2, R3 and R5 of the TensorFlow side: its record reader, its JPEG decoder, and the job's whole tf.data pipeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import decoding
import google_crc32c
import numpy as np
from decoding import BATCH
from material import Material
from ratios import Limit, Result, Timed, alone, compare, in_series

from shapebench_jobs.tf import input as tf_input
from shapebench_jobs.tf import pipeline as tf_pipeline
from shapebench_jobs.tf.pipeline import Feed, Place

READ_BUFFER_BYTES = 256 << 10
"""TFRecordDataset's own."""
PASSES = 8
"""Over the data in one call, because a tf.data pipeline takes a while to start."""
TOGETHER = 64


def results(tf: Any, material: Material, rounds: int, cores: int) -> list[Result]:
    """By CPU time of all threads, but the pipeline by the wall clock."""
    return [_records(tf, material, rounds), _decode(tf, material, rounds),
            *(_pipeline(tf, material, file_format, rounds, cores) for file_format in ("tfrecord", "images"))]


def _records(tf: Any, material: Material, rounds: int) -> Result:
    # Strings are moved into a batch, not copied; counting them one by one would be a function call for each.
    records = tf_input.records(tf, material.shards).repeat(PASSES).batch(TOGETHER)
    room = bytearray(READ_BUFFER_BYTES)

    def readinto() -> None:
        for path in material.shards:
            with Path(path).open("rb", buffering=0) as file:
                while file.readinto(room):  # type: ignore[attr-defined]
                    pass

    def checksums() -> None:
        for payload in material.payloads:
            google_crc32c.value(payload)
    return compare("R2 tf.data's TFRecord read (always with CRC)", "GB/CPU-s",
                   Timed("ours", PASSES * material.bytes, lambda: _count(records)),
                   Limit((Timed("readinto", material.bytes, readinto), Timed("crc", material.bytes, checksums)),
                         in_series, f"1/(1/readinto by {READ_BUFFER_BYTES >> 10} KiB + 1/CRC-32C)"), rounds, 0.9, 1e-9,
                   lambda: "TensorFlow's own reader: our code has no part in it; it copies a record out of its "
                           "buffer, and makes a tensor of each")


def _decode(tf: Any, material: Material, rounds: int) -> Result:
    images = tf_input.made(str(material.made.folder), material.made.contents, "tfrecord", _size(material))
    decoded = tf.data.Dataset.from_tensor_slices(material.encoded).repeat(PASSES).map(
        lambda encoded: tf_input.picture(tf, images, encoded), num_parallel_calls=tf.data.AUTOTUNE)
    return compare("R3 tf.data's JPEG decode", "img/CPU-s",
                   Timed("ours", PASSES * len(material.encoded), lambda: _count(decoded)),
                   Limit((decoding.bare(material),), alone, "libjpeg-turbo into the same memory over and over"), rounds,
                   0.9, why=lambda: "TensorFlow's own decoder: our code has no part in it")


def _pipeline(tf: Any, material: Material, file_format: str, rounds: int, cores: int) -> Result:
    images = tf_input.made(str(material.made.folder), material.made.contents, file_format, _size(material))
    numbers = np.arange(images.count)
    endless = iter(tf_pipeline.batches(tf, images, numbers, Feed(BATCH, seed=7), Place()))
    steps = max(1, images.count // BATCH)

    def some() -> None:
        for _ in range(steps):
            next(endless)

    for _ in range(2 * steps):  # the tuner of tf.data needs a while to find how many threads are good
        next(endless)
    limit = replace(decoding.bare(material), wall=True)
    return compare(f"R5 the training job's tf.data pipeline, {file_format}, {cores} cores", "img/s",
                   Timed("ours", steps * BATCH, some, wall=True),
                   Limit((limit,), lambda one: cores * one, f"{cores} cores x libjpeg-turbo on one"),
                   rounds, 0.85, why=lambda: _stages(tf, material, images, numbers))


def _stages(tf: Any, material: Material, images: tf_input.TrainingImages, numbers: Any) -> str:
    """CPU time of an image up to each stage."""
    feed = Feed(BATCH, shuffle=False)
    whole = tf_pipeline.once(tf, images, numbers, feed).repeat(PASSES)
    stages = {
        "TensorFlow's decode_jpeg alone": tf.data.Dataset.from_tensor_slices(material.encoded).repeat(PASSES).map(
            lambda one: tf_input.picture(tf, images, one)),
        "the job's reading, parsing and decoding": whole,
        "the same in batches": whole.batch(BATCH),
    }
    if images.format == "tfrecord":
        stages = {"TFRecordDataset alone": tf_input.records(tf, images.paths).repeat(PASSES).batch(TOGETHER), **stages}
    costs = {name: 1e6 / Timed(name, PASSES * images.count, lambda one=one: _count(one)).rate()
             for name, one in stages.items()}
    limit = 1e6 / decoding.bare(material).rate()
    return "\n".join((f"libjpeg-turbo: {limit:.0f} µs of CPU an image",
                      *(f"{name}: {cost:.0f} µs" for name, cost in costs.items())))


def _count(records: Any) -> int:
    return int(records.reduce(np.int64(0), lambda count, *_: count + 1))


def _size(material: Material) -> tuple[int, int]:
    return material.arguments.width, material.arguments.height

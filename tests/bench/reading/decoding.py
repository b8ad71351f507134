"""R3: decoding into batches against libjpeg-turbo alone, on one core and on all of them."""

from __future__ import annotations

import statistics

import numpy as np
import simplejpeg
from cores import Cores
from material import Material
from ratios import Limit, Result, Timed, alone, compare, profile

from shapebench_jobs.dataset.picture_batch import PictureBatch

BATCH = 32


def bare(material: Material) -> Timed:
    """libjpeg-turbo through its thinnest binding, into one picture's memory over and over."""
    room = np.empty((material.arguments.height, material.arguments.width, 3), np.uint8)

    def decode() -> None:
        for encoded in material.encoded:
            simplejpeg.decode_jpeg(encoded, buffer=room)
    return Timed("libjpeg-turbo", len(material.encoded), decode)


def into_batches(material: Material) -> Timed:
    """As the jobs do."""
    batch = PictureBatch(BATCH)

    def decode() -> None:
        for encoded in material.encoded:
            if batch.count == BATCH:
                batch.clear()
            batch.add(encoded)
    return Timed("ours", len(material.encoded), decode)


def results(material: Material, rounds: int, cores: int) -> list[Result]:
    """R3 on one core by CPU time, and on all by the wall clock, with what the machine itself loses on all its cores."""
    ours, limit = into_batches(material), bare(material)
    one = compare("R3 JPEG decode into batches, one core", "img/CPU-s", ours,
                  Limit((limit,), alone, "libjpeg-turbo into the same memory over and over"), rounds, 0.9,
                  why=lambda: profile(ours.call))
    with (Cores(cores, len(material.encoded), ours.call) as ours_everywhere,
          Cores(cores, len(material.encoded), limit.call) as limit_everywhere):
        rates = [(ours_everywhere.rate(), limit_everywhere.rate(), limit_everywhere.rate(1)) for _ in range(rounds + 1)]
    return [one, *_on_all_cores(rates[1:], cores, lambda: profile(ours.call))]


def _on_all_cores(rates: list[tuple[float, float, float]], cores: int, why: object) -> list[Result]:
    words = f"{cores} cores x libjpeg-turbo on one"
    middle = [statistics.median(column) for column in zip(*rates, strict=True)]

    def result(name: str, column: int, target: float | None) -> Result:
        return Result(name, "img/s", middle[column], cores * middle[2],
                      tuple(one[column] / (cores * one[2]) for one in rates), target, words, why)  # type: ignore[arg-type]
    return [result(f"R3 JPEG decode into batches, {cores} cores", 0, 0.9),
            result(f"   libjpeg-turbo alone, {cores} cores (the machine's own loss)", 1, None)]

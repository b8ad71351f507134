"""R5: everything that a Spark task does with its files, against the tightest of reading, checksums and decoding."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import decoding
import google_crc32c
from cores import Cores
from decoding import BATCH
from material import Material, many
from ratios import Limit, Result, Timed, compare, profile

from shapebench_jobs.dataset import reading
from shapebench_jobs.dataset.reading import ReadPlan
from shapebench_jobs.dataset.tally import total
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark.files import Files

FORMATS = ("tfrecord", "images")
SPARK_TIMES = 16
"""How often a Spark job reads the data."""


def task(material: Material, file_format: str, decode: bool = True) -> Timed:
    """A task of a Spark job, from the files' bytes to batches, without Spark around it."""
    paths = material.shards if file_format == "tfrecord" else material.files

    def contents() -> Iterator[tuple[str, bytes]]:
        for path in paths:
            yield path, Path(path).read_bytes()

    def read() -> None:
        (part,) = reading.read_part(ReadPlan(file_format, BATCH, decode), contents())
        if part.tally != material.made.contents.tally or part.damages:
            raise RuntimeError(f"read {part}, not what was made")
    return Timed("ours", len(material.encoded), read)


def tightest(material: Material, file_format: str) -> Limit:
    """The least of reading the files, the checksums of their images, and decoding."""
    paths = material.shards if file_format == "tfrecord" else material.files
    room = bytearray(max(Path(path).stat().st_size for path in paths))

    def readinto() -> None:
        for path in paths:
            with Path(path).open("rb", buffering=0) as file:
                file.readinto(room)  # type: ignore[attr-defined]

    def checksums() -> None:
        for encoded in material.encoded:
            google_crc32c.value(encoded)
    count = len(material.encoded)
    return Limit((Timed("readinto", count, readinto), Timed("crc", count, checksums), decoding.bare(material)), min,
                 "min(readinto, CRC-32C, libjpeg-turbo)")


def results(material: Material, rounds: int, cores: int) -> list[Result]:
    """R5 of a task on one core, and on all of them."""
    found = []
    for file_format in FORMATS:
        ours = task(material, file_format)
        found.append(compare(f"R5 a Spark task's whole work, {file_format}, one core", "img/CPU-s", ours,
                             tightest(material, file_format), rounds, 0.85, why=lambda call=ours.call: profile(call)))
        found.append(_on_all_cores(material, file_format, ours, rounds, cores))
    return found


def _on_all_cores(material: Material, file_format: str, ours: Timed, rounds: int, cores: int) -> Result:
    limit = decoding.bare(material)
    with Cores(cores, ours.work, ours.call) as everywhere, Cores(1, limit.work, limit.call) as alone:
        rates = [(everywhere.rate(), alone.rate()) for _ in range(rounds + 1)][1:]
    return Result(f"R5 a Spark task's whole work, {file_format}, {cores} cores", "img/s",
                  statistics.median(one for one, _ in rates), cores * statistics.median(one for _, one in rates),
                  tuple(one / (cores * most) for one, most in rates), 0.85, f"{cores} cores x libjpeg-turbo on one",
                  lambda: profile(ours.call))


def spark_results(material: Material, rounds: int, cores: int, session: Any) -> list[Result]:
    """R5 as a whole Spark job on all cores: starting tasks, listing and reading included."""
    limit = replace(decoding.bare(material), wall=True)
    data = many(material, material.made.folder.with_suffix(".many"), SPARK_TIMES)
    count = SPARK_TIMES * len(material.encoded)
    found = []
    for file_format in FORMATS:
        folder = f"file://{data}/{file_format}"

        def job(decode: bool = True, file_format: str = file_format, folder: str = folder) -> None:
            plan = ReadPlan(file_format, BATCH, decode)
            part = spark_files.read(session, Files(file_format, folder=folder), plan, 2 * cores)
            if part.tally != total([material.made.contents.tally] * SPARK_TIMES):
                raise RuntimeError(f"read {part}, not what was made")

        def why(job: Any = job) -> str:
            rate = Timed("", count, lambda: job(False), wall=True).rate()
            return (f"the same job without decoding: {rate:,.0f} img/s; the rest of the way to the limit is listing, "
                    "scheduling and reading")
        found.append(compare(f"R5 a whole Spark job, {file_format}, local[{cores}]", "img/s",
                             Timed("ours", count, job, wall=True),
                             Limit((limit,), lambda one: cores * one, f"{cores} cores x libjpeg-turbo on one"), rounds,
                             0.85, why=why))
    return found

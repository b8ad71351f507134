"""R5: everything that a Spark task does with its files, against the tightest of reading, checksums and decoding."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
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
SPARK_TIMES = 32
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


def cpu_of(job: Callable[[], object]) -> dict[str, float]:
    """CPU seconds of the JVM and of Spark's Python workers while the job runs, on a machine with no others."""
    before = _cpu_by_process()
    job()
    spent: dict[str, float] = {}
    for (_, name), seconds in _cpu_by_process(before).items():
        spent[name] = spent.get(name, 0.0) + seconds
    return {"Python": spent.get("python", 0.0), "JVM": spent.get("java", 0.0)}


def _cpu_by_process(since: Mapping[tuple[str, str], float] | None = None) -> dict[tuple[str, str], float]:
    """User and kernel seconds by process and name, less what they were."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            head, _, rest = stat.read_text().rpartition(")")
            key = stat.parent.name, head.partition("(")[2]
            ticks = sum(int(number) for number in rest.split()[11:13])
            found[key] = ticks / os.sysconf("SC_CLK_TCK") - (since or {}).get(key, 0.0)
    return found


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
            costs = cpu_of(job)
            alone = Cores(cores, limit.work, limit.call)
            with alone:
                everywhere = alone.rate()
            each = ", ".join(f"{name} {1e6 * seconds / count:,.0f} µs" for name, seconds in costs.items())
            return (f"CPU an image, the machine's cores together: {each}; libjpeg-turbo alone "
                    f"{1e6 / limit.rate():,.0f} µs. libjpeg-turbo alone on all cores: {everywhere:,.0f} img/s")
        found.append(compare(f"R5 a whole Spark job, {file_format}, local[{cores}]", "img/s",
                             Timed("ours", count, job, wall=True),
                             Limit((limit,), lambda one: cores * one, f"{cores} cores x libjpeg-turbo on one"), rounds,
                             0.85, why=why))
    return found

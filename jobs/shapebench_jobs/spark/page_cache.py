"""The page caches of all executors' machines: make them warm or cold before a read, and see what they are.

Every executor does it for all the files, because whether two of them share a machine and its page cache is not for a
job to guess. All have done it before the first one looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapebench_jobs.files import local as local_files
from shapebench_jobs.files import page_cache
from shapebench_jobs.files.page_cache import Residency
from shapebench_jobs.spark import cluster as spark_cluster
from shapebench_jobs.spark.files import Files


def prepare(spark_context: Any, files: Files, wanted: str) -> tuple[Residency, str]:
    """Warm or drop the files on every executor; what is true then, and why where that is not what was wanted."""
    if not files.local:
        unknown = Residency(unknown="the files are in no local folder")
        return unknown, page_cache.explanation(wanted, unknown)
    width = spark_cluster.slots(spark_context)
    stage = spark_context.parallelize(range(width), width).barrier()
    found: list[tuple[Residency, str]] = stage.mapPartitions(_Prepare(files, wanted)).collect()
    together = sum((one for one, _ in found), Residency())
    example = next((path for _, path in found if path), "")
    return together, page_cache.explanation(wanted, together, example)


def local_paths(files: Files) -> list[str]:
    """The files as paths of this machine, those that are there."""
    try:
        return list(files.sizes())
    except (FileNotFoundError, NotADirectoryError):
        return [path for path in map(local_files.path_of, files.paths) if Path(path).is_file()]


@dataclass(frozen=True)
class _Prepare:
    """The barrier stage's task: its share of the files, one file each for every task of the same executor in turn."""

    files: Files
    wanted: str

    def __call__(self, _: Iterator[int]) -> Iterator[tuple[Residency, str]]:
        from pyspark import BarrierTaskContext

        context = BarrierTaskContext.get()
        addresses = [info.address for info in context.getTaskInfos()]
        me = context.partitionId()
        siblings = [number for number, address in enumerate(addresses) if address == addresses[me]]
        mine = local_paths(self.files)[siblings.index(me) :: len(siblings)]
        page_cache.prepare(mine, self.wanted)
        context.barrier()
        yield page_cache.residency(mine), mine[0] if mine else ""

"""The folder that shards are written to, on each executor's own file system: is it fit, empty, and gone afterwards?

One barrier stage over all task slots does each of these on every executor at once. The same folder may be the same
disk for all of them (a shared claim, several executors on one machine), so nothing here minds being done twice.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapebench_jobs.dataset.reading import executor_name
from shapebench_jobs.files import local as local_files
from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.spark import cluster as spark_cluster

_SHARDS = "shard-*-of-*.tfrecord"


def local_path(url: str) -> Path:
    """The folder that a path or file:// URL names; BadArgumentsError where it is no place that a program can open."""
    path = local_files.path_of(url)
    if "://" in path:
        raise BadArgumentsError(
            f"--out={url} cannot be written: the tasks are Python programs that open files, and Spark's own file "
            "systems are not within their reach; give a path that is mounted in every executor (a "
            "PersistentVolumeClaim, or a bucket mounted by a CSI driver)")
    if not path.startswith("/"):
        raise BadArgumentsError(f"--out={url} is no absolute path: executors work in folders of their own")
    return Path(path)


def prepare(spark_context: Any, folder: Path, overwrite: bool) -> None:
    """Make the folder on every executor, empty of shards; BadArgumentsError telling which executor cannot, and why."""
    refused = sorted(set(_everywhere(spark_context, _Prepare(str(folder), overwrite))))
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise BadArgumentsError(f"--out={folder}: {refused[0]}{more}")


def remove(spark_context: Any, folder: Path) -> None:
    """Remove the folder and all that is in it from every executor."""
    _everywhere(spark_context, _Remove(str(folder)))


def shard_names(folder: Path) -> list[str]:
    """The shards in a folder, in order; none where there is no folder."""
    return sorted(path.name for path in folder.glob(_SHARDS))


def _everywhere(spark_context: Any, work: Any) -> list[str]:
    width = spark_cluster.slots(spark_context)
    done: list[str] = spark_context.parallelize(range(width), width).barrier().mapPartitions(work).collect()
    return done


@dataclass(frozen=True)
class _Prepare:
    folder: str
    overwrite: bool

    def __call__(self, _: Iterator[int]) -> Iterator[str]:
        folder = Path(self.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            trial = folder / f".trial-{executor_name().replace('/', '-')}-{os.getpid()}"
            trial.touch()
            trial.unlink()
            if self.overwrite:
                for pattern in (_SHARDS, f".{_SHARDS}.*"):
                    for path in folder.glob(pattern):
                        path.unlink(missing_ok=True)
            found = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            yield f"executor {executor_name()} cannot write there ({error.strerror})"
            return
        if found and not self.overwrite:
            yield f"is not empty, it holds {found[0]}: give --overwrite, which removes shards there, or another folder"


@dataclass(frozen=True)
class _Remove:
    folder: str

    def __call__(self, _: Iterator[int]) -> Iterator[str]:
        shutil.rmtree(self.folder, ignore_errors=True)
        return iter(())

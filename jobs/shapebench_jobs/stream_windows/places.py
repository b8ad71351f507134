"""The folders that a streaming query needs: who must see them, and where they are when nobody says.

Files of the stream are listed by the driver and read by the executors: a folder that only the driver sees is refused.
The checkpoint is other: the driver writes its log of batches there, and each executor the state of its own windows,
which nobody else reads unless the query is restarted or a partition moves to another executor. A run does neither.
"""

from __future__ import annotations

import functools
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shapebench_jobs.files import local as local_files
from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.spark import cluster as spark_cluster
from shapebench_jobs.stream_windows.source import new_folder


@contextmanager
def checkpoint(session: Any, given: str, scratch: Path) -> Iterator[str]:
    """The URL of a new checkpoint folder below `given`, or below `scratch` on each machine's own disk."""
    if given:
        folder = new_folder(session, given, "--checkpoint")
        try:
            yield folder.url
        finally:
            folder.remove()
        return
    path = scratch / f"checkpoint-{uuid.uuid4().hex[:12]}"
    try:
        yield f"file://{path}"
    finally:
        shutil.rmtree(path, ignore_errors=True)


def check_seen_by_all(session: Any, parent: str) -> None:
    """Raise BadArgumentsError, naming them, where executors cannot read what the driver writes below `parent`."""
    folder = new_folder(session, parent, "--folder")
    try:
        folder.put("probe.csv", "0,0\n")
        if not local_files.is_local((folder.url,)):  # a remote file system, and the driver may use it
            return
        look = functools.partial(_is_there, f"{local_files.path_of(folder.url)}/probe.csv")
        seen = spark_cluster.everywhere(session.sparkContext, look)
        blind = sorted({place for place, found in seen if not found})
        if blind:
            raise BadArgumentsError(
                f"--folder={parent}: {', '.join(blind)} cannot see what the driver writes there. Give a folder that "
                "every pod mounts (a claim in spec.volumes) or a bucket's URL (s3a://...), or take --source=rate")
    finally:
        folder.remove()


def _is_there(path: str) -> bool:
    return Path(path).exists()

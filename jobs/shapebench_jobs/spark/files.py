"""Read whole files with Spark, each kind by the way that is fastest for it.

Files of the executors' own disks (local folders, mounted claims): the driver lists them, and the tasks open them; see
files/local.py. From object storage their bytes come through Spark's file systems:

Many small files: the DataFrame source `binaryFile`. `SparkContext.binaryFiles` compresses the whole Hadoop
configuration once for every file, some 5 ms each: measured, it reads 4.5 kB images eight times more slowly.
A few large files: `binaryFiles`, because it hands their bytes to Python as they are, where a DataFrame's rows are
pickled first: measured, half the speed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import AnalysisException

from shapebench_jobs.dataset import reading
from shapebench_jobs.dataset.reading import Part, ReadPlan
from shapebench_jobs.files import local as local_files
from shapebench_jobs.spark import errors as spark_errors

Work = Callable[[ReadPlan, Iterable[tuple[str, bytes]]], Iterator[Part]]

IMAGE_NAMES = "*.{jpg,jpeg,JPG,JPEG}"
_SHARD_NAMES = "*.tfrecord*"
_SMALLEST_TASKS = 10_000
_UNBOUNDED = 1 << 30
_SPECIAL = frozenset("\\{}[]*?")
"""Letters that mean something in a pattern."""


@dataclass(frozen=True)
class Files:
    """All files of a format below a folder, or these paths; URLs of any file system that Spark knows."""

    format: str
    folder: str = ""
    paths: tuple[str, ...] = ()

    @property
    def local(self) -> bool:
        """Whether the executors can open them by themselves; a pattern of folders is for Spark to understand."""
        is_pattern = bool(_SPECIAL & set(self.folder)) and not Path(local_files.path_of(self.folder)).is_dir()
        return local_files.is_local(self.paths or (self.folder,)) and not is_pattern

    def sizes(self) -> dict[str, int]:
        """Path and bytes of each on this machine, where they are local; FileNotFoundError where one is not there."""
        if self.paths:
            return {path: Path(path).stat().st_size for path in map(local_files.path_of, self.paths)}
        return local_files.found(self.format, local_files.path_of(self.folder))


def read(session: Any, files: Files, plan: ReadPlan, tasks: int = 0, work: Work = reading.read_part) -> Part:
    """Read all files once on the whole cluster, small files in about `tasks` tasks (0: one for each slot).

    FileNotFoundError when there are no such files, BadArgumentsError when their bucket or folder
    cannot be read.
    """
    try:
        parts = _pairs(session, files, tasks).mapPartitions(functools.partial(work, plan)).collect()
    except (AnalysisException, Py4JJavaError) as error:
        _explain(error, files.folder or files.paths[0])
        raise
    return reading.merge(parts)


def read_text(session: Any, url: str) -> str:
    """A small file's text; FileNotFoundError when there is none, UnreadableUrlError when its bucket cannot be read."""
    try:
        content: bytes = session.sparkContext.binaryFiles(_escaped(url), 1).values().collect()[0]
    except Py4JJavaError as error:
        _explain(error, url.rpartition("/")[0])
        raise
    return content.decode()


def _pairs(session: Any, files: Files, tasks: int) -> Any:
    """An RDD of (URL, content)."""
    if files.local:
        groups = _groups(files, tasks or session.sparkContext.defaultParallelism)
        return session.sparkContext.parallelize(groups, max(1, len(groups))).mapPartitions(Opened(files.format))
    return _images(session, files, tasks) if files.format == "images" else _shards(session, files)


@dataclass(frozen=True)
class Opened:
    """What a task does first: open the files whose URLs Spark hands it, in groups; (URL, content) of each."""

    format: str

    def __call__(self, groups: Iterable[Iterable[str]]) -> Iterator[tuple[str, Any]]:
        """The groups' files."""
        return local_files.contents(self.format, (url for group in groups for url in group))


def _groups(files: Files, tasks: int) -> list[list[str]]:
    """The URLs of local files for each task; every shard has its own. Empty files are passed over, as by Spark."""
    urls = {f"file:{path}": size for path, size in files.sizes().items() if size}
    return local_files.dealt(urls, tasks) if files.format == "images" else [[url] for url in urls]


def qualified(session: Any, url: str) -> str:
    """A URL as Spark writes it: with the file system's defaults (/data may be file:/data), without needless slashes."""
    context = session.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(url)
    return str(path.getFileSystem(context._jsc.hadoopConfiguration()).makeQualified(path).toString())


def _images(session: Any, files: Files, tasks: int) -> Any:
    session = session.newSession()  # these settings are for this read alone
    # Tasks are cut by bytes, a file counting 4 MiB more than it has; without a bound, there are as many as asked for.
    session.conf.set("spark.sql.files.maxPartitionBytes", str(1 << 50))
    session.conf.set("spark.sql.files.minPartitionNum", str(tasks or session.sparkContext.defaultParallelism))
    # A list of paths would be looked up by a Spark job of one task for each path.
    session.conf.set("spark.sql.sources.parallelPartitionDiscovery.threshold", str(_UNBOUNDED))
    reader = session.read.format("binaryFile")
    if files.paths:
        frame = reader.load([_escaped(path) for path in files.paths])
    else:
        below = reader.option("recursiveFileLookup", "true").option("pathGlobFilter", IMAGE_NAMES)
        frame = below.load(files.folder)
    return frame.select("path", "content").rdd


def _shards(session: Any, files: Files) -> Any:
    context = session.sparkContext
    # A task for each shard. By default small shards are packed together up to 4 MiB, and some slots would get none.
    # (Not as many tasks as can be asked for: a target of less than a byte would mean no target at all.)
    context._jsc.sc().conf().set("spark.files.openCostInBytes", "0")
    paths = ",".join(_escaped(path) for path in files.paths) or f"{files.folder}/{_SHARD_NAMES}"
    return context.binaryFiles(paths, _SMALLEST_TASKS)


def _explain(error: AnalysisException | Py4JJavaError, url: str) -> None:
    """Raise what the error means, where that is known."""
    if _says_not_found(error):
        raise FileNotFoundError(url) from error
    unreadable = spark_errors.unreadable(url, str(error))
    if unreadable:
        raise unreadable from error


def _says_not_found(error: AnalysisException | Py4JJavaError) -> bool:
    if isinstance(error, AnalysisException):
        return str(error.getCondition()) == "PATH_NOT_FOUND"
    return str(error.java_exception.getClass().getName()).endswith("InvalidInputException")


def _escaped(path: str) -> str:
    """A path that Spark takes as it is: file names may hold what is special in a pattern."""
    return "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in path)

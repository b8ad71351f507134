"""The images that become shards: which there are, what their records must say, and how Spark hands them out.

The list is made before the clock starts, and it is what the written records are held against.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pyspark.errors import AnalysisException

from shapebench_jobs.dataset.files import Contents
from shapebench_jobs.files import local as local_files
from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark import source as spark_source

_OWN_COST_BYTES = 100_000
"""What an image costs apart from its size, as bytes of size: measured, 1.5 ms each and some 15 ms for a megabyte."""


@dataclass(frozen=True)
class Label:
    """The class of an image, as a number and as a name."""

    number: int
    name: str


@dataclass(frozen=True)
class Pictures:
    """A folder of images, class/image.jpg, and what is known of each by its key: its path below the folder."""

    folder: str
    """A URL."""
    root: str
    """The folder's path as Spark writes it in front of a file's."""
    labels: Mapping[str, Label]
    sizes: tuple[int, ...]
    """Bytes of the images, in no order."""
    fingerprint: str
    empty: tuple[str, ...] = ()
    """Keys of files without content. Spark passes over them in silence, so they are known from the list alone."""

    @property
    def classes(self) -> dict[str, int]:
        """Class numbers by name."""
        return {label.name: label.number for label in self.labels.values()}


def made(session: Any, url: str, contents: Contents) -> Pictures:
    """The images of a made data set below `url`."""
    folder = f"{url}/images"
    labels = {entry.path.partition("/")[2]: Label(entry.label, contents.classes[entry.label])
              for entry in contents.index}
    sizes = tuple(entry.tally.bytes for entry in contents.index)
    return Pictures(folder, spark_files.qualified(session, folder), labels, sizes, contents.fingerprint)


def own(session: Any, url: str) -> Pictures:
    """The user's own images, classes numbered in the order of their names; BadArgumentsError where there are none."""
    url = url.rstrip("/")
    contents = spark_source.manifest(session, url)
    if contents:
        return made(session, url, contents)
    root = spark_files.qualified(session, url)
    sizes = {path[len(root) + 1 :]: size for path, size in _listed(session, url).items()}
    without_class = sorted(key for key in sizes if "/" not in key)
    if not any(sizes.values()) or without_class:
        what = f"has {without_class[0]} in no class's folder" if without_class else "has no images"
        raise BadArgumentsError(f"--data={url} {what}: put them into folders named after their class, class/image.jpg")
    names = sorted({class_name(key) for key in sizes})
    labels = {key: Label(names.index(class_name(key)), class_name(key)) for key, size in sizes.items() if size}
    return Pictures(url, root, labels, tuple(size for size in sizes.values() if size), url,
                    empty=tuple(key for key, size in sizes.items() if not size))


def class_name(key: str) -> str:
    """The class of an image: the folder it lies in."""
    return key.split("/")[-2]


def partitions(session: Any, pictures: Pictures, shards: int, size: int) -> Any:
    """An RDD of (path, content) in exactly `shards` partitions; listing is part of its work.

    `size` is what `partition_bytes` found for as many: then they are of about equal work.
    """
    # Spark's own target for a partition stays above this limit, and coalescing joins the few that are too many.
    session = session.newSession()  # these settings are for this read alone
    session.conf.set("spark.sql.files.maxPartitionBytes", str(size))
    session.conf.set("spark.sql.files.minPartitionNum", "1")
    session.conf.set("spark.sql.files.openCostInBytes", str(_OWN_COST_BYTES))
    frame = _files(session, pictures.folder)
    if local_files.is_local((pictures.root,)):
        return frame.select("path").coalesce(shards).rdd.mapPartitions(spark_files.Opened("images"))
    return frame.select("path", "content").coalesce(shards).rdd


def partition_bytes(sizes: Sequence[int], partitions: int) -> int:
    """The size of a partition with which Spark packs files of these sizes most evenly into so many of them.

    Spark takes files from the largest to the smallest and begins a partition when the next would be too much. Left to
    itself it aims at an even cut and misses by what does not fit: hundreds of equal files for eight partitions make
    nine. Where no size gives exactly as many (nine equal files in four), there are a few more, never fewer.
    """
    ordered = sorted(sizes, reverse=True)
    low, high = 1, sum(ordered) + _OWN_COST_BYTES * len(ordered)
    while low < high:
        middle = (low + high) // 2
        if _packed(ordered, middle) <= partitions:
            high = middle
        else:
            low = middle + 1
    return low if _packed(ordered, low) == partitions else low - 1


def _packed(ordered: Iterable[int], limit: int) -> int:
    count = filled = 0
    for size in ordered:
        if count == 0 or filled + size > limit:
            count += 1
            filled = 0
        filled += size + _OWN_COST_BYTES
    return count


def _listed(session: Any, url: str) -> dict[str, int]:
    """Path and bytes of every image, whether it has content or not."""
    try:
        frame = _files(session, url)
        sizes = {row.path: row.length for row in frame.select("path", "length").collect()}
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        return {}
    names = frame._jdf.inputFiles()
    if len(names) == len(sizes):  # an item of this list at a time costs a call into the JVM
        return sizes
    paths = (unquote(name).replace("file:///", "file:/", 1) for name in names)
    return dict.fromkeys(paths, 0) | sizes


def _files(session: Any, folder: str) -> Any:
    reader = session.read.format("binaryFile").option("recursiveFileLookup", "true")
    return reader.option("pathGlobFilter", spark_files.IMAGE_NAMES).load(folder)

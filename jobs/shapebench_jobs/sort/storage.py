"""Where `sort` reads from and writes to: Spark's own blocks on each executor's disk, or a folder that all can reach.

Executors of a cluster share no disk, and a file that one of them wrote could be read by no other. Spark's blocks can:
they are kept where they were made, and found again. They go to spark.local.dir (on Kubernetes a scratch volume of the
pod), through the page cache and without waiting for the disk, as shuffle files do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from shapebench_jobs.harness.run import BadArgumentsError


class Storage(Protocol):
    """Keeps tables of records."""

    def keep(self, name: str, frame: Any) -> Any:
        """Compute a table, write it, and return it to be read again."""

    def located(self, kept: Any) -> Any:
        """A kept table with each record's place: columns part and row."""

    def close(self) -> None:
        """Remove what was kept."""


@dataclass(frozen=True)
class Blocks:
    """Spark's own blocks, on disk only."""

    def keep(self, name: str, frame: Any) -> Any:  # noqa: ARG002 - blocks have no names
        """Compute the table into blocks."""
        from pyspark import StorageLevel

        return frame.localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)

    def located(self, kept: Any) -> Any:
        """Partition, and the place in it that Spark counts."""
        from pyspark.sql import functions as F  # noqa: N812

        return kept.select("key", "payload", F.spark_partition_id().alias("part"),
                           F.monotonically_increasing_id().alias("row"))

    def close(self) -> None:
        """They go with the executors."""


@dataclass(frozen=True)
class Folder:
    """Parquet files, uncompressed, in a folder of this application's own below a URL."""

    session: Any
    url: str

    def keep(self, name: str, frame: Any) -> Any:
        """Write the table; BadArgumentsError where the driver does not find what the executors wrote."""
        from pyspark.errors import AnalysisException

        path = f"{self.folder}/{name}"
        frame.write.option("compression", "none").parquet(path)
        try:
            return self.session.read.parquet(path)
        except AnalysisException as error:
            raise BadArgumentsError(
                f"--storage={self.url}: the driver does not see what the executors wrote there. Give a folder that "
                "every pod mounts (a claim in spec.volumes) or a bucket's URL (s3a://...)") from error

    def located(self, kept: Any) -> Any:
        """The number in a file's name, and the row's in the file."""
        from pyspark.sql import functions as F  # noqa: N812

        number = F.regexp_extract(F.col("_metadata.file_name"), r"^part-(\d+)-", 1).cast("int")
        return kept.select("key", "payload", number.alias("part"), F.col("_metadata.row_index").alias("row"))

    def close(self) -> None:
        """Remove the folder; OSError's Java cousins pass through."""
        self._file_system().delete(self._path(self.folder), True)

    @property
    def folder(self) -> str:
        """No other run's."""
        return f"{self.url.rstrip('/')}/shapebench-sort-{self.session.sparkContext.applicationId}"

    def check_writable(self) -> None:
        """BadArgumentsError where the folder cannot be made."""
        from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]

        reason = "Hadoop's file system says no more"
        try:
            if self._file_system().mkdirs(self._path(self.folder)):
                return
        except Py4JJavaError as error:
            reason = str(error.java_exception.getMessage()).splitlines()[0]
        raise BadArgumentsError(f"--storage={self.url} cannot be written: {reason}")

    def _path(self, url: str) -> Any:
        return self.session._jvm.org.apache.hadoop.fs.Path(url)

    def _file_system(self) -> Any:
        return self._path(self.folder).getFileSystem(self.session.sparkContext._jsc.hadoopConfiguration())


def storage(session: Any, url: str) -> Storage:
    """The storage that --storage names; BadArgumentsError where it cannot be used."""
    if not url:
        return Blocks()
    if not url.startswith("/") and ":" not in url:
        raise BadArgumentsError(f"--storage={url} is no absolute path: give /folder or a URL that every executor has")
    folder = Folder(session, url)
    folder.check_writable()
    return folder

"""Where a made stream comes from: Spark's own rate source, or files that the driver writes while the stream is read.

Both bring row number v at v / rate seconds after the first one. The rate source makes its rows in the tasks, whole
seconds at a time, and asks nothing of a disk or network. Files are what many streams are: they have to be listed,
opened and parsed, and a row waits until its file is whole. A file gets its name in one step: no half of one is read.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from shapebench_jobs.files import local as local_files
from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.spark import errors as spark_errors


@dataclass(frozen=True)
class Stream:
    """An open source: rows with `value` and `timestamp`."""

    frame: Any
    fed: Callable[[], int]
    """How many rows were made so far; raises what the maker died of."""


class Source(Protocol):
    """Can be opened again and again, each time from row 0 on."""

    def opened(self) -> AbstractContextManager[Stream]:
        """The stream, while the context lasts."""

    def at_most(self, per_second: int) -> Source:
        """The same with so many rows per second, or fewer."""


@dataclass(frozen=True)
class RateSource:
    """Spark's `rate` source."""

    session: Any
    per_second: int
    partitions: int

    def at_most(self, per_second: int) -> RateSource:
        """The same with so many rows per second, or fewer."""
        return replace(self, per_second=min(self.per_second, per_second))

    @contextmanager
    def opened(self) -> Iterator[Stream]:
        """The stream; its first row is created when the query starts."""
        reader = self.session.readStream.format("rate").option("rowsPerSecond", self.per_second)
        frame = reader.option("numPartitions", self.partitions).load()
        started_s = time.monotonic()
        yield Stream(frame, lambda: int((time.monotonic() - started_s) * self.per_second))


class Folder(Protocol):
    """A folder that files can be put into, each in one step."""

    url: str

    def put(self, name: str, text: str) -> None:
        """Write a file."""

    def remove(self) -> None:
        """Remove the folder and all that is in it."""


class LocalFolder:
    """A folder of a file system that this machine has mounted."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True)
        self._path, self.url = path, f"file://{path}"

    def put(self, name: str, text: str) -> None:
        """Written under a hidden name, which Spark skips, and renamed."""
        hidden = self._path / f".{name}"
        hidden.write_text(text)
        hidden.rename(self._path / name)

    def remove(self) -> None:
        """Remove it all."""
        shutil.rmtree(self._path, ignore_errors=True)


class HadoopFolder:
    """A folder or bucket by URL, through Spark's own file systems."""

    def __init__(self, session: Any, url: str) -> None:
        jvm = session.sparkContext._jvm
        self.url = url
        self._path = jvm.org.apache.hadoop.fs.Path(url)
        self._file_system = self._path.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
        self._file_system.mkdirs(self._path)
        self._new_path = jvm.org.apache.hadoop.fs.Path

    def put(self, name: str, text: str) -> None:
        """An object appears when its upload ends. Elsewhere the hidden name, which Spark skips, does the same."""
        final = self._new_path(f"{self.url}/{name}")
        renamed = self._file_system.getScheme() in ("file", "hdfs", "viewfs")
        written = self._new_path(f"{self.url}/.{name}") if renamed else final
        out = self._file_system.create(written)
        try:
            out.write(bytearray(text.encode()))
        finally:
            out.close()
        if renamed:
            self._file_system.rename(written, final)

    def remove(self) -> None:
        """Remove it all."""
        self._file_system.delete(self._path, True)


def new_folder(session: Any, parent: str, option: str) -> Folder:
    """A new, empty folder below the URL or path `parent`; BadArgumentsError, naming the option, where that fails."""
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]

    name = f"stream-{uuid.uuid4().hex[:12]}"
    path = local_files.path_of(parent)
    try:
        if "://" not in path:
            return LocalFolder(Path(path).absolute() / name)
        return HadoopFolder(session, f"{parent.rstrip('/')}/{name}")
    except OSError as error:
        raise BadArgumentsError(f"{option}={parent}: {error.strerror}") from error
    except Py4JJavaError as error:
        known = spark_errors.unreadable(parent, str(error))
        reason = str(known).partition(": ")[2] if known else str(error.java_exception.toString()).splitlines()[0]
        raise BadArgumentsError(f"{option}={parent}: {reason}") from error


def file_text(first: int, last: int, per_second: int, origin_ms: int) -> str:
    """Rows first..last as CSV: number, creation time in Unix milliseconds."""
    return "".join(f"{row},{origin_ms + row * 1000 // per_second}\n" for row in range(first, last + 1))


@dataclass(frozen=True)
class FilesSource:
    """Files in a folder, written by a thread of the driver."""

    session: Any
    per_second: int
    file_every_s: float
    files_at_once: int
    """An interval's rows are cut into so many files, so that every slot has one to read."""
    new_folder: Callable[[], Folder]

    def at_most(self, per_second: int) -> FilesSource:
        """The same with so many rows per second, or fewer."""
        return replace(self, per_second=min(self.per_second, per_second))

    @contextmanager
    def opened(self) -> Iterator[Stream]:
        """The stream; its first row is created now."""
        folder = self.new_folder()
        feeder = _Feeder(self, folder, time.time())
        reader = self.session.readStream.schema("value LONG, created_ms LONG").format("csv")
        feeder.start()
        try:
            yield Stream(reader.load(folder.url).selectExpr("value", "timestamp_millis(created_ms) AS timestamp"),
                         feeder.fed)
        finally:
            feeder.stop()
            folder.remove()


class _Feeder(threading.Thread):
    """Writes each interval's rows when the interval ends."""

    def __init__(self, source: FilesSource, folder: Folder, origin_s: float) -> None:
        super().__init__(name="feeder", daemon=True)
        self._source, self._folder = source, folder
        self._origin_ms = round(origin_s * 1000)
        self._stopping = threading.Event()
        self._fed = 0
        self._error: BaseException | None = None

    def fed(self) -> int:
        """Rows written so far; raises what the writing died of."""
        if self._error is not None:
            raise self._error
        return self._fed

    def stop(self) -> None:
        """End after the file that is being written."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        interval = 1
        try:
            while not self._stopping.wait(max(0.0, self._due_s(interval) - time.time())):
                self._write(int(interval * self._source.file_every_s * self._source.per_second))
                interval += 1
        except Exception as error:  # told to whoever asks how much was fed
            self._error = error

    def _due_s(self, interval: int) -> float:
        return self._origin_ms / 1000 + interval * self._source.file_every_s

    def _write(self, end: int) -> None:
        """Rows up to `end`, in files of nearly the same size."""
        start, files = self._fed, self._source.files_at_once
        for number in range(files):
            first, following = (start + (end - start) * part // files for part in (number, number + 1))
            if following > first:
                text = file_text(first, following - 1, self._source.per_second, self._origin_ms)
                self._folder.put(f"{first:012}.csv", text)
                self._fed = following

"""Which images of a known data set were not read, and why no task told of them.

Empty files are passed over without a word, and a shard that was cut between two records looks whole. So
where images are missing after a read, the files are listed once more, on no clock, and compared with what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]

from shapebench_jobs.dataset import answer, reading
from shapebench_jobs.dataset.reading import Damage, Part
from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark.source import Source


def told(session: Any, source: Source, part: Part) -> Part:
    """The part, with images that are missing for a reason as damages; WrongAnswerError where files are missing."""
    if not answer.short(part, source.answer):
        return part
    listed = spark_files.read(session, source.files, source.plan, work=reading.list_part)
    found = tuple(_left_out(source, listed, {answer.key(damage.path) for damage in part.damages}))
    missing = [damage.path for damage in found if not _is_there(session, damage.path)]
    if missing:
        more = f" and {len(missing) - answer.NAMED} more" if len(missing) > answer.NAMED else ""
        raise WrongAnswerError(f"missing files: {'; '.join(missing[: answer.NAMED])}{more}")
    return replace(part, damages=part.damages + found)


def _left_out(source: Source, listed: Part, damaged: set[str]) -> Iterator[Damage]:
    seen = {answer.key(path): (path, images) for path, images in listed.files}
    for name, tallies in source.answer.files.items():
        path, images = seen.get(name, ("", 0))
        if not path:
            yield Damage(_url(source, name), 0, "empty", rest=True)
        elif images < len(tallies) and name not in damaged:
            yield Damage(path, images, f"ends before image {images} of {len(tallies)}", rest=True)


def _url(source: Source, name: str) -> str:
    known = {answer.key(path): path for path in source.files.paths}
    below = name if source.files.format == "images" else name.rpartition("/")[2]
    return known.get(name, f"{source.files.folder}/{below}")


def _is_there(session: Any, url: str) -> bool:
    path = session._jvm.org.apache.hadoop.fs.Path(url)
    try:
        return bool(path.getFileSystem(session._jsc.hadoopConfiguration()).exists(path))
    except Py4JJavaError:
        return False

"""Where read-speed's images come from, and what the right answer is: a made data set, or the user's own by URL.

A folder that a `dataset` run made (it has a manifest.json) tells its own contents; any other is listed and read once
before the clock starts, and what that found is the answer to meet again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shapebench_jobs.dataset import answer, reading
from shapebench_jobs.dataset import files as dataset_files
from shapebench_jobs.dataset.answer import Answer
from shapebench_jobs.dataset.reading import ReadPlan
from shapebench_jobs.dataset.tally import Tally
from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError, note
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark.files import Files

_WHAT_IS_MISSING = {"images": "class/image.jpg", "tfrecord": "*.tfrecord"}
_MADE_FOLDERS = {"images": "images", "tfrecord": "tfrecord"}


@dataclass(frozen=True)
class Source:
    """Files to read and what they must turn out to hold."""

    files: Files
    number_of_files: int | None
    """None where they were not counted."""
    plan: ReadPlan
    answer: Answer
    fingerprint: str


def made(url: str, contents: dataset_files.Contents, plan: ReadPlan, images: int) -> Source:
    """A made data set below `url`: all of it, or its first `images` images where that is not 0."""
    refuse_too_few(plan.batch_size, images, contents.tally.count)
    files = contents.files(plan.format)
    if images in (0, contents.tally.count):
        folder = Files(plan.format, folder=f"{url}/{_MADE_FOLDERS[plan.format]}")
        return Source(folder, len(files), plan, answer.of_files(files), contents.fingerprint)
    taken = first(((path, len(tallies)) for path, tallies in files), images)
    chosen = Files(plan.format, paths=tuple(f"{url}/{path}" for path, _ in taken))
    there = dict(files)
    expected = answer.of_files((path, there[path][:count]) for path, count in taken)
    return Source(chosen, len(taken), _limited(plan, taken), expected, contents.fingerprint)


def sip(url: str, contents: dataset_files.Contents, plan: ReadPlan, files: int) -> Source:
    """One image from each of some files of a made data set: enough to start everything that reading needs."""
    names = [path for path, _ in contents.files(plan.format)[:files]]
    chosen = Files(plan.format, paths=tuple(f"{url}/{name}" for name in names))
    limits = {name.rpartition("/")[2]: 1 for name in names}
    return Source(chosen, len(chosen.paths), replace(plan, limits=limits), Answer(Tally()), contents.fingerprint)


def own(session: Any, url: str, plan: ReadPlan, images: int, *, skip: bool = False) -> Source:
    """The user's own folder or bucket; BadArgumentsError when it has no such files, or too few images.

    Damaged images are a WrongAnswerError unless `skip`: then they are decoded in this first read too, if they will be,
    so that the measured ones can be held to what it finds.
    """
    url = url.rstrip("/")
    learning = plan if skip else replace(plan, decode=False)
    try:
        contents = manifest(session, url)
        place = spark_files.qualified(session, url)  # /data may be a local folder
        if contents:
            _warm_up(session, place, contents, plan)
            return made(place, contents, plan, images)
        note(f"reading {url} once to learn what is in it")
        source = Source(Files(plan.format, folder=place), None, learning, Answer(Tally()), url)
        if images:
            source = _first_of_own(session, source, images)
        found = spark_files.read(session, source.files, source.plan)
    except FileNotFoundError:
        raise BadArgumentsError(f"--data={url} has no {_WHAT_IS_MISSING[plan.format]}") from None
    if found.damages and not skip:
        raise WrongAnswerError(f"damaged input: {answer.described(found.damages)}")
    if not found.tally.count:
        raise BadArgumentsError(f"--data={url} has no {'intact ' * bool(found.damages)}"
                                f"{_WHAT_IS_MISSING[plan.format]}")
    refuse_too_few(plan.batch_size, images, found.tally.count + len(found.damages))
    return replace(source, plan=replace(source.plan, decode=plan.decode),
                   answer=Answer(found.tally, damaged=len(found.damages)))


def _warm_up(session: Any, url: str, contents: dataset_files.Contents, plan: ReadPlan) -> None:
    """Read a few images: in each executor the client of an object store takes seconds to come up. (Without a manifest,
    reading everything once does it.)"""
    slots = session.sparkContext.defaultParallelism
    few = sip(url, contents, plan, 2 * slots)
    with suppress(FileNotFoundError):  # a file that is missing is for the measured reading to tell
        spark_files.read(session, few.files, few.plan, 2 * slots)


def refuse_too_few(batch_size: int, images: int, there: int) -> None:
    """BadArgumentsError where a batch, or all that are asked for (0: whatever there is), are more than the data."""
    if batch_size > there:
        raise BadArgumentsError(f"--batch-size={batch_size} is larger than the data: there are {there} images. "
                                "Give a smaller batch, or more images (--images for a made data set)")
    if images > there:
        raise BadArgumentsError(f"--batch-size={batch_size} x --batches={images // batch_size} asks for {images} "
                                f"images, and there are {there}: give less, or more images (--images for a made data "
                                "set)")


def first(files: Iterable[tuple[str, int]], images: int) -> list[tuple[str, int]]:
    """The files (path, images in it) that hold the first `images` images, the last one's count cut to fit."""
    taken: list[tuple[str, int]] = []
    for path, count in files:
        if images <= 0:
            break
        taken.append((path, min(count, images)))
        images -= count
    return taken


def _first_of_own(session: Any, source: Source, images: int) -> Source:
    listed = spark_files.read(session, source.files, source.plan, work=reading.list_part)
    taken = first(sorted(listed.files), images)
    chosen = Files(source.plan.format, paths=tuple(path for path, _ in taken))
    return replace(source, files=chosen, number_of_files=len(taken), plan=_limited(source.plan, taken))


def _limited(plan: ReadPlan, taken: list[tuple[str, int]]) -> ReadPlan:
    if plan.format == "images" or not taken:
        return plan
    path, count = taken[-1]
    return replace(plan, limits={path.rpartition("/")[2]: count})


def manifest(session: Any, url: str) -> dataset_files.Contents | None:
    """What the folder says of itself, where `dataset` made it."""
    try:
        texts = [spark_files.read_text(session, f"{url}/{name}")
                 for name in (dataset_files.MANIFEST_FILE, dataset_files.INDEX_FILE)]
    except FileNotFoundError:
        return None
    try:
        return dataset_files.parse(*texts)
    except (ValueError, KeyError) as error:
        raise BadArgumentsError(f"--data={url} has a {dataset_files.MANIFEST_FILE} of another kind: {error}") from error

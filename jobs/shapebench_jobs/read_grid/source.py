"""Where read-grid's images come from: a folder that every executor reads by itself, and what each of its images is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from shapebench_jobs.dataset import answer, making, reading
from shapebench_jobs.dataset import files as dataset_files
from shapebench_jobs.dataset.answer import Answer
from shapebench_jobs.dataset.making import Dataset
from shapebench_jobs.dataset.reading import Damage, ReadPlan
from shapebench_jobs.dataset.tally import Tally, image_checksum
from shapebench_jobs.files import local as local_files
from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError, note
from shapebench_jobs.read_grid.grid import Assignment

Known = Mapping[str, tuple[tuple[str, tuple[Tally, ...]], ...]]
"""By format: path of each file in order, and its images in theirs."""


def made(there: Dataset, formats: Iterable[str]) -> Known:
    """The files of a data set that tells its own contents."""
    return {one: tuple((f"{there.folder}/{path}", tallies) for path, tallies in there.contents.files(one))
            for one in formats}


def own(url: str, formats: Iterable[str], images: int, *, skip: bool) -> tuple[Known, str]:
    """The files of the user's own folder, as many as hold `images` images, and a name for what is in it.

    BadArgumentsError where it is no folder or has no such files; WrongAnswerError where any is damaged, unless `skip`.
    """
    folder = local_folder(url)
    if (folder / dataset_files.MANIFEST_FILE).exists():
        try:
            there = making.load(folder)
        except (OSError, ValueError, KeyError) as error:
            raise BadArgumentsError(
                f"--data={url} has a {dataset_files.MANIFEST_FILE} of another kind: {error}") from error
        return made(there, formats), there.contents.fingerprint
    note(f"reading {url} once to learn what is in it")
    return {one: _learned(url, folder, one, images, skip=skip) for one in formats}, url


def local_folder(url: str) -> Path:
    """The folder of a file: URL or of a path; BadArgumentsError where there is none."""
    path = local_files.path_of(url)
    if not path.startswith("/"):
        raise BadArgumentsError(f"--data={url} is no local folder: the tasks open their files themselves; give a "
                                "folder of every executor's file system, as /data or file:/data (read-speed reads "
                                "buckets)")
    if not Path(path).is_dir():
        raise BadArgumentsError(f"--data={url} is no folder on the driver: mount it there and in every executor")
    return Path(path)


def expected(assignment: Assignment, known: Known) -> Answer:
    """What reading an assignment must find."""
    there = dict(known[assignment.parameters.format])
    return answer.of_files((path, there[path][:images]) for path, images in assignment.files)


def _learned(url: str, folder: Path, file_format: str, images: int, *,
             skip: bool) -> tuple[tuple[str, tuple[Tally, ...]], ...]:
    plan = ReadPlan(file_format, 1, decode=False)
    found: list[tuple[str, tuple[Tally, ...]]] = []
    damages: list[Damage] = []
    for path in local_files.found(file_format, str(folder)):
        if sum(len(tallies) for _, tallies in found) >= images:
            break
        tallies: list[Tally] = []
        for image in reading.images_of(plan, path, Path(path).read_bytes()):
            if isinstance(image, Damage):
                damages.append(image)
                tallies.append(Tally())
            else:
                tallies.append(Tally(1, len(image.encoded), image_checksum(image.encoded, image.class_name)))
        found.append((path, tuple(tallies)))
    if damages and not skip:
        raise WrongAnswerError(f"damaged input: {answer.described(tuple(damages))}")
    if not found:
        raise BadArgumentsError(f"--data={url} has no {'class/image.jpg' if file_format == 'images' else '*.tfrecord'}")
    return tuple(found)

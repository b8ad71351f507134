"""Make a data set of labelled JPEG images, once for each machine, the same on every machine.

The library part is `ensure`: any number of processes may ask for the same data set at once, and one of them makes it.
As a program this prints the folder, so that a script can hand it on.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shapebench_jobs import arguments, dataset_files
from shapebench_jobs.dataset_files import Contents, DatasetArguments
from shapebench_jobs.harness import BadArgumentsError, Run, perform

DESCRIPTION = """\
Make JPEG images of several classes (stripes, checkers, disc, ...) that a small network can learn,
as one file an image and as TFRecord shards of the same bytes.

The data set lies in its own folder under --out, named after its arguments: asking again for the
same one reuses it, asking for another one makes another folder. The folder is printed."""


@dataclass(frozen=True)
class Dataset:
    """A data set that is there, whole."""

    folder: Path
    contents: Contents


def ensure(root: Path, wanted: DatasetArguments) -> Dataset:
    """The data set under `root`, made if it is not there; safe to call from many processes at once.

    It is built beside its place and renamed into it, so a folder that exists is complete, even after a crash.
    """
    folder = root / wanted.fingerprint
    if not (folder / dataset_files.MANIFEST_FILE).exists():
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root / f".{wanted.fingerprint}.lock"):
            if not (folder / dataset_files.MANIFEST_FILE).exists():
                _build(root, folder, wanted)
    return load(folder)


def load(folder: Path) -> Dataset:
    """A data set from its folder; OSError or ValueError when there is none."""
    manifest = (folder / dataset_files.MANIFEST_FILE).read_text()
    return Dataset(folder, dataset_files.parse(manifest, (folder / dataset_files.INDEX_FILE).read_text()))


def _build(root: Path, folder: Path, wanted: DatasetArguments) -> None:
    prefix = f".{wanted.fingerprint}.{socket.gethostname()}."
    for abandoned in root.glob(f"{prefix}*"):  # we hold this machine's lock: whoever made it is dead
        shutil.rmtree(abandoned, ignore_errors=True)
    building = root / f"{prefix}{os.getpid()}"
    building.mkdir()
    try:
        dataset_files.write(building, wanted)
        building.rename(folder)
    except OSError:
        # On a shared file system whose locks end at the machine, another one may have been first: as good as ours.
        if not (folder / dataset_files.MANIFEST_FILE).exists():
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    parser = arguments.new_parser("dataset", DESCRIPTION)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that data sets are kept in")
    arguments.add_dataset_options(parser, size_option="--size")
    options = parser.parse_args(argv)

    def job(_: Run) -> None:
        try:
            made = ensure(options.out.absolute(), arguments.dataset_arguments(options))
        except OSError as error:
            raise BadArgumentsError(f"--out={options.out}: {error.strerror}") from error
        print(made.folder)

    return perform(job)


if __name__ == "__main__":
    sys.exit(main())

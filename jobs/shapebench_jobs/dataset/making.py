"""Make a data set of labelled JPEG images, once for each machine, the same on every machine.

The library part is `ensure`: any number of processes may ask for the same data set at once, and one of them makes it.
As a program this prints the folder, so that a script can hand it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shapebench_jobs.dataset import files as dataset_files
from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.dataset.files import Contents, DatasetArguments
from shapebench_jobs.files import made_once
from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import BadArgumentsError, Run, perform

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
    """The data set under `root`, made if it is not there; safe to call from many processes at once."""
    folder = made_once.ensure(root, wanted.fingerprint, dataset_files.MANIFEST_FILE,
                              lambda building: dataset_files.write(building, wanted))
    return load(folder)


def load(folder: Path) -> Dataset:
    """A data set from its folder; OSError or ValueError when there is none."""
    manifest = (folder / dataset_files.MANIFEST_FILE).read_text()
    return Dataset(folder, dataset_files.parse(manifest, (folder / dataset_files.INDEX_FILE).read_text()))


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    parser = arguments.new_parser("dataset", DESCRIPTION)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that data sets are kept in")
    dataset_options.add_dataset_options(parser, size_option="--size")
    options = parser.parse_args(argv)

    def job(_: Run) -> None:
        try:
            made = ensure(options.out.absolute(), dataset_options.dataset_arguments(options))
        except OSError as error:
            raise BadArgumentsError(f"--out={options.out}: {error.strerror}") from error
        print(made.folder)

    return perform(job)

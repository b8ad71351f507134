"""Command-line options of jobs that read images: which, where they are, in what condition."""

from __future__ import annotations

import argparse

from shapebench_jobs.dataset import drawing
from shapebench_jobs.dataset.files import DatasetArguments
from shapebench_jobs.files import data_folder, page_cache
from shapebench_jobs.harness.arguments import integer, one_of, several
from shapebench_jobs.harness.run import BadArgumentsError

FORMATS = ("images", "tfrecord")


formats = several(one_of(FORMATS, "format"))
"""A type for argparse: formats with commas between them, none of them twice."""


def image_size(text: str) -> tuple[int, int]:
    """A type for argparse: "96" or "128x96" (width x height), in pixels."""
    width, _, height = text.lower().partition("x")
    try:
        size = int(width), int(height or width)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: give 96 or 128x96") from None
    if min(size) < drawing.SMALLEST_SIDE_PX:
        raise argparse.ArgumentTypeError(f"{text} is too small: give {drawing.SMALLEST_SIDE_PX} pixels or more")
    return size


def add_picture_options(parser: argparse.ArgumentParser, size_option: str = "--image-size",
                        side: int = DatasetArguments.width) -> argparse._ArgumentGroup:
    """Options that decide the pictures of the made data set; `side` is their size where none is given, in pixels."""
    default = DatasetArguments()
    group = parser.add_argument_group("made data set")
    group.add_argument("--images", type=integer(1), default=default.images, metavar="N",
                       help="how many JPEG images to make (default %(default)s)")
    group.add_argument(size_option, dest="image_size", type=image_size, default=(side, side), metavar="PIXELS",
                       help=f"side of an image, or WIDTHxHEIGHT, in pixels (default {side})")
    group.add_argument("--classes", type=integer(2, len(drawing.PATTERNS)), default=default.classes, metavar="N",
                       help=f"how many classes of image, 2 to {len(drawing.PATTERNS)} (default %(default)s)")
    group.add_argument("--seed", type=integer(0), default=default.seed, metavar="N",
                       help="the same seed makes the same bytes on every machine (default %(default)s)")
    return group


def add_dataset_options(parser: argparse.ArgumentParser, size_option: str = "--image-size") -> None:
    """Options that decide the made data set."""
    default = DatasetArguments()
    group = add_picture_options(parser, size_option)
    group.add_argument("--shards", type=integer(1), default=default.shards, metavar="N",
                       help="how many TFRecord files hold the images; give at least the cluster's task slots "
                       "(default %(default)s)")
    group.add_argument("--quality", type=integer(1, 100), default=default.quality, metavar="N",
                       help="JPEG quality, 1 to 100 (default %(default)s)")


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Options that say where a job's images come from, in which format."""
    group = parser.add_argument_group("data")
    group.add_argument("--format", choices=FORMATS, default="images",
                       help="read one file an image, or TFRecord shards (default %(default)s)")
    add_place_options(group)


def add_place_options(group: argparse._ArgumentGroup,
                      places: str = "folder or bucket (class/image.jpg or *.tfrecord)") -> None:
    """Options that say where a job's images come from; `places` says what --data may be."""
    group.add_argument("--data", default="", metavar="URL",
                       help=f"read this {places} instead of making a data set; "
                       "every worker must be able to read the URL (default: make one)")
    data_folder.add_option(group, "where a made data set is kept and reused, on each machine's own disk")


def add_condition_options(parser: argparse.ArgumentParser) -> None:
    """Options for the state that a reading job finds its files in."""
    group = parser.add_argument_group("condition of the files")
    group.add_argument("--page-cache", choices=page_cache.WANTED, default=None,
                       help="before each timed read, make the page cache of every executor's machine hold the files "
                       "(warm), or drop them from it (cold), or do nothing; what is true then is measured and "
                       "written with each row (default: warm for a made data set, as-is for --data, which may be "
                       "larger than what each executor should read first)")
    add_on_damage(group)


def add_on_damage(group: argparse._ActionsContainer) -> None:
    """The option that says what a damaged image means."""
    group.add_argument("--on-damage", choices=("fail", "skip"), default="fail",
                       help="a damaged image or record is a wrong answer, or is counted, named and left out "
                       "(default %(default)s)")


def page_cache_wanted(options: argparse.Namespace) -> str:
    """What --page-cache asks for, or stands for where it is not given."""
    return str(options.page_cache or (page_cache.AS_IS if options.data else page_cache.WARM))


def dataset_arguments(options: argparse.Namespace) -> DatasetArguments:
    """The data set that the options describe; BadArgumentsError where two of them contradict each other."""
    if options.shards > options.images:
        raise BadArgumentsError(f"--shards={options.shards} is more than --images={options.images}: "
                           "a shard would be empty")
    width, height = options.image_size
    return DatasetArguments(options.images, width, height, options.classes, options.seed, options.shards,
                            options.quality)

"""Command-line arguments that all jobs share: their types and their wording."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def integer(smallest: int, largest: int | None = None) -> Callable[[str], int]:
    """A type for argparse: a whole number within bounds."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if number < smallest or (largest is not None and number > largest):
            bounds = f"at least {smallest}" if largest is None else f"from {smallest} to {largest}"
            raise argparse.ArgumentTypeError(f"{number} is out of range: give {bounds}")
        return number

    return parse


def integers(smallest: int) -> Callable[[str], tuple[int, ...]]:
    """A type for argparse: whole numbers with commas between them, none of them twice."""
    return several(integer(smallest))


def several(one: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """A type for argparse: values of one type with commas between them, none of them twice."""

    def parse(text: str) -> tuple[T, ...]:
        values = tuple(one(part.strip()) for part in text.split(","))
        if len(set(values)) < len(values):
            raise argparse.ArgumentTypeError(f"{text!r} has a value twice")
        return values

    return parse


def positive(text: str) -> float:
    """A type for argparse: a number above zero."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is out of range: give a number above 0")
    return number


def new_parser(program: str, description: str) -> argparse.ArgumentParser:
    """A parser whose help keeps the description's paragraphs; options are never abbreviated (a typo is an error)."""
    return argparse.ArgumentParser(
        prog=f"python -m shapebench_jobs.{program}", description=description, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Options that every Spark job has."""
    group = parser.add_argument_group("cluster")
    group.add_argument("--start-timeout", type=positive, default=300.0, metavar="SECONDS",
                       help="how long to wait for all executors, in seconds (default %(default)g)")

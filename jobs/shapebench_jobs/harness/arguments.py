"""Command-line arguments that all jobs share: their types and their wording.

A type says in `schema`, in JSON Schema's words, which texts it takes: `make generate` writes it down for whoever starts
jobs and has none of them at hand.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Type(Generic[T]):
    """A type for argparse that says what it takes."""

    parse: Callable[[str], T]
    schema: Mapping[str, Any]

    def __call__(self, text: str) -> T:
        """The value; raises ArgumentTypeError."""
        return self.parse(text)


def integer(smallest: int, largest: int | None = None) -> Type[int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if number < smallest or (largest is not None and number > largest):
            bounds = f"at least {smallest}" if largest is None else f"from {smallest} to {largest}"
            raise argparse.ArgumentTypeError(f"{number} is out of range: give {bounds}")
        return number

    return Type(parse, {"type": "integer", "minimum": smallest} | ({} if largest is None else {"maximum": largest}))


def integers(smallest: int) -> Type[tuple[int, ...]]:
    """Whole numbers with commas between them, none of them twice."""
    return several(integer(smallest))


def one_of(names: Collection[str], what: str) -> Type[str]:
    """One of the names; `what` they are is said in the error."""

    def parse(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no {what} {text!r}: give some of {', '.join(names)}")
        return text

    return Type(parse, {"enum": [*names]})


def several(one: Type[T]) -> Type[tuple[T, ...]]:
    """Values of one type with commas between them, none of them twice."""

    def parse(text: str) -> tuple[T, ...]:
        values = tuple(one(part.strip()) for part in text.split(","))
        if len(set(values)) < len(values):
            raise argparse.ArgumentTypeError(f"{text!r} has a value twice")
        return values

    return Type(parse, {"type": "array", "items": one.schema, "uniqueItems": True})


def _number(fits: Callable[[float], bool], wanted: str, bounds: Mapping[str, float]) -> Type[float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not fits(number):
            raise argparse.ArgumentTypeError(f"{text} is out of range: give {wanted}")
        return number

    return Type(parse, {"type": "number", **bounds})


positive = _number(lambda number: 0 < number < math.inf, "a number above 0", {"exclusiveMinimum": 0})
not_negative = _number(lambda number: 0 <= number < math.inf, "0 or a number above it", {"minimum": 0})
share = _number(lambda number: 0 <= number < 1, "0 or more and less than 1", {"minimum": 0, "exclusiveMaximum": 1})


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

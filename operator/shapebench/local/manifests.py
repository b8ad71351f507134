"""The Benchmarks of several files and folders, with everything that is wrong with any of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shapebench.api.benchmark import Benchmark
from shapebench.local import manifest

SUFFIXES = (".yaml", ".yml", ".json")
"""Which files of a folder count, as for kubectl."""


@dataclass(frozen=True)
class Found:
    """A Benchmark and the file that has it."""

    file: Path
    benchmark: Benchmark

    @property
    def name(self) -> str:
        """The Benchmark's name."""
        return self.benchmark.metadata.name


@dataclass(frozen=True)
class Contents:
    """The Benchmarks of all files that have no problem, and a line for each thing to mend in the others."""

    found: tuple[Found, ...]
    problems: tuple[str, ...]

    def namesakes(self, one: Found) -> tuple[Found, ...]:
        """The Benchmarks of other files that have this one's name."""
        return tuple(other for other in self.found if other.name == one.name and other is not one)


def read(sources: Iterable[Path]) -> Contents:
    """All Benchmarks of these files, and of the files that are in these folders (not in folders below)."""
    found: dict[Path, tuple[Found, ...]] = {}  # a file may be named twice, itself and by its folder
    problems: dict[Path, tuple[str, ...]] = {}
    for source in sources:
        try:
            files = _files(source)
        except OSError as error:
            problems[source.resolve()] = (f"{source}: cannot be read: {error.strerror}",)
            continue
        others = 0
        for file in files:
            try:
                found[file.resolve()] = tuple(Found(file, benchmark) for benchmark in manifest.load(file))
            except manifest.ManifestError as error:
                if isinstance(error, manifest.NoBenchmarkError) and file != source:
                    others += 1
                else:
                    problems[file.resolve()] = error.lines
        if others == len(files):
            problems[source.resolve()] = (f"{source}: no {', '.join(SUFFIXES)} file in this folder has a document with "
                                          "kind: Benchmark (folders below are not looked into)",)
    return Contents(tuple(itertools.chain(*found.values())), tuple(itertools.chain(*problems.values())))


def _files(source: Path) -> list[Path]:
    """The file itself, or a folder's; what belongs to its Benchmarks may lie beside them. Raises OSError."""
    if not source.is_dir():
        return [source]
    return sorted(file for file in source.iterdir() if file.suffix in SUFFIXES and not file.is_dir())

"""Reads Benchmarks from a YAML file; every error names the field and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from shapebench.api.benchmark import Benchmark
from shapebench.local import mistakes
from shapebench.plan import acceptance


class ManifestError(Exception):
    """The file holds no Benchmark that can run; `problems` has one line for each thing to mend."""

    def __init__(self, file: Path, problems: tuple[str, ...]) -> None:
        super().__init__(f"{file}: " + "; ".join(problems))
        self.problems = problems
        self.lines = tuple(f"{file}: {problem}" for problem in problems)


class NoBenchmarkError(ManifestError):
    """The file may be in order, but nothing in it is a Benchmark."""


def load(file: Path) -> tuple[Benchmark, ...]:
    """The file's Benchmarks; documents of other kinds are passed over. Raises ManifestError with all problems."""
    try:
        documents = [document for document in yaml.safe_load_all(file.read_text()) if document is not None]
    except OSError as error:
        raise ManifestError(file, (f"cannot be read: {error.strerror}",)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(file, (f"is not YAML: {' '.join(str(error).split())}",)) from error
    wanted = [document for document in documents
              if not isinstance(document, dict) or document.get("kind", "Benchmark") == "Benchmark"]
    if not wanted:
        raise NoBenchmarkError(file, ("has no document with kind: Benchmark",))
    benchmarks: list[Benchmark] = []
    problems: list[str] = []
    for document in wanted:
        try:
            benchmarks.append(_benchmark(file, document))
        except ManifestError as error:
            problems += error.problems
    names = [benchmark.metadata.name for benchmark in benchmarks]
    problems += [f"metadata.name: two Benchmarks are called {name}; rename one"
                 for name in sorted({name for name in names if names.count(name) > 1})]
    if problems:
        raise ManifestError(file, tuple(problems))
    return tuple(benchmarks)


def _benchmark(file: Path, document: Any) -> Benchmark:
    if not isinstance(document, dict):
        raise ManifestError(file, ("is no Kubernetes object: it must begin with apiVersion, kind, metadata, spec",))
    try:
        benchmark = Benchmark.model_validate(document)
    except ValidationError as error:
        raise ManifestError(file, mistakes.told(document, error)) from error
    problems = acceptance.problems(benchmark.spec)
    if problems:
        raise ManifestError(file, problems)
    return benchmark

"""Reads Benchmarks from a YAML file; every error names the field and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from shapebench.api import keys
from shapebench.api.benchmark import Benchmark
from shapebench.local import mistakes, not_yaml
from shapebench.plan import acceptance


class ManifestError(Exception):
    """The file holds no Benchmark that can run; `problems` has one for each thing to mend. `place`: `:line:column`."""

    def __init__(self, file: Path, problems: tuple[str, ...], place: str = "") -> None:
        super().__init__(f"{file}{place}: " + "; ".join(problems))
        self.problems = problems
        self.lines = tuple(f"{file}{place}: {problem}" for problem in problems)


class NoBenchmarkError(ManifestError):
    """The file may be in order, but nothing in it is a Benchmark."""


def load(file: Path) -> tuple[Benchmark, ...]:
    """The file's Benchmarks; documents of other kinds are passed over. Raises ManifestError with all problems."""
    documents = _documents(file)
    wanted = [document for document in documents if not isinstance(document, dict) or _is_ours(document)]
    if not wanted:
        kinds = ", ".join(sorted({str(document.get("kind")) for document in documents}))
        raise NoBenchmarkError(file, (f"has no document with kind: Benchmark{f', only {kinds}' if kinds else ''}",))
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


def _documents(file: Path) -> list[Any]:
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise ManifestError(file, (f"cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise ManifestError(file, (f"is no text in UTF-8: {error.reason} at byte {error.start}",)) from error
    try:
        return [document for document in yaml.load_all(text, not_yaml.Loader) if document is not None]
    except yaml.YAMLError as error:
        place, what = not_yaml.told(text, error)
        raise ManifestError(file, (f"is not YAML: {what}",), place) from error


def _is_ours(document: Mapping[str, Any]) -> bool:
    """Whether it is a Benchmark, or of our API and of no kind that there is: then its kind is misspelt."""
    kind, version = document.get("kind", "Benchmark"), document.get("apiVersion")
    return kind == "Benchmark" or (str(version).startswith(f"{keys.GROUP}/") and kind != "BenchmarkRun")


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

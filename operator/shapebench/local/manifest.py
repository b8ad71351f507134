"""Reads Benchmarks from a YAML file; every error names the field and the fix."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shapebench.api.benchmark import Benchmark
from shapebench.api.rules import BrokenError
from shapebench.plan import acceptance


class ManifestError(Exception):
    """The file holds no Benchmark that can run; `problems` has one line for each thing to mend."""

    def __init__(self, file: Path, problems: tuple[str, ...]) -> None:
        super().__init__(f"{file}: " + "; ".join(problems))
        self.file = file
        self.problems = problems


def load(file: Path) -> tuple[Benchmark, ...]:
    """The file's Benchmarks; documents of other kinds are passed over. Raises ManifestError."""
    try:
        documents = [document for document in yaml.safe_load_all(file.read_text()) if document is not None]
    except OSError as error:
        raise ManifestError(file, (f"cannot be read: {error.strerror}",)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(file, (f"is not YAML: {' '.join(str(error).split())}",)) from error
    wanted = [document for document in documents
              if not isinstance(document, dict) or document.get("kind", "Benchmark") == "Benchmark"]
    if not wanted:
        raise ManifestError(file, ("has no document with kind: Benchmark",))
    benchmarks = tuple(_benchmark(file, document) for document in wanted)
    names = [benchmark.metadata.name for benchmark in benchmarks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ManifestError(file, tuple(f"metadata.name: two Benchmarks are called {name}; rename one"
                                        for name in twice))
    return benchmarks


def _benchmark(file: Path, document: Any) -> Benchmark:
    if not isinstance(document, dict):
        raise ManifestError(file, ("is no Kubernetes object: it must begin with apiVersion, kind, metadata, spec",))
    try:
        benchmark = Benchmark.model_validate(document)
    except ValidationError as error:
        raise ManifestError(file, tuple(_message(one) for one in _root_causes(error.errors()))) from error
    problems = acceptance.problems(benchmark.spec)
    if problems:
        raise ManifestError(file, problems)
    return benchmark


def _root_causes(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without the lists that are too short only because what is in them is wrong."""
    for one in errors:
        inside = any(other["loc"][:len(one["loc"])] == one["loc"] and other is not one for other in errors)
        if one["type"] != "too_short" or not inside:
            yield one


def _message(error: ErrorDetails) -> str:
    """`spec.shapes[0].cpu: what is wrong`."""
    broken = error.get("ctx", {}).get("error")
    location = (*error["loc"], *((broken.field,) if isinstance(broken, BrokenError) and broken.field else ()))
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        text = "is missing; add it"
    elif error["type"] == "extra_forbidden":
        known = sorted(_fields(error["loc"][:-1]))
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        text = f"no such field; did you mean {near[0]}?" if near else f"no such field; known are {', '.join(known)}"
    elif isinstance(error["input"], str | int | float | bool):
        text = f"{text} (got {error['input']!r})" if repr(error["input"]) not in text else text
    return f"{path}: {text}" if path else text


def _fields(path: tuple[int | str, ...]) -> tuple[str, ...]:
    """The names that may stand at this path."""
    models: list[type[BaseModel]] = [Benchmark]
    for part in path:
        if isinstance(part, int):
            continue
        models = [inner for model in models for field in model.model_fields.values() if field.alias == part
                  for inner in _models(field.annotation)]
    return tuple(field.alias or name for model in models for name, field in model.model_fields.items())


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models anywhere inside an annotation."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models(argument)

"""What is wrong with a Benchmark's fields, in words for the person who wrote them: one line for each field.

The words of a field's own rule come first; the validation library's are shown only where no rule has any.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import AfterValidator, BaseModel, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from shapebench.api.benchmark import NAME_RULE, Benchmark, Metadata
from shapebench.api.rules import BrokenError, Rule

Path = tuple[int | str, ...]

_ANY_SCALAR = "write a number, a text, or true or false"
_NO_TEXT = "write a text: put quotes around it"
"""YAML reads 5, true and {batchSize} as other things."""
_WRONG_TYPE = re.compile("_type$|_from_float$|_parsing$|^string_too_")
"""Errors about the kind of a value, on which the value's rule has more to say than its type."""


def told(document: Mapping[str, Any], error: ValidationError) -> tuple[str, ...]:
    """`spec.shapes[0].cpu: what is wrong` for everything that is wrong with the document."""
    lines = [_message(one) for one in _root_causes(error.errors())]
    return tuple(dict.fromkeys((*_of_name(document), *lines)))


def _of_name(document: Mapping[str, Any]) -> Iterator[str]:
    """The name's rule, which the model looks at only once all fields are right."""
    try:
        metadata = Metadata.model_validate(document.get("metadata"))
    except ValidationError:
        return
    if not NAME_RULE.holds(types.SimpleNamespace(metadata=metadata)):
        yield f"{NAME_RULE.field}: {NAME_RULE.message}"


def _root_causes(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without the lists that are too short only because what is in them is wrong."""
    for one in errors:
        inside = any(other["loc"][:len(one["loc"])] == one["loc"] and other is not one for other in errors)
        if one["type"] != "too_short" or not inside:
            yield one


def _message(error: ErrorDetails) -> str:
    broken = error.get("ctx", {}).get("error")
    location = (*error["loc"], *((broken.field,) if isinstance(broken, BrokenError) and broken.field else ()))
    given, value = error["input"], isinstance(error["input"], str | int | float | bool)
    text = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{_written(location)}: is missing; add it"
    if error["type"] == "extra_forbidden":
        return f"{_written(location)}: {_unknown('no such field', str(location[-1]), _fields(location[:-1]))}"
    if error["type"] == "literal_error":
        known = re.findall("'([^']*)'", error["ctx"]["expected"])
        return f"{_written(location)}: {_unknown(f'{given!r} is not known', str(given), known)}"
    of_several = bool(error["loc"]) and _is_of_several_types(error["loc"][:-1])
    if of_several:
        location = error["loc"][:-1]
    if of_several or _WRONG_TYPE.search(error["type"]):
        text = _by_rule(location, given) or (_NO_TEXT if error["type"] == "string_type" else text)
    if value and f"'{given}'" not in text:
        text = f"{text} (got {given!r})"
    path = _written(location)
    return f"{path}: {text}" if path else text


def _written(location: Path) -> str:
    """As a person writes it: `spec.shapes[0].cpu`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _unknown(what: str, given: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    near = difflib.get_close_matches(given, listed, n=1)
    return f"{what}; did you mean {near[0]}?" if near else f"{what}; known are {', '.join(listed)}"


def _is_of_several_types(path: Path) -> bool:
    """Whether the value at this path may be a text or a number: its errors then come once for each type."""
    return any(isinstance(one, WithJsonSchema) for one in _notes(path))


def _by_rule(path: Path, given: Any) -> str:
    """What the rule of the value at this path says of one of the wrong type; empty where it has none."""
    notes = list(_notes(path))
    rule = next((found for note in notes if (found := _rule(note)) is not None), None)
    if rule is None:
        return _ANY_SCALAR if any(isinstance(note, WithJsonSchema) for note in notes) else ""
    if isinstance(given, int | float) and not isinstance(given, bool) and rule.holds(str(given)):
        return f"{rule.message}; put quotes around it: '{given}'"
    return rule.message


def _rule(note: Any) -> Rule | None:
    """The rule that is annotated, itself or by its check alone."""
    found = getattr(note.func, "__self__", None) if isinstance(note, AfterValidator) else note
    return found if isinstance(found, Rule) else None


def _notes(path: Path) -> Iterator[Any]:
    """What is annotated to the field at this path, or to the items of that list."""
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return
    for model in _at(path[:max(index for index, part in enumerate(path) if isinstance(part, str))]):
        for field in model.model_fields.values():
            if field.alias == names[-1]:
                yield from field.metadata
                yield from _annotated(field.annotation)


def _annotated(annotation: Any) -> Iterator[Any]:
    for argument in typing.get_args(annotation):
        if isinstance(argument, Rule | WithJsonSchema | AfterValidator):
            yield argument
        elif not isinstance(argument, FieldInfo):
            yield from _annotated(argument)


def _fields(path: Path) -> tuple[str, ...]:
    """The names that may stand at this path."""
    return tuple(field.alias or name for model in _at(path) for name, field in model.model_fields.items())


def _at(path: Path) -> list[type[BaseModel]]:
    """The models that may be at this path."""
    models: list[type[BaseModel]] = [Benchmark]
    for part in path:
        if not isinstance(part, int):
            models = [inner for model in models for field in model.model_fields.values() if field.alias == part
                      for inner in _models(field.annotation)]
    return models


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models anywhere inside an annotation."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models(argument)

"""Argument templates: `--batch-size={batchSize}`. `{{` and `}}` stand for braces."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping

from shapebench.api.fields import Scalar, scalar_text

SHOWN_CHARS = 80


class TemplateError(ValueError):
    """A template that cannot be filled: the message names the template, what is wrong and what is known."""


def shown(text: str) -> str:
    """As much of a text as a message has room for."""
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def names(template: str) -> tuple[str, ...]:
    """The parameters that a template uses. Raises TemplateError when it is malformed."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise TemplateError(f"{shown(template)!r}: {error}; write {{{{ and }}}} for braces") from error
    for _, name, specification, conversion in parts:
        if name is not None and (not name.isidentifier() or specification or conversion):
            raise TemplateError(f"{shown(template)!r}: {{{shown(name)}}} is not a parameter's name; "
                                "write {{ and }} for braces")
    return tuple(name for _, name, _, _ in parts if name is not None)


def fill(template: str, values: Mapping[str, Scalar]) -> str:
    """The argument itself. Raises TemplateError for an unknown parameter."""
    check(template, values)
    return template.format_map({name: scalar_text(value) for name, value in values.items()})


def check(template: str, known: Iterable[str]) -> None:
    """Raise TemplateError unless every parameter of the template is known."""
    listed = sorted(known)
    for name in names(template):
        if name not in listed:
            raise TemplateError(f"{shown(template)!r}: unknown parameter {shown(name)!r}; "
                                f"known are {', '.join(listed)}")

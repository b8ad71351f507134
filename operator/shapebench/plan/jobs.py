"""What shipped jobs take and write, as they say it themselves: the operator's image has none of them to ask.

hack/job_descriptions.py writes jobs.json from their parsers (`make generate`). An argument is judged by itself, as the
jobs' own argparse does it. Whether several of them go together, and what is in the files that they name, is only found
out by the job.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapebench.api.workload import SparkJob, TensorFlowJob
from shapebench.plan import templates

Schema = Mapping[str, Any]
"""Of a value, in JSON Schema's words."""

_BOUNDS = {"minimum": (operator.ge, "at least"), "exclusiveMinimum": (operator.gt, "above"),
           "maximum": (operator.le, "at most"), "exclusiveMaximum": (operator.lt, "below")}
_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
"""What argparse takes for a value, although it begins like an option."""


@dataclass(frozen=True)
class Job:
    """A shipped job, as it describes itself."""

    name: str
    arguments: Mapping[str, Schema | None]
    """Each option, such as --format, with what its value may be; None: it takes none."""
    measured: tuple[str, ...]

    def metric_mistake(self, metric: str) -> str | None:
        """Why no run would ever have this measurement."""
        if metric in self.measured:
            return None
        return f"{self.name} writes no {metric}; {_instead(metric, self.measured, 'it writes')}"

    def argument_mistake(self, before: str, text: str, after: str | None) -> str | None:
        """Why the job would refuse an argument, between its neighbours ("" and None where there are none)."""
        option = self.arguments.get(before)
        if option is not None and not self._is_option(text):
            return _value_mistake(before, option, text)
        name, equals, value = text.partition("=")
        if name not in self.arguments:
            return (f"{self.name} has no argument {templates.shown(name)}; "
                    f"{_instead(name, self.arguments, 'it takes')}")
        schema = self.arguments[name]
        if schema is None:
            return f"{name} takes no value; write {name} alone" if equals else None
        if equals:
            return _value_mistake(name, schema, value)
        return f"{name} needs a value; write {name}=VALUE" if after is None or self._is_option(after) else None

    def _is_option(self, text: str) -> bool:
        return text.partition("=")[0] in self.arguments or (
            text.startswith("-") and len(text) > 1 and " " not in text and not _NEGATIVE_NUMBER.fullmatch(text))


def described(job: SparkJob | TensorFlowJob) -> Job:
    """The job of that name."""
    found = _all()[job]
    return Job(job, found["arguments"], tuple(found["measured"]))


@functools.cache
def _all() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(Path(__file__).with_name("jobs.json").read_text())
    return found


def _instead(wrong: str, known: Iterable[str], otherwise: str) -> str:
    close = difflib.get_close_matches(wrong, known, 1)
    return f"did you mean {close[0]}?" if close else f"{otherwise} {', '.join(known)}"


def _value_mistake(name: str, schema: Schema, value: str) -> str | None:
    one = schema.get("items", schema)
    parts = [part.strip() for part in value.split(",")] if "items" in schema else [value]
    if "items" in schema and len(set(parts)) < len(parts):
        return f"{name} has a value twice"
    wrong = next((part for part in parts if not _fits(one, part)), None)
    if wrong is None:
        return None
    close = difflib.get_close_matches(wrong, one.get("enum", ()), 1)
    commas = ", or several with commas between them" if "items" in schema else ""
    return f"{name} is {_wanted(one)}{commas}" + (f"; did you mean {close[0]}?" if close else "")


def _fits(schema: Schema, value: str) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    if "type" not in schema:
        return True
    try:
        number = int(value) if schema["type"] == "integer" else float(value)
    except ValueError:
        return False
    return (isinstance(number, int) or math.isfinite(number)) and all(
        compare(number, schema[bound]) for bound, (compare, _) in _BOUNDS.items() if bound in schema)


def _wanted(schema: Schema) -> str:
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    bounds = " and ".join(f"{words} {schema[bound]}" for bound, (_, words) in _BOUNDS.items() if bound in schema)
    return f"a {'whole ' if schema['type'] == 'integer' else ''}number, {bounds}"

"""A status within the bounds of its CustomResourceDefinition.

What goes into one was written by programs, by the cluster, by people. The API server refuses a patch in which one text
is too long, and would refuse it for ever.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from shapebench.api import crd

LIMIT_BYTES = 250_000
"""Of all together: etcd takes 1.5 MB of an object, where a character may have six bytes and a name is there twice."""


def status(model: type[BaseModel], patch: Mapping[str, Any], limit_bytes: int = LIMIT_BYTES) -> dict[str, Any]:
    """The patch with texts, lists and maps cut where this status' schema ends them, or earlier where all together is
    too much. None, which removes a field, stays; a number that the API server cannot read is left out.
    """
    parts = 1
    while len(json.dumps(cut := _within(patch, _schema(model), parts))) > limit_bytes:
        parts *= 2
    return dict(cut)


@functools.cache
def _schema(model: type[BaseModel]) -> crd.Schema:
    return crd.structural(model)


def _within(value: Any, schema: crd.Schema, parts: int) -> Any:
    """One of so many parts of what the schema allows; None for what cannot be written."""
    if isinstance(value, str):
        return value[:_most(schema, "maxLength", parts)]
    if isinstance(value, Mapping):
        fields, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        cut = {name: _within(one, fields.get(name, others), parts) for name, one in value.items()}
        kept = [(name, one) for name, one in cut.items() if one is not None or value[name] is None]
        return dict(kept[:_most(schema, "maxProperties", parts)])
    if isinstance(value, (list, tuple)):
        return [_within(one, schema.get("items", {}), parts) for one in value[:_most(schema, "maxItems", parts)]]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if _is_readable(value, whole=schema.get("type") == "integer") else None
    return value


def _most(schema: crd.Schema, bound: str, parts: int) -> int | None:
    return schema[bound] // parts if bound in schema else None


def _is_readable(number: float, *, whole: bool) -> bool:
    try:
        return math.isfinite(number) and not (whole and abs(number) >= 2**63)
    except OverflowError:  # a whole number that no float can hold
        return False

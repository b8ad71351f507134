"""A status within the bounds of its CustomResourceDefinition.

What goes into one was written by programs, by the cluster, by people. The API server refuses a patch in which one text
is too long, and would refuse it for ever.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from shapebench.api import crd


def status(model: type[BaseModel], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The patch with texts, lists and maps cut where this status' schema ends them; None, which removes a field, stays.

    A number that the API server cannot read is left out.
    """
    cut = _within(patch, _schema(model))
    assert isinstance(cut, dict)
    return cut


@functools.cache
def _schema(model: type[BaseModel]) -> crd.Schema:
    return crd.structural(model)


def _within(value: Any, schema: crd.Schema) -> Any:
    """None for what cannot be written."""
    if isinstance(value, str):
        return value[:schema.get("maxLength")]
    if isinstance(value, Mapping):
        fields, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        cut = {name: _within(one, fields.get(name, others)) for name, one in value.items()}
        kept = [(name, one) for name, one in cut.items() if one is not None or value[name] is None]
        return dict(kept[:schema.get("maxProperties")])
    if isinstance(value, (list, tuple)):
        return [_within(one, schema.get("items", {})) for one in value[:schema.get("maxItems")]]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if _is_readable(value, whole=schema.get("type") == "integer") else None
    return value


def _is_readable(number: float, *, whole: bool) -> bool:
    try:
        return math.isfinite(number) and not (whole and abs(number) >= 2**63)
    except OverflowError:  # a whole number that no float can hold
        return False

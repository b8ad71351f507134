"""Rules that tie several fields together, each written once for both edges.

A rule carries its CEL expression (enforced by the API server at apply), its Python twin (enforced by the local
backend and by the operator) and the one message that a user sees from either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Rule:
    """A rule over one object of the API: what must hold of it, twice, and what to say when it does not."""

    cel: str
    message: str
    holds: Callable[[Any], bool]

    def schema(self) -> dict[str, str]:
        """The entry of x-kubernetes-validations."""
        return {"rule": self.cel, "message": self.message}


class ApiObject(BaseModel):
    """A frozen object of the API, in camelCase in YAML; unknown fields and broken rules are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        for rule in self.rules:
            if not rule.holds(self):
                raise ValueError(rule.message)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        if cls.rules:
            schema["x-kubernetes-validations"] = [rule.schema() for rule in cls.rules]
        return schema

"""Rules that a plain schema cannot say, or says in a way that leaves a person lost, each written once for both edges.

A rule carries its CEL expression (enforced by the API server at apply), its Python twin (enforced by the local
backend and by the operator) and the one message that a user sees from either. It stands in `rules` of an object, or
in the annotation of a field: Annotated[str, Field(max_length=20), a_rule].

Bounds (lengths, ranges) stay plain schema, and broken ones keep the API server from looking at any rule; a pattern is
a rule, because the API server shows a broken one as a bare regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True)
class Rule:
    """A rule over one object or value of the API: what must hold of it, twice, and what to say when it does not."""

    cel: str
    message: str
    holds: Callable[[Any], bool]
    field: str = ""
    """The field of the object that an error should point at, as in its YAML."""

    def schema(self) -> dict[str, str]:
        """The entry of x-kubernetes-validations."""
        entry = {"rule": self.cel, "message": self.message}
        return entry | {"fieldPath": f".{self.field}"} if self.field else entry

    def check(self, value: Any) -> Any:
        """Return the value. Raises BrokenError when the rule does not hold."""
        if not self.holds(value):
            raise BrokenError(self)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return schema | {VALIDATIONS: [*schema.get(VALIDATIONS, ()), self.schema()]}


class BrokenError(ValueError):
    """A rule does not hold. The text is its message; `field` the field that the object's error should point at."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.message)
        self.field = rule.field


def matching(pattern: str, message: str) -> Rule:
    """The rule that a text matches the whole of an anchored pattern."""
    return Rule(f"self.matches(r'{pattern}')", message, lambda text: re.fullmatch(pattern, text) is not None)


@dataclass(frozen=True)
class Distinct:
    """Annotates a list whose items differ: in the field `key`, or as a whole, in value and in `text`. The API server
    calls them map and set, and compares a set's values alone."""

    key: str = ""
    text: Callable[[Any], str] = str

    def check(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the items. Raises ValueError naming one that is there twice."""
        seen: list[Any] = []
        for item in items:
            told = [getattr(item, self.key)] if self.key else [(isinstance(item, bool), item), self.text(item)]
            if any(one in seen for one in told):
                raise ValueError(f"Duplicate value: {told[0] if self.key else item!r}")
            seen += told
        return items

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(core) | ({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [self.key]}
                                if self.key else {"x-kubernetes-list-type": "set"})


class ApiObject(BaseModel):
    """A frozen object of the API, in camelCase in YAML; unknown fields and broken rules are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)
    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        for rule in self.rules:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        if cls.rules:
            schema[VALIDATIONS] = [rule.schema() for rule in cls.rules]
        return schema

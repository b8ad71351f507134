"""The small types that fields of the API and of records are made of, with their bounds and words for a wrong value.

Every string and list of the API is bounded: an API server refuses CEL rules over unbounded ones, and etcd an object
over 1.5 MiB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from shapebench.api import quantity
from shapebench.api.rules import VALIDATIONS, Rule, matching

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"

_LABEL_RULE = matching(DNS_LABEL, "write a name of a-z, 0-9 and '-' that begins and ends with a letter or digit")

Name = Annotated[str, Field(min_length=1, max_length=63), _LABEL_RULE]
"""A DNS label."""
ObjectName = Annotated[str, Field(min_length=1, max_length=253), matching(
    DNS_SUBDOMAIN, "write an object's name: a-z, 0-9, '-' and '.', beginning and ending with a letter or digit")]
"""The name of a Secret, a ConfigMap or another object in the Benchmark's namespace."""
ShapeName = Annotated[str, Field(min_length=1, max_length=30), _LABEL_RULE]
ParameterName = Annotated[str, Field(min_length=1, max_length=40), matching(
    "^[a-zA-Z][a-zA-Z0-9_]*$", "write a name of letters, digits and '_' that begins with a letter, such as batchSize")]
Text = Annotated[str, Field(max_length=1024)]
Image = Annotated[str, Field(min_length=1, max_length=512)]
AbsolutePath = Annotated[str, Field(max_length=512), matching(
    "^/[^:]*$", "write an absolute path, such as /data, without ':'")]
LabelKey = Annotated[str, Field(max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


def _are_labels(labels: Mapping[str, str]) -> bool:
    return all(re.fullmatch(LABEL_KEY, key) and re.fullmatch(LABEL_VALUE, value) for key, value in labels.items())


Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=20), Rule(
    f"self.all(key, key.matches(r'{LABEL_KEY}') && self[key].matches(r'{LABEL_VALUE}'))",
    "a label's key and value are letters, digits, '-', '_' and '.', beginning and ending with a letter or digit "
    "(the key may have a prefix such as example.com/)", _are_labels)]
"""Labels, or a selector of labels."""


def _int_or_string(*rules: Rule) -> WithJsonSchema:
    # Without the usual anyOf of both types: it adds nothing but two more lines to the error for a number like 1.5.
    return WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 20,
                           VALIDATIONS: [rule.schema() for rule in rules]})


def _quantity(as_text: str, pattern: str, message: str) -> Rule:
    """The value, in CEL `as_text` (string() of a text would lose its bound), is of the pattern and not a kind of 0."""
    return Rule(f"{as_text}.matches(r'{pattern}') && {as_text}.matches('[1-9]')", message,
                lambda value: bool(re.fullmatch(pattern, str(value)) and re.search("[1-9]", str(value))))


CPU_RULE = _quantity("string(self)", quantity.CPU_PATTERN,
                     "write cores such as '2' or '0.5', or millicores such as '500m', above 0")
MEMORY_RULE = _quantity("string(self)", quantity.MEMORY_PATTERN,
                        "write bytes with a unit, such as '512Mi' or '2Gi', above 0")
DURATION_RULE = _quantity("self", quantity.DURATION_PATTERN,
                          "write hours, minutes and seconds such as '90s', '5m' or '1h30m', above 0")
PRICE_RULE = Rule(f"string(self).matches(r'{quantity.PRICE_PATTERN}')", "write a price as a text, such as '0.05'",
                  lambda value: re.fullmatch(quantity.PRICE_PATTERN, str(value)) is not None)

_NumberOrText = Annotated[str, Field(max_length=20)] | Annotated[int, Field(strict=True)]

Cpu = Annotated[_NumberOrText, AfterValidator(CPU_RULE.check), AfterValidator(str), _int_or_string(CPU_RULE)]
"""Cores as a Kubernetes quantity: 2, "0.5", "500m"."""
Memory = Annotated[_NumberOrText, AfterValidator(MEMORY_RULE.check), AfterValidator(str), _int_or_string(MEMORY_RULE)]
"""Bytes as a Kubernetes quantity: "512Mi", "2Gi"."""
Price = Annotated[_NumberOrText, AfterValidator(PRICE_RULE.check), AfterValidator(str), _int_or_string(PRICE_RULE)]
"""Money as a decimal in a string, in whatever currency the user thinks in."""
Duration = Annotated[str, Field(max_length=20), DURATION_RULE]
"""Hours, minutes and seconds: "90s", "5m", "1h30m"."""

SHARE_RULE = Rule(f"string(self).matches(r'{quantity.SHARE_PATTERN}')",
                  "write a share from 0 to 1 as a text, such as '0.05'",
                  lambda value: re.fullmatch(quantity.SHARE_PATTERN, str(value)) is not None)
INTERVAL_RULE = Rule(f"self.matches(r'{quantity.INTERVAL_PATTERN}')",
                     "write 100ms to 999ms, or 1s to 60s",
                     lambda value: re.fullmatch(quantity.INTERVAL_PATTERN, value) is not None)

Share = Annotated[_NumberOrText, AfterValidator(SHARE_RULE.check), AfterValidator(str), _int_or_string(SHARE_RULE)]
"""A part of a whole, as a decimal in a string: "0.05"."""
Interval = Annotated[str, Field(max_length=20), INTERVAL_RULE]
"""Between two samples: "100ms" to "60s"."""

_NO_OBJECT_NOR_LIST: dict[str, Any] = {
    "minProperties": 1, "maxProperties": 0, "minItems": 1, "maxItems": 0}
"""A value of several types has no type in a structural schema and no CEL; but bounds that no object and no list can
keep refuse those two, and say nothing of numbers, texts and booleans."""

_Finite = Annotated[float, Field(allow_inf_nan=False)]
"""YAML can write what JSON cannot: a record with infinity in it could not be read back."""

ParameterValue = Annotated[bool | int | _Finite | Annotated[str, Field(max_length=256)], WithJsonSchema(
    {"x-kubernetes-preserve-unknown-fields": True, "maxLength": 256, **_NO_OBJECT_NOR_LIST})]
"""A number, a text or true/false."""

MOST_COUNTED = 2**53


def _possible(value: float) -> float:
    if not abs(value) < MOST_COUNTED:
        raise ValueError("no counter and no moment is that large")
    return value


Count = Annotated[int, AfterValidator(_possible)]
Number = Annotated[float, AfterValidator(_possible)]
"""What an agent counted. A program can forge its record, and what is added up of these has to stay a number."""

Scalar = str | int | float | bool
"""A parameter's value in a record."""


def scalar_text(value: Scalar) -> str:
    """As YAML writes it, and as programs expect it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Value(BaseModel):
    """A frozen value; unknown fields are errors. In records its names are as here, in a CR's status in camelCase."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True,
                              allow_inf_nan=False)

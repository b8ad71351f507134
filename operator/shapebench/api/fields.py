"""The small types that the API's fields are made of, each with its bounds.

Every string and list is bounded: an API server refuses CEL rules over unbounded ones, and etcd an object over
1.5 MiB.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from shapebench.api import quantity

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

Name = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""A DNS label."""
ShapeName = Annotated[str, Field(min_length=1, max_length=30, pattern=DNS_LABEL)]
ParameterName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-zA-Z][a-zA-Z0-9_]*$")]
Text = Annotated[str, Field(max_length=1024)]
LongText = Annotated[str, Field(max_length=4096)]
Image = Annotated[str, Field(min_length=1, max_length=512)]
AbsolutePath = Annotated[str, Field(max_length=512, pattern=r"^/.*$")]
LabelKey = Annotated[str, Field(max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


def _int_or_string(pattern: str) -> dict[str, Any]:
    return {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": pattern, "maxLength": 20}


def _cpu(value: str | int) -> str:
    if quantity.cpu_cores(value) <= 0:
        raise ValueError("cpu must be more than 0; write for example '500m' or '2'")
    return str(value)


def _memory(value: str | int) -> str:
    if quantity.memory_bytes(value) <= 0:
        raise ValueError("memory must be more than 0; write for example '512Mi' or '2Gi'")
    return str(value)


def _price(value: str | int) -> str:
    text = str(value)
    if not text.replace(".", "", 1).isdigit():
        raise ValueError(f"{text!r} is not a price; write for example '0.05'")
    return text


def _duration(value: str) -> str:
    if quantity.duration_s(value) <= 0:
        raise ValueError("a duration must be more than 0; write for example '5m'")
    return value


Cpu = Annotated[str | int, AfterValidator(_cpu), WithJsonSchema(
    _int_or_string(quantity.CPU_PATTERN) | {"x-kubernetes-validations": [
        {"rule": "isQuantity(string(self)) && quantity(string(self)).isGreaterThan(quantity('0'))",
         "message": "cpu must be more than 0; write for example '500m' or '2'"}]})]
"""Cores as a Kubernetes quantity: 2, "0.5", "500m"."""
Memory = Annotated[str | int, AfterValidator(_memory), WithJsonSchema(
    _int_or_string(quantity.MEMORY_PATTERN) | {"x-kubernetes-validations": [
        {"rule": "isQuantity(string(self)) && quantity(string(self)).isGreaterThan(quantity('0'))",
         "message": "memory must be more than 0; write for example '512Mi' or '2Gi'"}]})]
"""Bytes as a Kubernetes quantity: "512Mi", "2Gi"."""
Price = Annotated[str | int, AfterValidator(_price), WithJsonSchema(_int_or_string(quantity.PRICE_PATTERN))]
"""Money as a decimal in a string, in whatever currency the user thinks in."""
Duration = Annotated[str, AfterValidator(_duration), WithJsonSchema(
    {"type": "string", "minLength": 2, "maxLength": 20, "pattern": quantity.DURATION_PATTERN})]
"""Hours, minutes and seconds: "90s", "5m", "1h30m"."""

ParameterValue = Annotated[bool | int | float | Annotated[str, Field(max_length=256)], WithJsonSchema(
    {"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-validations": [
        {"rule": "type(self) in [int, double, string, bool]",
         "message": "a parameter's value must be a number, a text or true/false"}]})]

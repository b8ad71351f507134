"""The operator's settings: set by the chart through the environment, read once at start."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """What the installation decides rather than a Benchmark."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator_image: str = "shapebench/operator:dev"
    spark_image: str = "shapebench/spark:dev"
    tensorflow_image: str = "shapebench/tensorflow:dev"
    image_pull_policy: str = "IfNotPresent"
    driver_service_account: str = "shapebench-driver"
    namespaces: tuple[str, ...] = ()
    """Where to watch; empty: everywhere."""
    metrics_port: int = 9090
    probe_port: int = 8080
    sample_interval_s: float = 1.0


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Settings of the variables SHAPEBENCH_OPERATOR_IMAGE, SHAPEBENCH_NAMESPACES (comma-separated), …

    Raises pydantic.ValidationError naming the variable's field.
    """
    given = {}
    for field in Settings.model_fields:
        value = environment.get(f"SHAPEBENCH_{field.upper()}")
        if value is not None:
            given[field] = tuple(filter(None, value.split(","))) if field == "namespaces" else value
    return Settings.model_validate(given)

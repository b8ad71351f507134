"""The operator's settings: set by the chart through the environment, read once at start."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shapebench.api import places, wire
from shapebench.api.remote_write import ExtraHeaders, ExtraLabels, RemoteWriteUrl


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
    sample_interval_s: float = Field(default=1.0, ge=wire.SHORTEST_SAMPLE_INTERVAL_S, le=wire.LONGEST_SAMPLE_INTERVAL_S)
    system_namespaces: tuple[str, ...] = ("kube-system",)
    """Whose pods may share a node with a run of `isolation: Node`: those of the cluster's own daemons."""
    results_url: str = ""
    """Where records of runs are kept; empty: in ConfigMaps."""
    results_service: str = ""
    """namespace/name:port of the operator's Service, through which records of a file: store are read."""
    remote_write_url: RemoteWriteUrl = ""
    """Where the series of finished runs are sent; empty: nowhere."""
    remote_write_timeout_s: float = Field(default=30.0, gt=0)
    remote_write_per_pod: bool = True
    remote_write_labels: ExtraLabels = {}
    remote_write_headers: ExtraHeaders = {}
    remote_write_credentials: str = ""
    """A folder with the file token, or the files username and password."""
    remote_write_ca_file: str = ""

    @field_validator("results_url")
    @classmethod
    def _results_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (not parts.scheme or "://" not in url or not (parts.netloc or parts.path.strip("/"))):
            raise ValueError("write a URL such as file:///results, s3://bucket/folder or gs://bucket/folder")
        if url and parts.scheme != "file" and parts.scheme not in places.BUCKETS:
            raise ValueError(f"records cannot be kept at {parts.scheme}://: write file://, "
                             f"{', '.join(f'{one}://' for one in sorted(places.BUCKETS))}")
        if parts.scheme == "file" and parts.netloc:
            raise ValueError(f"write file:/// with three slashes: file://{parts.netloc} names a machine")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("credentials and options do not belong in the URL, which every run's status shows: "
                             "give them in the environment")
        return url.rstrip("/")

    @field_validator("results_service")
    @classmethod
    def _results_service(cls, service: str) -> str:
        if service and (service.count("/") != 1 or service.count(":") != 1):
            raise ValueError("write namespace/name:port")
        return service


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Settings of the variables SHAPEBENCH_OPERATOR_IMAGE, SHAPEBENCH_NAMESPACES (comma-separated), …

    Raises pydantic.ValidationError naming the variable's field.
    """
    given = {}
    for field in Settings.model_fields:
        value = environment.get(f"SHAPEBENCH_{field.upper()}")
        if value is not None:
            given[field] = tuple(filter(None, value.split(","))) if field.endswith("namespaces") else value
    return Settings.model_validate(given)

"""What an export can be asked for."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What the files are."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class Table(StrEnum):
    """What the records are made into."""

    RUNS = "runs"
    MEASUREMENTS = "measurements"
    SERIES = "series"

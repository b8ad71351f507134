"""Moments as Kubernetes writes them (RFC 3339), and as all else here counts them (Unix seconds)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def unix_s(timestamp: str) -> float: ...
@overload
def unix_s(timestamp: None) -> None: ...
def unix_s(timestamp: str | None) -> float | None:
    """Unix seconds of a timestamp; None of one that is not there. Raises ValueError for any other text."""
    return None if timestamp is None else datetime.fromisoformat(timestamp).timestamp()


def timestamp(seconds: float) -> str:
    """Unix seconds as a timestamp in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

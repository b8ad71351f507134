"""Which run it is, for threads that go through runs one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class RunId(NamedTuple):
    """A run, and not another one that has its name after it was deleted: a watch may miss that."""

    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> RunId:
        """Of a BenchmarkRun."""
        metadata = body["metadata"]
        return cls(metadata["namespace"], metadata["name"], metadata["uid"])

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

"""What the operator last saw of each Benchmark and run, as lines of Prometheus' text format.

An object's lines are written when it changes and joined when they are scraped: with a thousand runs a scrape is forty
thousand samples, which the client library takes half a second to write, and joining them some milliseconds. Lines
end with their object.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.utils import floatToGoString
from pydantic import ValidationError

from shapebench.metrics import facts

ObjectKey = tuple[str, str, str]
"""Kind, namespace, name."""

_SAID_BY_A_DELETION = ("namespace", "name", "uid", "labels")
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Board:
    """The last samples of every object. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, dict[ObjectKey, str]] = {family: {} for family in facts.FAMILIES}
        self._known: dict[ObjectKey, Mapping[str, Any]] = {}

    def saw(self, body: Mapping[str, Any]) -> None:
        """Take note of an object's last state. One that does not parse says nothing: not ours to judge here."""
        try:
            found = facts.of_object(body)
        except ValidationError:
            return
        lines: dict[str, list[str]] = {}
        for sample in found.samples:
            lines.setdefault(sample.family, []).append(_line(sample, found.labels))
        with self._lock:
            self._known[_key(body)] = _identity(body)
            self._replace(_key(body), {family: "".join(texts) for family, texts in lines.items()})

    def gone(self, body: Mapping[str, Any]) -> None:
        """Forget an object, and not another one that has its name by now."""
        key = _key(body)
        with self._lock:
            if key in self._known and self._known[key]["metadata"].get("uid") == body["metadata"].get("uid"):
                del self._known[key]
                self._replace(key, {})

    def known(self) -> tuple[Mapping[str, Any], ...]:
        """Kind, namespace, name, uid and labels of every object here, as in a body."""
        with self._lock:
            return tuple(self._known.values())

    def text(self) -> str:
        """Every family that has a sample, in Prometheus' text format."""
        with self._lock:
            return "".join(self._families())

    def _families(self) -> Iterator[str]:
        for family, by_object in self._lines.items():
            if by_object:
                yield f"# HELP {family} {facts.FAMILIES[family]}\n# TYPE {family} gauge\n"
                yield from by_object.values()

    def _replace(self, key: ObjectKey, lines: Mapping[str, str]) -> None:
        for family, by_object in self._lines.items():
            if family in lines:
                by_object[key] = lines[family]
            else:
                by_object.pop(key, None)


def _line(sample: facts.Fact, shared: Mapping[str, str]) -> str:
    labels = ",".join(f'{name}="{value.translate(_ESCAPES)}"'
                      for name, value in sorted({**shared, **sample.labels}.items()))
    value: str = floatToGoString(sample.value)  # type: ignore[no-untyped-call]  # it has no annotations
    return f"{sample.family}{{{labels}}} {value}\n"


def _key(body: Mapping[str, Any]) -> ObjectKey:
    return body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]


def _identity(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what makes a body large."""
    metadata = body["metadata"]
    return {"kind": body["kind"], "metadata": {key: metadata[key] for key in _SAID_BY_A_DELETION if key in metadata}}

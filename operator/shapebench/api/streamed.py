"""A packed record read pod by pod, without measurements: either would take hundreds of megabytes in memory."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar

from shapebench.api import packing
from shapebench.api.packing import Bounds
from shapebench.api.record import PodRecord, RunRecord

T = TypeVar("T")

A_PART = Bounds(16 * 2**20, 1_000_000)
"""Of a pod, or of what comes before the lost attempts: twice of the text that the operator takes of an agent
(`shapebench.agent.framing`), and of all pods of a run together (`shapebench.reconcile.pod_logs`)."""

_CHUNK_CHARS = 2**16
_LONGEST_MARK = 30
_UNCOUNTED = 2**18
"""What a text of so many characters can become in memory is little enough."""

_PODS = re.compile(re.escape(packing.PODS))
_AFTER_HEAD = re.compile(rf',"lost_attempts":\[|{_PODS.pattern}')
"""In the order of the record's fields."""
_ROWS = re.compile(r',"measurements":\[')
_AFTER_ROWS = re.compile(r'],"(measurements_left_out|environment)"')
"""No text has either: a quotation mark in one has a backslash before it. Rows have no lists within."""


class StreamedRecord:
    """The record in these bytes, which `packing.packed` made, with all measurements left out.

    Iterating gives its pods, each time from the first one, and raises ValueError where the bytes are damaged, hold more
    than the bounds say, or (pydantic.ValidationError) are of another version.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    @cached_property
    def head(self) -> RunRecord:
        """The record without its pods and its lost attempts. Raises ValueError as iterating does."""
        return _head(_Text(self._data))

    def check(self) -> None:
        """Raises ValueError where the bytes are damaged, also after the head: a copy of it may have been cut short."""
        for _ in _chunks(self._data):
            pass

    def __iter__(self) -> Iterator[PodRecord]:
        text = _Text(self._data)
        _head(text)
        between = ""
        while not text.taken("]}"):
            if not text.taken(between):
                raise ValueError("not a record: something else among its pods")
            yield PodRecord.model_validate(text.until(_value, A_PART))
            between = ","
        if not text.is_over():
            raise ValueError("not a record: it goes on after its end")


def _head(text: _Text) -> RunRecord:
    before, mark = text.until(_before_pods, A_PART)
    if not _PODS.fullmatch(mark):
        text.skip(_PODS)
    return RunRecord.model_validate_json(f"{before}}}")


def _before_pods(text: str) -> tuple[tuple[str, str], int] | None:
    found = _AFTER_HEAD.search(text)
    return ((text[:found.start()], found[0]), found.end()) if found else None


def _value(text: str) -> tuple[object, int] | None:
    try:
        found: tuple[object, int] = _DECODER.raw_decode(text)
    except json.JSONDecodeError:  # or not yet
        return None
    except RecursionError:
        raise ValueError("not a record: lists in lists in lists") from None
    return found


_DECODER = json.JSONDecoder()


class _Text:
    """The text in gzipped bytes, unpacked as far as it is asked for, and let go of as soon as it is taken."""

    def __init__(self, data: bytes) -> None:
        self._chunks = _without_rows(_chunks(data))
        self._text = ""

    def taken(self, text: str) -> bool:
        """Take this, if it comes next."""
        self._fill(len(text))
        if not self._text.startswith(text):
            return False
        self._text = self._text[len(text):]
        return True

    def until(self, found: Callable[[str], tuple[T, int] | None], bounds: Bounds) -> T:
        """Take what `found` finds at the beginning, and how much it is, once enough is there for it."""
        size = _UNCOUNTED
        self._fill(size)
        while (taken := found(part := self._within(size, bounds))) is None:
            if len(part) < size:
                raise ValueError("not a record: it ends in the middle" if len(part) == len(self._text) else
                                 "not a record: a part of it is too large")
            size *= 2  # it is looked at from its beginning
            self._fill(size)
        self._text = self._text[taken[1]:]
        return taken[0]

    def _within(self, size: int, bounds: Bounds) -> str:
        """So much of the text, or what of that is within the bounds: what follows a part counts for nothing in it."""
        text, values = self._text[:size], 0
        for start in range(0, len(text) if size > _UNCOUNTED else 0, _CHUNK_CHARS):
            chunk = text[start:start + _CHUNK_CHARS]
            values += sum(map(chunk.count, ",[{"))
            if values > bounds.values or start + len(chunk) > bounds.text_bytes:
                return text[:start]
        return text

    def skip(self, mark: re.Pattern[str]) -> None:
        """Leave out all before the end of this."""
        while (found := mark.search(self._text)) is None:
            self._text = self._text[-_LONGEST_MARK:]
            if not self._fill(len(self._text) + 1):
                raise ValueError("not a record: it ends in the middle")
        self._text = self._text[found.end():]

    def is_over(self) -> bool:
        """Whether nothing is left."""
        self._fill(1)
        return not self._text

    def _fill(self, size: int) -> bool:
        """Have so much of the text, if there is; whether any came."""
        parts, length = [self._text], len(self._text)
        while length < size and (chunk := next(self._chunks, None)) is not None:
            parts.append(chunk)
            length += len(chunk)
        self._text = "".join(parts)
        return len(parts) > 1


def _without_rows(chunks: Iterator[str]) -> Iterator[str]:
    """The same text, but that every list of measurements is empty."""
    text, within = "", False
    for chunk in chunks:
        text += chunk
        while found := (_AFTER_ROWS if within else _ROWS).search(text):
            if not within:
                yield text[:found.end()]
            text, within = text[found.start() if within else found.end():], not within
        done = max(0, len(text) - _LONGEST_MARK)
        if not within:
            yield text[:done]
        text = text[done:]
    yield text


def _chunks(data: bytes) -> Iterator[str]:
    """Raises ValueError: not one whole gzip stream, not text, or too much of it."""
    left = packing.IN_STORE.text_bytes
    try:
        with gzip.open(io.BytesIO(data), "rt", encoding="utf-8", newline="") as text:
            while chunk := text.read(_CHUNK_CHARS):
                left -= len(chunk)
                if left < 0:
                    raise ValueError(f"not a record: it unpacks to more than {packing.IN_STORE.text_bytes >> 20} MiB")
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"not a record: {error}") from error

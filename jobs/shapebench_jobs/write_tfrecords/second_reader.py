"""A second reader of TFRecord files with images, for checking what a writer wrote.

It shares no code with this package's writer on purpose: a mistake in the framing, the checksums or the encoding of an
Example that writer and reader had in common would be found by neither. So it imports nothing of this package, reads a
stream instead of a whole file, takes the mask off the stored checksums instead of putting it on its own, and holds the
CRC library to the published check value before trusting it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import google_crc32c
from PIL import Image

_HEAD = struct.Struct("<QI")
_FOOT = struct.Struct("<I")
_WORD = 0xFFFFFFFF
_PUBLISHED_CHECK = (b"123456789", 0xE3069283)
"""CRC-32C of these nine bytes, as every catalogue of checksums gives it."""


class BadRecordError(ValueError):
    """A record that is damaged, cut short, or no image's; the message begins with the record's number."""


@dataclass(frozen=True)
class Record:
    """What one record says of its image, and the size in pixels that its picture really has."""

    number: int
    """Its place in the file, from 0."""
    key: str
    label: int
    class_name: str
    width: int
    height: int


def records(stream: BinaryIO) -> Iterator[Record]:
    """Every record to the end of the stream, its picture decoded; BadRecordError at the first that is not intact."""
    text, published = _PUBLISHED_CHECK
    if google_crc32c.value(text) != published:
        raise RuntimeError("google_crc32c computes no CRC-32C on this machine: nothing can be checked with it")
    for number, payload in enumerate(_payloads(stream)):
        yield _record(number, payload)


def _payloads(stream: BinaryIO) -> Iterator[bytes]:
    number = 0
    while head := stream.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise BadRecordError(f"record {number} is cut short in its length")
        length, stored = _HEAD.unpack(head)
        if _unmasked(stored) != google_crc32c.value(head[:8]):
            raise BadRecordError(f"record {number}: the CRC of its length is wrong")
        payload, foot = stream.read(length), stream.read(_FOOT.size)
        if len(payload) < length or len(foot) < _FOOT.size:
            raise BadRecordError(f"record {number} is cut short in its content")
        if _unmasked(*_FOOT.unpack(foot)) != google_crc32c.value(payload):
            raise BadRecordError(f"record {number}: the CRC of its content is wrong")
        yield payload
        number += 1


def _unmasked(stored: int) -> int:
    turned = (stored - 0xA282EAD8) & _WORD
    return (turned << 15 | turned >> 17) & _WORD


def _record(number: int, payload: bytes) -> Record:
    try:
        features = _features(payload)
        encoded = _text(features, "image/encoded")
        record = Record(number, _text(features, "image/filename").decode(), _number(features, "image/class/label"),
                        _text(features, "image/class/text").decode(), _number(features, "image/width"),
                        _number(features, "image/height"))
    except ValueError as error:
        raise BadRecordError(f"record {number} is no Example of an image ({error})") from error
    width, height = _picture_size(number, encoded)
    if (width, height) != (record.width, record.height):
        raise BadRecordError(f"record {number} says {record.width}x{record.height} pixels, "
                             f"its picture has {width}x{height}")
    return record


def _picture_size(number: int, encoded: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as picture:
            picture.load()
            return picture.size
    except (OSError, SyntaxError, ValueError) as error:
        raise BadRecordError(f"record {number}: its picture is no intact JPEG ({error})") from error


_Feature = list[bytes | int]


def _text(features: dict[str, _Feature], name: str) -> bytes:
    if len(values := features.get(name, [])) == 1 and isinstance(values[0], bytes):
        return values[0]
    raise ValueError(f"{name} is not one text")


def _number(features: dict[str, _Feature], name: str) -> int:
    if len(values := features.get(name, [])) == 1 and isinstance(values[0], int):
        return values[0]
    raise ValueError(f"{name} is not one number")


def _features(example: bytes) -> dict[str, _Feature]:
    """All features of an Example by name: `Example.features = 1`, a map whose entries hold key = 1 and value = 2."""
    found: dict[str, _Feature] = {}
    for features in _submessages(example, 1):
        for entry in _submessages(features, 1):
            (name,), (feature,) = _submessages(entry, 1), _submessages(entry, 2)
            found[name.decode()] = _values(feature)
    return found


def _values(feature: bytes) -> _Feature:
    """The values of a Feature: a list of bytes (1) or of whole numbers (3), the numbers packed or one by one."""
    values: _Feature = []
    for items in _submessages(feature, 1):
        values += _submessages(items, 1)
    for numbers in _submessages(feature, 3):
        for field, content in _Cursor(numbers).fields():
            if field == 1:
                values += _Cursor(content).numbers() if isinstance(content, bytes) else [content]
    return values


def _submessages(message: bytes, wanted: int) -> list[bytes]:
    return [content for field, content in _Cursor(message).fields() if field == wanted and isinstance(content, bytes)]


class _Cursor:
    """A position in a serialised message."""

    def __init__(self, message: bytes) -> None:
        self._rest = io.BytesIO(message)
        self._end = len(message)

    def fields(self) -> Iterator[tuple[int, int | bytes]]:
        """(number, content) of every field."""
        while self._rest.tell() < self._end:
            field, kind = divmod(self._number(), 8)
            if kind == 0:
                yield field, self._number()
            elif kind in (1, 2, 5):
                yield field, self._take({1: 8, 5: 4}[kind] if kind != 2 else self._number())
            else:
                raise ValueError(f"field {field} has the unknown kind {kind}")

    def numbers(self) -> list[int | bytes]:
        """All of the message as numbers in a row."""
        found: list[int | bytes] = []
        while self._rest.tell() < self._end:
            found.append(self._number())
        return found

    def _number(self) -> int:
        groups = []
        while True:
            byte = self._take(1)[0]
            groups.append(byte & 127)
            if byte < 128:
                break
        number = sum(group << 7 * place for place, group in enumerate(groups))
        return number - (1 << 64) if number >> 63 else number

    def _take(self, size: int) -> bytes:
        taken = self._rest.read(size)
        if len(taken) < size:
            raise ValueError("a field is longer than its message")
        return taken

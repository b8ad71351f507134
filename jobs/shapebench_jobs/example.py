"""An image as a `tf.train.Example`, encoded and decoded by hand: three features need no protocol buffer library.

The layout is `Example{1: Features{1: map entry{1: key, 2: Feature}}}`, and a Feature holds `1: BytesList{1: bytes}` or
`3: Int64List{1: varints, packed or not}`. Features with other names, and lists of floats, are skipped when reading, so
that files which TensorFlow wrote with more features are read too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

KEY_ENCODED = "image/encoded"
KEY_LABEL = "image/class/label"
KEY_TEXT = "image/class/text"

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5


class MalformedExampleError(ValueError):
    """A record's payload is no Example with an encoded image."""


@dataclass(frozen=True)
class LabelledImage:
    """An encoded image, its class as a number and as a name (empty where the file has none)."""

    encoded: bytes
    label: int
    class_name: str


def encode(image: LabelledImage) -> bytes:
    """The serialised Example."""
    return serialized({KEY_ENCODED: image.encoded, KEY_LABEL: image.label, KEY_TEXT: image.class_name.encode()})


def serialized(features: Mapping[str, bytes | int]) -> bytes:
    """An Example of any features that hold one value each: bytes, or a whole number from 0."""
    return _message(1, b"".join(
        _entry(name, _message(1, _message(1, value)) if isinstance(value, bytes)
               else _message(3, _message(1, _varint(value))))
        for name, value in features.items()))


def decode(payload: bytes) -> LabelledImage:
    """The image in a serialised Example; MalformedExampleError when there is none."""
    encoded: bytes | None = None
    label, class_name = 0, ""
    try:
        for features in _chunks(payload, 1):
            for entry in _chunks(features, 1):
                key, feature = next(_chunks(entry, 1)).decode(), next(_chunks(entry, 2))
                if key == KEY_ENCODED:
                    encoded = _first_bytes(feature)
                elif key == KEY_LABEL:
                    label = _first_integer(feature)
                elif key == KEY_TEXT:
                    class_name = _first_bytes(feature).decode()
    except (IndexError, StopIteration, UnicodeDecodeError) as error:
        raise MalformedExampleError(f"the record is no tf.train.Example ({error})") from error
    if encoded is None:
        raise MalformedExampleError(f"the record has no feature {KEY_ENCODED}")
    return LabelledImage(encoded, label, class_name)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _message(field: int, content: bytes) -> bytes:
    return bytes((field << 3 | _LENGTH_DELIMITED,)) + _varint(len(content)) + content


def _entry(key: str, feature: bytes) -> bytes:
    return _message(1, _message(1, key.encode()) + _message(2, feature))


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, content) of a message; numbers for varints, bytes for all else."""
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        kind = tag & 7
        if kind == _VARINT:
            number, position = _read_varint(data, position)
            yield tag >> 3, number
            continue
        if kind == _LENGTH_DELIMITED:
            length, position = _read_varint(data, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise IndexError(f"unknown wire type {kind}")
        if position + length > len(data):
            raise IndexError("a field is longer than its message")
        yield tag >> 3, data[position : position + length]
        position += length


def _chunks(data: bytes, field: int) -> Iterator[bytes]:
    return (content for number, content in _fields(data) if number == field and isinstance(content, bytes))


def _first_bytes(feature: bytes) -> bytes:
    return next(_chunks(next(_chunks(feature, 1)), 1))


def _first_integer(feature: bytes) -> int:
    _, content = next(_fields(next(_chunks(feature, 3))))
    return content if isinstance(content, int) else _read_varint(content, 0)[0]

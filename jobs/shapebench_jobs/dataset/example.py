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
_FIRST, _SECOND, _THIRD = (number << 3 | _LENGTH_DELIMITED for number in (1, 2, 3))
_FIRST_VARINT = 1 << 3 | _VARINT
_Span = tuple[int, int]


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


def decode(data: bytes, start: int = 0, end: int | None = None) -> LabelledImage:
    """The image in a serialised Example, data[start:end]; MalformedExampleError when there is none.

    Only the encoded image is copied: nothing else of the bytes around it.
    """
    encoded: bytes | None = None
    label, class_name = 0, ""
    try:
        for entry in _entries(data, (start, len(data) if end is None else end)):
            key, feature = _text(data, _need(data, entry, _FIRST)), _need(data, entry, _SECOND)
            if key == KEY_ENCODED:
                first, last = _first_bytes(data, feature)
                encoded = data[first:last]
            elif key == KEY_LABEL:
                label = _first_integer(data, feature)
            elif key == KEY_TEXT:
                class_name = _text(data, _first_bytes(data, feature))
    except (IndexError, UnicodeDecodeError) as error:
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


def _find(data: bytes, span: _Span, wanted: int) -> _Span | None:
    """Where the content of the message's first field with this tag is; a varint's content is its own bytes.

    One loop without a call for the usual short tags and lengths: this runs a dozen times for each image.
    """
    position, end = span
    while position < end:
        tag = data[position]
        position += 1
        if tag > 0x7F:
            tag, position = _read_varint(data, position - 1)
        kind, first = tag & 7, position
        if kind == _LENGTH_DELIMITED:
            length = data[position]
            first = position + 1
            if length > 0x7F:
                length, first = _read_varint(data, position)
            position = first + length
        elif kind == _VARINT:
            _, position = _read_varint(data, position)
        elif kind in (_FIXED32, _FIXED64):
            position += 4 if kind == _FIXED32 else 8
        else:
            raise IndexError(f"unknown wire type {kind}")
        if position > end:
            raise IndexError("a field is longer than its message")
        if tag == wanted:
            return first, position
    return None


def _need(data: bytes, span: _Span, tag: int) -> _Span:
    found = _find(data, span, tag)
    if found is None:
        raise IndexError(f"field {tag >> 3} is missing")
    return found


def _entries(data: bytes, example: _Span) -> Iterator[_Span]:
    """The entries of the map of features."""
    features_from = example[0]
    while features := _find(data, (features_from, example[1]), _FIRST):
        entries_from, features_from = features
        while entry := _find(data, (entries_from, features_from), _FIRST):
            yield entry
            entries_from = entry[1]


def _text(data: bytes, span: _Span) -> str:
    return data[span[0] : span[1]].decode()


def _first_bytes(data: bytes, feature: _Span) -> _Span:
    return _need(data, _need(data, feature, _FIRST), _FIRST)


def _first_integer(data: bytes, feature: _Span) -> int:
    """Of a list that is packed into one field, or has a field for each."""
    integers = _need(data, feature, _THIRD)
    packed = _find(data, integers, _FIRST)
    first, last = packed or _need(data, integers, _FIRST_VARINT)
    value, end = _read_varint(data, first)
    if end > last:
        raise IndexError("an empty list of integers")
    return value

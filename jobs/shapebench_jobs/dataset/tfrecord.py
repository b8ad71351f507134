"""TFRecord framing, written and read without TensorFlow, so that a Spark image needs none of it.

A record is: its length (8 bytes, little endian), the masked CRC-32C of that length (4), the payload, the masked CRC-32C
of the payload (4). Both checksums are verified on reading. TensorFlow's own reader checks this module in the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import google_crc32c
import numpy as np

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER = struct.Struct("<QI")
_MASK_DELTA = 0xA282EAD8


class CorruptRecordError(ValueError):
    """A file that is no intact TFRecord file; the message tells the offset and what is wrong there."""

    def __init__(self, message: str, resume_at: int | None = None) -> None:
        super().__init__(message)
        self.resume_at = resume_at
        """Where the next record begins; None where the damage hides it, and the rest of the file is lost."""


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted as the format asks (a CRC of data that holds CRCs is weak otherwise)."""
    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """One record around a payload."""
    length = _LENGTH.pack(len(payload))
    return b"".join((length, _CRC.pack(masked_crc(length)), payload, _CRC.pack(masked_crc(payload))))


def spans_and_damage(data: bytes) -> Iterator[tuple[int, int] | CorruptRecordError]:
    """Where the payloads are, with each damaged record, as an error, in its place."""
    offset: int | None = 0
    while offset is not None:
        try:
            yield from spans(data, offset)
            return
        except CorruptRecordError as error:
            yield error
            offset = error.resume_at


def payloads(data: bytes, offset: int = 0) -> Iterator[bytes]:
    """The payloads of a whole file's content; CorruptRecordError where it is cut short or damaged."""
    return (data[start:end] for start, end in spans(data, offset))


def spans(data: bytes | bytearray, offset: int = 0, *, verify: bool = True) -> Iterator[tuple[int, int]]:
    """Where each payload of a whole file's content begins and ends; CorruptRecordError as `payloads`.

    Start at another offset than 0 only where a record begins. Payloads are not copied: a copy costs more than the CRC.
    Without `verify` only their lengths are checked.
    """
    content = np.frombuffer(data, np.uint8)  # its parts are views, and google_crc32c takes no memoryview
    size, value, unpack_header, unpack_crc = len(data), google_crc32c.value, _HEADER.unpack_from, _CRC.unpack_from
    while offset < size:
        start = offset + _HEADER.size
        if start > size:
            raise CorruptRecordError(f"record at byte {offset} is cut short in its header")
        length, length_crc = unpack_header(data, offset)
        crc = value(content[offset : offset + 8])
        # masked_crc() written out, here and below: calling it costs half as much as the CRC of a small record.
        if length_crc != (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF:
            raise CorruptRecordError(f"record at byte {offset} has a damaged length")
        end = start + length
        if end + _CRC.size > size:
            raise CorruptRecordError(f"record at byte {offset} is cut short in its payload")
        if verify:
            crc = value(content[start:end])
            if unpack_crc(data, end)[0] != (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF:
                raise CorruptRecordError(f"record at byte {offset} has a damaged payload", end + _CRC.size)
        yield start, end
        offset = end + _CRC.size

"""TFRecord framing, written and read without TensorFlow, so that a Spark image needs none of it.

A record is: its length (8 bytes, little endian), the masked CRC-32C of that length (4), the payload, the masked CRC-32C
of the payload (4). Both checksums are verified on reading. TensorFlow's own reader checks this module in the tests.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import google_crc32c

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CRC.size
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


def records(data: bytes) -> Iterator[bytes | CorruptRecordError]:
    """The payloads of a whole file's content with each damaged record, as an error, in its place."""
    offset: int | None = 0
    while offset is not None:
        try:
            yield from payloads(data, offset)
            return
        except CorruptRecordError as error:
            yield error
            offset = error.resume_at


def payloads(data: bytes, offset: int = 0) -> Iterator[bytes]:
    """The payloads of a whole file's content; CorruptRecordError where it is cut short or damaged.

    Start at another offset than 0 only where a record begins.
    """
    while offset < len(data):
        start = offset + _HEADER_BYTES
        header = data[offset:start]
        if len(header) < _HEADER_BYTES:
            raise CorruptRecordError(f"record at byte {offset} is cut short in its header")
        if _CRC.unpack_from(header, _LENGTH.size)[0] != masked_crc(header[: _LENGTH.size]):
            raise CorruptRecordError(f"record at byte {offset} has a damaged length")
        end = start + _LENGTH.unpack_from(header)[0]
        if end + _CRC.size > len(data):
            raise CorruptRecordError(f"record at byte {offset} is cut short in its payload")
        payload = data[start:end]
        if _CRC.unpack_from(data, end)[0] != masked_crc(payload):
            raise CorruptRecordError(f"record at byte {offset} has a damaged payload", end + _CRC.size)
        yield payload
        offset = end + _CRC.size

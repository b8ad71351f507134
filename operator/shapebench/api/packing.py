"""A run's record as it is kept: gzip of its JSON, the same bytes for the same record, whoever writes it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from shapebench.api.record import PodRecord, RunRecord

SUFFIX = ".json.gz"


class Bounds(NamedTuple):
    """How much a record may unpack to: a megabyte of gzip can say that it holds a gigabyte.

    `values`: of what separates values in the JSON. `[],` is three bytes of text and seventy of memory.
    """

    text_bytes: int
    values: int


IN_STORE = Bounds(512 * 2**20, 32_000_000)
"""Three times the record of a thousand pods with 600 samples of 12 columns each, the most that runs leave."""
IN_CONFIG_MAP = Bounds(64 * 2**20, 2_000_000)
"""Of what the operator itself reads within its 256 MiB, and whoever may write ConfigMaps in a namespace can forge; a
record that the operator made for a ConfigMap is within it."""


PODS = ',"pods":['
"""Where a record's pods begin: no other key of that name has a list."""


def packed(record: RunRecord) -> bytes:
    """The record, gzipped."""
    return packed_with(record, record.pods)


def packed_with(record: RunRecord, pods: Iterable[PodRecord]) -> bytes:
    """The record with these pods instead of its own; they are taken one at a time, so all need never be in memory."""
    before = record.model_dump_json(exclude_none=True, exclude={"pods"})
    buffer = io.BytesIO()
    # No file name and no time in the header: they would make the bytes differ.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=6) as out:
        out.write(before.removesuffix("}").encode() + PODS.encode())
        for number, pod in enumerate(pods):
            out.write((b"," if number else b"") + pod.model_dump_json(exclude_none=True).encode())
        out.write(b"]}")
    return buffer.getvalue()


def unpacked(data: bytes, bounds: Bounds = IN_STORE) -> RunRecord:
    """The record. Raises ValueError: damaged, larger than the bounds, or (pydantic.ValidationError) of another
    version."""
    return RunRecord.model_validate_json(_text(data, bounds))


def is_within(data: bytes, bounds: Bounds) -> bool:
    """Whether `unpacked` would take this, which `packed` made, with these bounds."""
    try:
        return bool(_text(data, bounds))
    except ValueError:
        return False


def unpacked_bytes(data: bytes) -> int:
    """How large the text is in what `packed` made; of 4 GiB and more, what is over that."""
    return int.from_bytes(data[-4:], "little")


def _text(data: bytes, bounds: Bounds) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        text = unpacking.decompress(data, bounds.text_bytes)
    except zlib.error as error:
        raise ValueError(f"not a record: {error}") from error
    if unpacking.unconsumed_tail:
        raise ValueError(f"not a record: it unpacks to more than {bounds.text_bytes >> 20} MiB")
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("not a record: it is not one whole gzip stream")
    values = sum(text.count(separator) for separator in (b",", b"[", b"{"))
    if values > bounds.values:
        raise ValueError(f"not a record: it holds more than {bounds.values} values")
    return text

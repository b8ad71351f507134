"""A run's record as it is kept: gzip of its JSON, the same bytes for the same record, whoever writes it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from shapebench.api.record import PodRecord, RunRecord
from shapebench.api.wire import VALUE_SEPARATORS

SUFFIX = ".json.gz"


class Bounds(NamedTuple):
    """How much a record may unpack to: a megabyte of gzip can say that it holds a gigabyte. `values` counts what
    separates them."""

    text_bytes: int
    values: int


IN_STORE = Bounds(512 * 2**20, 32_000_000)
"""Three times the record of a thousand pods with 600 samples of 12 columns each, the most that runs leave."""
IN_CONFIG_MAP = Bounds(64 * 2**20, 2_000_000)
"""Of what the operator itself reads within its 256 MiB, and whoever may write ConfigMaps in a namespace can forge; a
record that the operator made for a ConfigMap is within it."""

PODS = ',"pods":['
"""Where a record's pods begin: no other key of that name has a list."""


class Packed(NamedTuple):
    """A record's bytes, and how much they unpack to."""

    data: bytes
    text_bytes: int
    values: int

    def is_within(self, bounds: Bounds) -> bool:
        """Whether `unpacked` takes this with these bounds."""
        return self.text_bytes <= bounds.text_bytes and self.values <= bounds.values


def packed(record: RunRecord) -> bytes:
    """The record, gzipped."""
    return packed_with(record, record.pods)


def packed_with(record: RunRecord, pods: Iterable[PodRecord]) -> bytes:
    """The record with these pods instead of its own; they are taken one at a time, so all need never be in memory."""
    return weighed(record, pods).data


def weighed(record: RunRecord, pods: Iterable[PodRecord]) -> Packed:
    """As `packed_with`, with what that unpacks to."""
    buffer, text_bytes, values = io.BytesIO(), 0, 0
    # No file name and no time in the header: they would make the bytes differ.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=6) as out:
        for part in _parts(record, pods):
            text_bytes += out.write(part)
            values += _values(part)
    return Packed(buffer.getvalue(), text_bytes, values)


def unpacked(data: bytes, bounds: Bounds = IN_STORE) -> RunRecord:
    """The record. Raises ValueError: damaged, larger than the bounds, or (pydantic.ValidationError) of another
    version."""
    return RunRecord.model_validate_json(_text(data, bounds))


def unpacked_bytes(data: bytes) -> int:
    """How large the text is in what `packed` made; of 4 GiB and more, what is over that."""
    return int.from_bytes(data[-4:], "little")


def _parts(record: RunRecord, pods: Iterable[PodRecord]) -> Iterator[bytes]:
    yield (record.model_dump_json(exclude_none=True, exclude={"pods"}).removesuffix("}") + PODS).encode()
    for number, pod in enumerate(pods):
        yield (b"," if number else b"") + pod.model_dump_json(exclude_none=True).encode()
    yield b"]}"


def _values(text: bytes) -> int:
    return sum(map(text.count, VALUE_SEPARATORS))


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
    if _values(text) > bounds.values:
        raise ValueError(f"not a record: it holds more than {bounds.values} values")
    return text

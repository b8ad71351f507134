"""A run's record as it is kept: gzip of its JSON, the same bytes for the same record, whoever writes it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable

from shapebench.api.record import PodRecord, RunRecord

SUFFIX = ".json.gz"


def packed(record: RunRecord) -> bytes:
    """The record, gzipped."""
    return packed_with(record, record.pods)


def packed_with(record: RunRecord, pods: Iterable[PodRecord]) -> bytes:
    """The record with these pods instead of its own; they are taken one at a time, so all need never be in memory."""
    head = record.model_dump_json(exclude_none=True, exclude={"pods"})
    buffer = io.BytesIO()
    # No file name and no time in the header: they would make the bytes differ.
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=6) as out:
        out.write(head.removesuffix("}").encode() + b',"pods":[')
        for number, pod in enumerate(pods):
            out.write((b"," if number else b"") + pod.model_dump_json(exclude_none=True).encode())
        out.write(b"]}")
    return buffer.getvalue()


def unpacked(data: bytes) -> RunRecord:
    """The record. Raises ValueError: damaged, or (pydantic.ValidationError) of another version."""
    try:
        text = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"not a record: {error}") from error
    return RunRecord.model_validate_json(text)

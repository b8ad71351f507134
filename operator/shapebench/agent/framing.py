"""A record in log lines, and back: `SHAPEBENCH-RECORD <part>/<parts> <base64 of gzip of the JSON>`.

Lines are short enough that no container runtime splits them. `decode` is what the operator uses; it takes a whole
log or its end, with other lines anywhere between. No text that was read by `loads` or written by `dumps` is one that
cannot be written again, whatever a program told.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
import zlib
from typing import Any

from shapebench.api.wire import RECORD_LINE_PAYLOAD_CHARS, RECORD_LINE_PREFIX, VALUE_SEPARATORS

RECORD_LIMIT_BYTES = 8 * 2**20
"""Of a record's JSON. 600 samples of 12 columns take 0.15 MB and ten thousand measurements 2 MB; a log is whatever the
program wrote, and 0.3 MB of it can say that it unpacks to 200."""
RECORD_LIMIT_VALUES = 500_000
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_LISTED, _MOST_DIGITS = 10, 6
_HALF = re.compile(r"\\u[dD]")
"""Where a text may have a surrogate without its other half."""


class FramingError(ValueError):
    """There are record lines, but they do not make up a record; the message says what is wrong with them."""


def loads(text: str) -> Any:
    """The JSON, with "?" for each half of a surrogate pair: Python has them in names of files that are not UTF-8, and
    no UTF-8 can be made of them. Raises ValueError or RecursionError."""
    value = json.loads(text)
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace")) if _HALF.search(text) else value


def dumps(value: Any) -> str:
    """As short JSON that `loads` leaves as it is. ASCII only, so that characters are bytes."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return json.dumps(loads(text), separators=(",", ":")) if _HALF.search(text) else text


def encode(text: str) -> list[str]:
    """The lines of a record that is this JSON, without line ends."""
    payload = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    parts = [payload[at:at + RECORD_LINE_PAYLOAD_CHARS]
             for at in range(0, len(payload), RECORD_LINE_PAYLOAD_CHARS)]
    return [f"{RECORD_LINE_PREFIX}{number}/{len(parts)} {part}" for number, part in enumerate(parts, start=1)]


def decode(log_text: str) -> dict[str, Any] | None:
    """The last record in a log, or None if the log has no record line; raises FramingError for a damaged one."""
    found = [part for part in (_part(line) for line in log_text.splitlines()) if part is not None]
    if not found:
        return None
    # The last set alone counts: a program may itself be a log reader that printed an older one.
    parts = found[-1][1]
    payloads: dict[int, str] = {}
    for number, of, payload in reversed(found):
        if of != parts or number in payloads:
            break
        payloads[number] = payload
    # Some, not all: a line of the program's can claim to be one of any number.
    missing = list(itertools.islice((number for number in range(1, parts + 1) if number not in payloads), _LISTED))
    if missing:
        raise FramingError(f"the record's lines {missing} of {parts} are missing from the log")
    return _unpack("".join(payloads[number] for number in range(1, parts + 1)))


def _part(line: str) -> tuple[int, int, str] | None:
    """A line's (part, parts, payload); None for any other line. What a log reader put before it does not matter."""
    _, found, rest = line.partition(RECORD_LINE_PREFIX)
    counts, _, payload = rest.strip().partition(" ")
    number, _, of = counts.partition("/")
    if not found or not (number.isdecimal() and of.isdecimal()) or max(len(number), len(of)) > _MOST_DIGITS:
        return None
    if not 1 <= int(number) <= int(of):
        return None
    return int(number), int(of), payload


def _unpack(payload: str) -> dict[str, Any]:
    try:
        text = _bounded(base64.b64decode(payload, validate=True))
        if _values(text) > RECORD_LIMIT_VALUES and _values(_TEXT.sub(b"", text)) > RECORD_LIMIT_VALUES:
            raise FramingError(f"the record's lines hold more than {RECORD_LIMIT_VALUES} values")
        record = loads(text.decode())
    except FramingError:
        raise
    except (ValueError, RecursionError, zlib.error) as error:
        raise FramingError(f"the record's lines are damaged: {error}") from error
    if not isinstance(record, dict):
        raise FramingError("the record's lines hold no record")
    return record


def _values(text: bytes) -> int:
    return sum(map(text.count, VALUE_SEPARATORS))


def _bounded(data: bytes) -> bytes:
    """As gzip.decompress, in memory that is bounded whatever the data say."""
    unpacking = zlib.decompressobj(wbits=31)
    text = unpacking.decompress(data, RECORD_LIMIT_BYTES)
    if unpacking.unconsumed_tail:
        raise FramingError(f"the record's lines unpack to more than {RECORD_LIMIT_BYTES} bytes")
    if not unpacking.eof or unpacking.unused_data:
        raise FramingError("the record's lines are damaged: they are not one whole gzip stream")
    return text

"""Requests: so many samples at most, each series in order, and bytes that another implementation reads."""

from __future__ import annotations

import cramjam
from hypothesis import given
from hypothesis import strategies as st

from shapebench.remote_write import message
from shapebench.remote_write.series import STALE, TimeSeries


def fields(data: bytes) -> list[tuple[int, bytes | int]]:
    """The fields of a protobuf message by number, read without a protobuf library: numbers as they are on the wire."""
    found: list[tuple[int, bytes | int]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            found.append((key >> 3, varint()))
        else:
            size = 8 if key & 7 == 1 else varint()
            found.append((key >> 3, data[at:at + size]))
            at += size
    return found


def test_the_bytes_are_the_protocols() -> None:
    body = message.encode([TimeSeries((("__name__", "up"), ("a", "b")), ((1000, 2.5), (-1, STALE)))])
    ((number, series),) = fields(bytes(cramjam.snappy.decompress_raw(body)))
    assert number == 1
    assert [(number, fields(part)) for number, part in fields(series)] == [
        (1, [(1, b"__name__"), (2, b"up")]), (1, [(1, b"a"), (2, b"b")]),
        (2, [(1, bytes.fromhex("0000000000000440")), (2, 1000)]),
        (2, [(1, bytes.fromhex("020000000000f07f")), (2, 2**64 - 1)])]


@given(st.lists(st.integers(1, 30), max_size=10), st.integers(1, 20))
def test_requests_are_bounded_and_lose_nothing(lengths: list[int], most: int) -> None:
    series = [TimeSeries((("__name__", f"s{number}"),), tuple((moment, 0.0) for moment in range(length)))
              for number, length in enumerate(lengths)]
    requests = list(message.requests(series, most))
    sizes = [sum(len(one.points) for one in request) for request in requests]
    assert all(0 < size <= most for size in sizes)
    assert all(size == most for size in sizes[:-1])
    for one in series:
        assert tuple(point for request in requests for part in request if part.labels == one.labels
                     for point in part.points) == one.points

"""Prometheus' WriteRequest, remote write 1.0, as bytes: protobuf, compressed with snappy's block format.

The message is described here rather than in a generated module: it is four small types that will not change, and a
generated module would tie the checkout to the generator's version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from shapebench.remote_write.series import TimeSeries

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

_FIELDS = {
    "Label": (("name", "string"), ("value", "string")),
    "Sample": (("value", "double"), ("timestamp", "int64")),
    "TimeSeries": (("labels", "Label"), ("samples", "Sample")),
    "WriteRequest": (("timeseries", "TimeSeries"),),
}
"""The protocol's messages: their fields in the order of the numbers, from 1; each message among them is repeated."""

MOST_SAMPLES = 2000
"""In one request; what Prometheus itself sends at most."""


def requests(series: Iterable[TimeSeries], most_samples: int = MOST_SAMPLES) -> Iterator[tuple[TimeSeries, ...]]:
    """The series in parts that hold so many samples at most, each series' samples in order."""
    batch: list[TimeSeries] = []
    room = most_samples
    for one in series:
        points = one.points
        while points:
            now, points = points[:room], points[room:]
            batch.append(TimeSeries(one.labels, now))
            room -= len(now)
            if room == 0:
                yield tuple(batch)
                batch, room = [], most_samples
    if batch:
        yield tuple(batch)


def encode(series: Iterable[TimeSeries]) -> bytes:
    """One request's body."""
    import cramjam

    message = _write_request()()
    for one in series:
        added = message.timeseries.add()
        for name, text in one.labels:
            added.labels.add(name=name, value=text)
        for moment, number in one.points:
            added.samples.add(value=number, timestamp=moment)
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))


@cache
def _write_request() -> Any:
    """The message's class."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="shapebench/remote_write.proto", package="shapebench",
                                              syntax="proto3")
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for number, (name, kind) in enumerate(fields, start=1):
            added = described.field.add(name=name, number=number, label=field.LABEL_OPTIONAL)
            if kind in _FIELDS:
                added.label, added.type = field.LABEL_REPEATED, field.TYPE_MESSAGE
                added.type_name = f".shapebench.{kind}"
            else:
                added.type = field.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shapebench.WriteRequest"))

"""R1 and R2: TFRecord files against reading the same files whole, and against that and the CRC one after the other."""

from __future__ import annotations

from pathlib import Path

import google_crc32c
from material import Material
from ratios import Limit, Result, Timed, compare, in_series, profile

from shapebench_jobs.dataset import tfrecord


def results(material: Material, rounds: int, small: bool) -> list[Result]:
    """R1 and R2 in GB per CPU second. Small records have no target: they are bound by Python's cost of a record."""
    largest = bytearray(max(Path(path).stat().st_size for path in material.shards))

    def read(verify: bool) -> None:
        """As the jobs do: Spark, or read_bytes, hands over a whole file, whose records are then found in place."""
        for path in material.shards:
            for _ in tfrecord.spans(Path(path).read_bytes(), verify=verify):
                pass

    def readinto() -> None:
        for path in material.shards:
            with Path(path).open("rb", buffering=0) as file:
                file.readinto(largest)  # type: ignore[attr-defined]

    def copy() -> None:
        for _ in material.shards:
            bytes(largest)

    def checksums() -> None:
        for payload in material.payloads:
            google_crc32c.value(payload)

    size = material.bytes
    unverified = Timed("without CRC", size, lambda: read(False))
    r1 = compare(
        _name("R1 TFRecord read without CRC", small), "GB/CPU-s", unverified,
        Limit((Timed("readinto", size, readinto), Timed("copy", len(largest) * len(material.shards), copy)), min,
              "min(readinto a buffer of the file's size, copying to fresh memory)"),
        rounds, None if small else 0.7, 1e-9, lambda: profile(lambda: read(False)))
    r2 = compare(
        _name("R2 TFRecord read with CRC", small), "GB/CPU-s", Timed("with CRC", size, lambda: read(True)),
        Limit((unverified, Timed("crc", sum(map(len, material.payloads)), checksums)), in_series,
              "1/(1/R1's rate + 1/CRC-32C of the payloads)"),
        rounds, None if small else 0.9, 1e-9, lambda: profile(lambda: read(True)))
    return [r1, r2]


def _name(name: str, small: bool) -> str:
    return f"{name}, small records" if small else name

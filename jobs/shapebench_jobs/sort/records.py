"""The records that `sort` sorts, as numpy makes them: 100 bytes each, decided by a seed and the record's number.

Spark makes the same records by its own expressions (`frames.py`). What this module makes of the seed is the answer
that the sorted output must meet, so the two know of each other only what is written here:

    word j of record n  = xxhash64 of the three longs (seed, j, n), chained from 42 as Spark's function does
    key      10 bytes   = word 0, first 2 bytes of word 1            (words are big-endian)
    payload  90 bytes   = n, next 2 bytes of word 1, words 2 to 11

Nothing in a record can be compressed but its number, so bytes that are shuffled are bytes that were made.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RECORD_BYTES = 100
WORDS = 12

_CHUNK = 1 << 15
_START = 42
_PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
_P1, _P2, _P3, _P4, _P5 = (np.uint64(prime) for prime in _PRIMES)

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Tally:
    """How many records, and the sum of the CRC-32 of each: the same in any order."""

    count: int = 0
    crc_sum: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, self.crc_sum + other.crc_sum)


@dataclass(frozen=True)
class Share:
    """What part `number` of `parts` holds of a whole; a Spark task, so importable by executors."""

    seed: int
    records: int
    parts: int

    def __call__(self, numbers: Iterable[int]) -> Iterator[Tally]:
        """The tally of each of these parts."""
        for number in numbers:
            first, end = (self.records * (number + step) // self.parts for step in (0, 1))
            yield tally(self.seed, first, end)


def tally(seed: int, first: int, end: int) -> Tally:
    """The tally of the records numbered from `first` to before `end`."""
    total = Tally(end - first)
    for start in range(first, end, _CHUNK):
        made = records(seed, start, min(start + _CHUNK, end)).tobytes()
        crcs = (zlib.crc32(made[at : at + RECORD_BYTES]) for at in range(0, len(made), RECORD_BYTES))
        total += Tally(0, sum(crcs))
    return total


def records(seed: int, first: int, end: int) -> NDArray[np.uint8]:
    """The records numbered from `first` to before `end`, one a row, a byte a column."""
    numbers = np.arange(first, end, dtype=np.uint64)
    words = [_bytes(word(seed, index, numbers)) for index in range(WORDS)]
    return np.concatenate(
        (words[0], words[1][:, :2], _bytes(numbers), words[1][:, 2:4], *words[2:]), axis=1)


def word(seed: int, index: int, numbers: Words) -> Words:
    """Word `index` of each record."""
    prefix = _hash(np.array([index], np.uint64), _hash(np.array([seed], np.uint64), np.array([_START], np.uint64)))
    return _hash(numbers, prefix)


def _hash(values: Words, seed: Words) -> Words:
    """xxHash64 of one long, as Spark has it."""
    mixed: Words = (seed + _P5 + np.uint64(8)) ^ (_rotated(values * _P2, 31) * _P1)
    mixed = _rotated(mixed, 27) * _P1 + _P4
    mixed = (mixed ^ (mixed >> np.uint64(33))) * _P2
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _P3
    return mixed ^ (mixed >> np.uint64(32))


def _rotated(values: Words, bits: int) -> Words:
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits))


def _bytes(values: Words) -> NDArray[np.uint8]:
    return values.astype(">u8").view(np.uint8).reshape(-1, 8)

"""What was read, in a form that can be checked: a count, a size and a checksum that no order can change.

An image's own checksum covers its encoded bytes and the name of its class, so a mislabelled image is found as well as a
damaged one. They are summed, because workers finish in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import google_crc32c

_MODULUS = 1 << 64


@dataclass(frozen=True)
class Tally:
    """Images, their encoded bytes, and the sum of their checksums modulo 2**64."""

    count: int = 0
    bytes: int = 0
    checksum: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, self.bytes + other.bytes,
                     (self.checksum + other.checksum) % _MODULUS)


def image_checksum(encoded: bytes, class_name: str) -> int:
    """CRC-32C of an encoded image and the name of its class."""
    return int(google_crc32c.extend(google_crc32c.value(encoded), class_name.encode()))


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies, in whatever order they come."""
    result = Tally()
    for tally in tallies:
        result = result + tally
    return result

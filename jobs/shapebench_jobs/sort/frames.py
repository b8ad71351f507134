"""The sort in Spark's own words: make the records, sort them, look at what came out. No row passes through Python."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shapebench_jobs.harness.run import WrongAnswerError
from shapebench_jobs.sort.records import WORDS, Tally

_ANSI = "spark.sql.ansi.enabled"


def made(session: Any, seed: int, records: int, parts: int) -> Any:
    """The records (key, payload) that `records.py` describes, not yet computed."""
    from pyspark.sql import functions as F  # noqa: N812 - as everyone writes it

    kept = session.conf.get(_ANSI)
    session.conf.set(_ANSI, "false")  # SQL's standard knows no cast from a number to its bytes
    try:
        number = F.col("id")
        words = [F.xxhash64(F.lit(seed).cast("long"), F.lit(index).cast("long"), number).cast("binary")
                 for index in range(WORDS)]
        key = F.concat(words[0], F.substring(words[1], 1, 2))
        payload = F.concat(number.cast("binary"), F.substring(words[1], 3, 2), *words[2:])
        return session.range(0, records, 1, parts).select(key.alias("key"), payload.alias("payload"))
    finally:
        session.conf.set(_ANSI, kept)


def in_order(frame: Any, partitions: int) -> Any:
    """All records by key: partitions hold ascending ranges, and each is sorted."""
    return frame.repartitionByRange(partitions, "key").sortWithinPartitions("key")


@dataclass(frozen=True)
class SortedPart:
    """One partition of the output as it lies there."""

    number: int
    tally: Tally
    first: bytes
    last: bytes
    """The smallest and the largest key."""
    descents: int
    """Records whose key is smaller than that of the record before."""


def looked_at(located: Any) -> tuple[SortedPart, ...]:
    """What the output holds. `located`: key, payload, part (its number) and row (rising within a part).

    Another order than the one that was sorted by: rows come by their place, and keys are compared.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812

    before = F.lag("key").over(Window.partitionBy("part").orderBy("row"))
    rows = located.select("part", "key", F.crc32(F.concat("key", "payload")).alias("crc"), before.alias("before"))
    parts = rows.groupBy("part").agg(
        F.count("*").alias("count"), F.sum("crc").alias("crc_sum"), F.min("key").alias("first"),
        F.max("key").alias("last"), F.count_if(F.col("before") > F.col("key")).alias("descents"))
    return tuple(SortedPart(row["part"], Tally(row["count"], row["crc_sum"]), bytes(row["first"]), bytes(row["last"]),
                            row["descents"]) for row in sorted(parts.collect(), key=lambda row: row["part"]))


def check(parts: Sequence[SortedPart], expected: Tally) -> None:
    """Raise WrongAnswerError unless the parts, in their order, are all the expected records in order."""
    for part in parts:
        if part.descents:
            raise WrongAnswerError(f"partition {part.number} is not sorted: {part.descents} of its {part.tally.count} "
                                   "records have a smaller key than the one before")
    for left, right in itertools.pairwise(parts):
        if left.last > right.first:
            raise WrongAnswerError(f"partition {left.number} ends with key {left.last.hex()}, after partition "
                                   f"{right.number} begins with {right.first.hex()}")
    found = sum((part.tally for part in parts), Tally())
    if found.count != expected.count:
        raise WrongAnswerError(f"{found.count} records came out, {expected.count} went in")
    if found.crc_sum != expected.crc_sum:
        raise WrongAnswerError(f"other records came out than were made: their CRC-32s add up to {found.crc_sum}, "
                               f"not to {expected.crc_sum}")

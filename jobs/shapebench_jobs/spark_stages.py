"""What Spark itself counted while some of its work ran: bytes shuffled and spilled, time in garbage collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_GROUP = "spark.jobGroup.id"
_BUS_TIMEOUT_MS = 60_000


@dataclass(frozen=True)
class Counted:
    """Sums over the tasks of all stages that ran, the last attempt of each."""

    shuffle_bytes: int
    """Written by map tasks, after compression."""
    spilled_bytes: int
    """Written to disk because memory was short, after compression."""
    gc_seconds: float

    @property
    def values(self) -> dict[str, float]:
        """As values of a row of measurements."""
        return {"shuffle_bytes": self.shuffle_bytes, "spilled_bytes": self.spilled_bytes,
                "gc_seconds": self.gc_seconds}


@contextmanager
def group(spark_context: Any, name: str) -> Iterator[None]:
    """Mark the Spark jobs that this thread starts inside, so that `counted` finds them; a name for one use only."""
    spark_context.setLocalProperty(_GROUP, name)
    try:
        yield
    finally:
        spark_context.setLocalProperty(_GROUP, None)


def counted(spark_context: Any, name: str) -> Counted:
    """What the jobs of a finished group did. Waits until Spark has counted everything, so call it off the clock."""
    scala = spark_context._jsc.sc()
    scala.listenerBus().waitUntilEmpty(_BUS_TIMEOUT_MS)
    store = scala.statusStore()
    numbers: set[int] = set()
    for job in spark_context.statusTracker().getJobIdsForGroup(name):
        stages = store.job(job).stageIds()
        numbers |= {stages.apply(index) for index in range(stages.size())}
    found = [store.lastStageAttempt(number) for number in sorted(numbers)]
    return Counted(
        shuffle_bytes=sum(stage.shuffleWriteBytes() for stage in found),
        spilled_bytes=sum(stage.diskBytesSpilled() for stage in found),
        gc_seconds=sum(stage.jvmGcTime() for stage in found) / 1e3,
    )

"""What Spark itself counted while some of its work ran: bytes shuffled and spilled, time in garbage collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shapebench_jobs.harness.run import note

_GROUP = "spark.jobGroup.id"
_BUS_TIMEOUT_MS = 60_000
_RETAINED = 1000
"""Spark's own default of both settings below."""


@contextmanager
def group(spark_context: Any, name: str) -> Iterator[None]:
    """Mark the Spark jobs that this thread starts inside, so that `counted` finds them; a name for one use only."""
    spark_context.setLocalProperty(_GROUP, name)
    try:
        yield
    finally:
        spark_context.setLocalProperty(_GROUP, None)


def counted(spark_context: Any, name: str) -> dict[str, float]:
    """What the jobs of a finished group did, as values of a row of measurements; none where Spark has forgotten some.

    `shuffle_bytes` were written by map tasks, `spilled_bytes` to disk because memory was short, both after compression;
    `gc_seconds` are those of all tasks. Waits until Spark has counted everything, so call it off the clock.
    """
    scala = spark_context._jsc.sc()
    scala.listenerBus().waitUntilEmpty(_BUS_TIMEOUT_MS)
    if _has_forgotten(scala):
        note("no shuffle_bytes, spilled_bytes and gc_seconds: this run has more jobs or stages than Spark remembers; "
             "raise spark.ui.retainedJobs and spark.ui.retainedStages")
        return {}
    store = scala.statusStore()
    numbers: set[int] = set()
    for job in spark_context.statusTracker().getJobIdsForGroup(name):
        stages = store.job(job).stageIds()
        numbers |= {stages.apply(index) for index in range(stages.size())}
    found = [store.lastStageAttempt(number) for number in sorted(numbers)]
    return {
        "shuffle_bytes": sum(stage.shuffleWriteBytes() for stage in found),
        "spilled_bytes": sum(stage.diskBytesSpilled() for stage in found),
        "gc_seconds": sum(stage.jvmGcTime() for stage in found) / 1e3,
    }


def _has_forgotten(scala: Any) -> bool:
    conf, scheduler = scala.conf(), scala.dagScheduler()
    return bool(scheduler.numTotalJobs() > conf.getInt("spark.ui.retainedJobs", _RETAINED)
                or scheduler.nextStageId() > conf.getInt("spark.ui.retainedStages", _RETAINED))

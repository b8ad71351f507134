"""What a run's environment says of its configuration where the program itself does not: how Spark was set up from here.

A shipped job tells the session's resolved settings, and those win. A list of what to tell, because the rest may hold
credentials.
"""

from __future__ import annotations

from collections.abc import Mapping

from shapebench.build import spark_conf
from shapebench.build.attempt import Attempt

_TOLD_PREFIXES = (
    "spark.master", "spark.driver.cores", "spark.driver.memory", "spark.executor.cores", "spark.executor.instances",
    "spark.executor.memory", "spark.default.", "spark.dynamicAllocation.enabled", "spark.files.", "spark.io.",
    "spark.locality.", "spark.memory.", "spark.scheduler.", "spark.serializer", "spark.sql.shuffle.", "spark.task.",
    "spark.hadoop.mapreduce.",
)


def spark(attempt: Attempt) -> dict[str, str]:
    """The settings that explain a measurement; empty for other workloads."""
    workload = attempt.benchmark.spec.workload
    if workload.spark is None:
        return {}
    conf = spark_conf.on_kubernetes(attempt, "") if workload.engine is None else spark_conf.on_engine(attempt)
    return told(conf)


def told(conf: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that may be shown, in order of their names."""
    return {name: value for name, value in sorted(conf.items()) if name.startswith(_TOLD_PREFIXES)}

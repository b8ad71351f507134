"""The Spark cluster under a job: is it whole, how wide is it, what is it made of, and work once on each executor.

All of the cluster's configuration comes from outside (spark-defaults.conf, or a local master); a job only asks for the
session. The few calls into the JVM are for what PySpark has no words for.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from shapebench_jobs.dataset import making, reading
from shapebench_jobs.dataset.files import DatasetArguments
from shapebench_jobs.dataset.tally import Tally
from shapebench_jobs.harness.run import ENV_WORKERS, BadArgumentsError, WrongAnswerError, note

T = TypeVar("T")

_CONF_PREFIXES = (
    "spark.master", "spark.executor.cores", "spark.executor.instances", "spark.executor.memory",
    "spark.driver.memory", "spark.driver.cores", "spark.task.", "spark.default.", "spark.files.", "spark.scheduler.",
    "spark.dynamicAllocation.enabled", "spark.sql.shuffle.", "spark.serializer", "spark.memory.", "spark.io.",
    "spark.locality.", "spark.hadoop.mapreduce.",
)
"""Settings that explain a measurement. A list of what to show, because the rest may hold credentials."""


@contextmanager
def connected(environ: Mapping[str, str], start_timeout_s: float) -> Iterator[Any]:
    """A SparkSession whose executors have all registered. It is stopped whatever happens, so that they end in order.

    BadArgumentsError before Spark is started where the environment makes no sense; TimeoutError when some never come.
    """
    workers = expected_workers(environ)
    from pyspark.sql import SparkSession  # takes a second: --help and bad arguments answer without it

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Spark takes any python3 of the PATH
    session = SparkSession.builder.getOrCreate()
    try:
        await_executors(session.sparkContext, workers, start_timeout_s)
        yield session
    finally:
        session.stop()


def expected_workers(environ: Mapping[str, str]) -> int:
    """How many executors to wait for; 1 where nobody said."""
    text = environ.get(ENV_WORKERS, "1")
    if not text.isdecimal() or int(text) < 1:
        raise BadArgumentsError(f"{ENV_WORKERS}={text!r} is no number of executors: give 1 or more")
    return int(text)


@dataclass(frozen=True)
class Executor:
    """One executor as the driver sees it."""

    id: str
    host: str
    cores: int


def executors(spark_context: Any) -> tuple[Executor, ...]:
    """The executors that are registered now (on a local master, the driver itself)."""
    summaries = spark_context._jsc.sc().statusStore().executorList(True)
    found = []
    for number in range(summaries.size()):
        one = summaries.apply(number)
        if spark_context._jsc.sc().isLocal() or one.id() != "driver":
            host = one.hostPort().rpartition(":")[0]
            found.append(Executor(one.id(), host, one.totalCores()))
    return tuple(sorted(found, key=lambda executor: (len(executor.id), executor.id)))


def await_executors(spark_context: Any, expected: int, timeout_s: float,
                    sleep: Callable[[float], None] = time.sleep) -> None:
    """Return when all executors have registered; TimeoutError, telling how many came, when they do not."""
    if spark_context._jsc.sc().isLocal():
        if expected > 1:
            note(f"a local master has no executors: not waiting for {expected}")
        return
    deadline = time.monotonic() + timeout_s
    seen = -1
    while True:
        registered = spark_context._jsc.sc().getExecutorMemoryStatus().size() - 1
        if registered != seen:
            note(f"{registered} of {expected} executors registered")
            seen = registered
        if registered >= expected:
            return
        if time.monotonic() >= deadline:
            raise TimeoutError(f"only {registered} of {expected} executors registered within {timeout_s:g} s")
        sleep(0.1)


def slots(spark_context: Any) -> int:
    """How many tasks the cluster runs at once."""
    scala = spark_context._jsc.sc()
    return int(scala.maxNumConcurrentTasks(scala.resourceProfileManager().defaultResourceProfile()))


def everywhere(spark_context: Any, work: Callable[[], T]) -> tuple[tuple[str, T], ...]:
    """Do `work` in every task slot of every executor at once; (executor, answer) of each slot.

    A barrier stage, which runs on all executors at once: an ordinary one might use only some. `work` must be picklable
    by the name of its module (no closure), and cope with several of itself on one machine. RuntimeError when an
    executor had none.
    """
    width = slots(spark_context)
    seeds = spark_context.parallelize(range(width), width).barrier()
    answers: list[tuple[str, T]] = seeds.mapPartitions(_InEachSlot(work)).collect()
    reached, registered = len({place for place, _ in answers}), len(executors(spark_context))
    if reached < registered:
        raise RuntimeError(f"only {reached} of {registered} executors did {work!r}")
    return tuple(answers)


@dataclass(frozen=True)
class _InEachSlot(Generic[T]):
    """The barrier stage's task: importable by executors, unlike a closure of the program's main module."""

    work: Callable[[], T]

    def __call__(self, _: Iterator[int]) -> Iterator[tuple[str, T]]:
        yield reading.executor_name(), self.work()


def make_everywhere(spark_context: Any, root: Path, wanted: DatasetArguments) -> making.Dataset:
    """Make the data set on the driver's and on every executor's disk, and check that all are the same.

    It also starts the Python workers and their imports, which are no part of reading.
    """
    here = making.ensure(root, wanted)
    made = everywhere(spark_context, functools.partial(_make_here, str(root), wanted))
    differing = sorted({place for place, tally in made if tally != here.contents.tally})
    if differing:
        raise WrongAnswerError(f"{', '.join(differing)} made another data set than the driver from the same seed: "
                               "do their images have the same versions of numpy and Pillow?")
    return here


def _make_here(root: str, wanted: DatasetArguments) -> Tally:
    return making.ensure(Path(root), wanted).contents.tally


def environment(spark_context: Any) -> dict[str, str]:
    """Versions, executors and the resolved settings that matter."""
    java = spark_context._jvm.java.lang.System
    known = executors(spark_context)
    conf = {name: value for name, value in sorted(spark_context.getConf().getAll())
            if name.startswith(_CONF_PREFIXES)}
    return {
        "spark": spark_context.version,
        "java": java.getProperty("java.version"),
        "python": platform.python_version(),
        "executors": str(len(known)),
        "executor_hosts": " ".join(f"{one.id}={one.host}" for one in known),
        "executor_cores": " ".join(f"{one.id}={one.cores}" for one in known),
        "task_slots": str(slots(spark_context)),
        **conf,
    }

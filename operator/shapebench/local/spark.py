"""Spark on this machine: a driver process whose session starts a local cluster, one JVM for each executor.

As on Kubernetes, the whole configuration is a spark-defaults.conf that the program finds through SPARK_CONF_DIR.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path

from shapebench.api import quantity, wire
from shapebench.api.workload import SparkWorkload
from shapebench.build import spark as build_spark
from shapebench.build import spark_conf
from shapebench.local import cores, java_shim, spark_jars
from shapebench.local.context import Attempt
from shapebench.local.gang import Member
from shapebench.local.java import Java

_MIB = 2**20
_PROGRAM_PARTS = ("bin", "jars", "python", "data")
"""What of Spark's own folder a local cluster needs. It writes its executors' folders beside them."""


class SparkMissingError(Exception):
    """PySpark is not installed here; the message says what to do."""


def gang(attempt: Attempt) -> tuple[Member, ...]:
    """The driver; its executors are its grandchildren, and its agent counts them all."""
    workload = attempt.benchmark.spec.workload.spark
    assert workload is not None  # the table in attempt.py
    assert attempt.machine.java is not None  # the backend looked for one
    folder = attempt.scratch
    conf = folder / "conf"
    conf.mkdir()
    (conf / build_spark.CONF_FILE).write_text(spark_conf.properties(configuration(attempt, workload)))
    _spark_home(folder / "spark")
    _java_home(folder / "java", attempt.machine.java, attempt)
    return (attempt.member(wire.ROLE_DRIVER, 0, build_spark.program(workload, attempt.arguments()), {
        "SPARK_CONF_DIR": str(conf),
        "SPARK_HOME": str(folder / "spark"),
        "SPARK_LOCAL_DIRS": str(folder / "blocks"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "JAVA_HOME": str(folder / "java"),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }),)


def configuration(attempt: Attempt, workload: SparkWorkload) -> dict[str, str]:
    """The session's configuration: the same shape and memory split as on Kubernetes."""
    shape = attempt.run.shape
    slots = quantity.task_slots(attempt.cpu)
    total_bytes = quantity.memory_bytes(shape.memory)
    heap_mib, _ = spark_conf.memory_split_mib(total_bytes)
    driver_heap_mib, _ = spark_conf.memory_split_mib(quantity.memory_bytes(workload.driver.memory))
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": f"{driver_heap_mib}m",
        **workload.conf,
        **spark_jars.class_path(workload.conf, attempt.machine.environ),
        "spark.master": f"local-cluster[{shape.workers},{slots},{total_bytes // _MIB}]",
        "spark.app.name": attempt.run.name,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.cores": str(slots),
        "spark.executor.memory": f"{heap_mib}m",
        "spark.dynamicAllocation.enabled": "false",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime":
            f"{quantity.duration_s(attempt.benchmark.spec.limits.start_timeout)}s",
    }


def keep_executor_logs(attempt: Attempt) -> None:
    """Copy what the executors wrote to the run's logs before their folders go."""
    for stderr in sorted(attempt.scratch.glob("spark/work/*/*/stderr")):
        target = attempt.log(wire.ROLE_EXECUTOR, int(stderr.parent.name) if stderr.parent.name.isdigit() else 0)
        target.write_bytes(stderr.read_bytes() + stderr.with_name("stdout").read_bytes())


def installation() -> Path:
    """PySpark's folder. Raises SparkMissingError."""
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise SparkMissingError("PySpark is not installed in this environment: `pip install 'shapebench[spark]'`")
    return Path(found.submodule_search_locations[0])


def _spark_home(folder: Path) -> None:
    """A SPARK_HOME of the run's own: Spark's programs by link, and room for its executors' folders."""
    folder.mkdir()
    for name in _PROGRAM_PARTS:
        (folder / name).symlink_to(installation() / name)


def _java_home(folder: Path, java: Java, attempt: Attempt) -> None:
    """A JAVA_HOME whose java is the shim before the real one."""
    settings = json.dumps({
        "java": str(java.program),
        "vector": java.vector,
        "cores": [cores.assign(attempt.machine.cores, index, attempt.cpu)
                  for index in range(attempt.run.shape.workers)],
    })
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    words = (sys.executable, "-IS", java_shim.__file__, settings)
    program.write_text(f'#!/bin/sh\nexec {" ".join(map(shlex.quote, words))} "$@"\n')
    program.chmod(0o755)
    release = java.program.resolve().parents[1] / "release"
    if release.is_file():  # where the runtime's version is looked for
        (folder / "release").symlink_to(release)

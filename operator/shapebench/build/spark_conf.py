"""Spark's configuration for a shape: executors × cores × memory, all of them there before work starts."""

from __future__ import annotations

from collections.abc import Mapping

from shapebench.api import keys, quantity, wire
from shapebench.api.workload import SPARK_MINIMUM_OVERHEAD_BYTES
from shapebench.build import pod
from shapebench.build.attempt import Attempt

DRIVER_PORT = 7078
BLOCK_MANAGER_PORT = 7079
_OVERHEAD_FACTOR = 0.4
"""Of a pod's memory, for Python workers and the JVM outside its heap: Spark's own factor for non-JVM programs."""
_MIB = 2**20
_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}


def memory_split_mib(total_bytes: int) -> tuple[int, int]:
    """A pod's memory as (heap, overhead) in MiB, which Spark adds up again to the pod's request."""
    overhead = max(SPARK_MINIMUM_OVERHEAD_BYTES, int(total_bytes * _OVERHEAD_FACTOR))
    overhead_mib = overhead // _MIB
    return total_bytes // _MIB - overhead_mib, overhead_mib


def on_kubernetes(attempt: Attempt, executor_template: str) -> dict[str, str]:
    """The whole configuration of the attempt's driver; the user's own `conf` cannot hold any key set here
    that the shape or the launch decides, and overrides the rest."""
    spark = attempt.benchmark.spec.workload.spark
    assert spark is not None  # the table in gang.py
    heap_mib, _ = memory_split_mib(quantity.memory_bytes(spark.driver.memory))
    return {
        **_QUIET,
        "spark.driver.memory": f"{heap_mib}m",
        **spark.conf,
        **_launch(attempt, executor_template),
        **_shape(attempt),
    }


def on_engine(attempt: Attempt) -> dict[str, str]:
    """What is left to say where another operator submits: the user's own, and what that operator has no fields for."""
    spark = attempt.benchmark.spec.workload.spark
    assert spark is not None  # the table in gang.py
    return {**_QUIET, **spark.conf, **_on_every_launch(attempt), **_whole_shape(attempt)}


def properties(conf: Mapping[str, str]) -> str:
    """The text of spark-defaults.conf: Java properties, one a line."""
    return "".join(f"{key} {_escaped(value)}\n" for key, value in conf.items())


def _launch(attempt: Attempt, executor_template: str) -> dict[str, str]:
    image, pull_policy = pod.image(attempt)
    return {
        "spark.master": "k8s://https://kubernetes.default.svc",
        "spark.submit.deployMode": "client",
        "spark.app.name": attempt.gang,
        "spark.driver.host": f"{attempt.gang}.{attempt.namespace}.svc",
        "spark.driver.bindAddress": "0.0.0.0",
        "spark.driver.port": str(DRIVER_PORT),
        "spark.driver.blockManager.port": str(BLOCK_MANAGER_PORT),
        "spark.kubernetes.namespace": attempt.namespace,
        # Spark makes the executors' one owner of this pod: they go when it goes.
        "spark.kubernetes.driver.pod.name": keys.pod_name(attempt.gang, wire.ROLE_DRIVER, 0),
        **_on_every_launch(attempt),
        "spark.kubernetes.executor.podTemplateFile": executor_template,
        "spark.kubernetes.executor.podTemplateContainerName": keys.PROGRAM_CONTAINER,
        "spark.kubernetes.container.image": image,
        "spark.kubernetes.container.image.pullPolicy": pull_policy,
    }


def _on_every_launch(attempt: Attempt) -> dict[str, str]:
    return {
        # From Spark 4.3 on executors would dial the bind address instead of the Service.
        "spark.kubernetes.executor.useDriverPodIP": "false",
        "spark.kubernetes.executor.podNamePrefix": attempt.gang,
        # They stay as Completed until their records are read.
        "spark.kubernetes.executor.deleteOnTermination": "false",
    }


def _shape(attempt: Attempt) -> dict[str, str]:
    shape = attempt.run.shape
    cores = quantity.cpu_cores(shape.cpu)
    heap_mib, overhead_mib = memory_split_mib(quantity.memory_bytes(shape.memory))
    return {
        "spark.executor.instances": str(shape.workers),
        "spark.executor.cores": str(quantity.task_slots(cores)),
        "spark.kubernetes.executor.request.cores": quantity.cpu_text(cores),
        "spark.kubernetes.executor.limit.cores": quantity.cpu_text(cores),
        "spark.executor.memory": f"{heap_mib}m",
        "spark.executor.memoryOverhead": f"{overhead_mib}m",
        **_whole_shape(attempt),
    }


def _whole_shape(attempt: Attempt) -> dict[str, str]:
    """All executors at once, and no work before they are there."""
    return {
        "spark.kubernetes.allocation.batch.size": str(max(20, attempt.run.shape.workers)),
        "spark.dynamicAllocation.enabled": "false",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime":
            f"{quantity.duration_s(attempt.benchmark.spec.limits.start_timeout)}s",
    }


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")

"""Spark through the Kubeflow Spark operator: one SparkApplication, from which that operator submits in cluster mode.

Pod templates carry our labels, volumes and the agent to driver and executors; Spark keeps a template's command and
init containers, and sets the arguments. Nothing is retried or cleaned up there: attempts are ours, and the pods stay
until their records are read.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from shapebench.api import keys, quantity, wire
from shapebench.api.workload import job_module
from shapebench.build import pod, spark, spark_conf
from shapebench.build.attempt import Attempt, KubeObject, engine_object

API_VERSION = "sparkoperator.k8s.io/v1beta2"
JOB_LAUNCHER = "/opt/shapebench/jobs/launch_job.py"
"""Spark submits files and not modules: this one, of the image, starts the module that its first argument names."""
_SPARK_VERSION = "4.0.0"
"""A required field, which that operator reads to know whether Spark takes pod templates (3.0.0 and newer)."""
_DRIVER_URL = "SPARK_DRIVER_URL"
"""Spark gives it to every executor. The driver's Service has a name that nobody knows before Spark has made it."""
_CONTAINERS = keys.CONTAINER_BY_ENGINE["SparkApplication"]


def gang(attempt: Attempt) -> tuple[KubeObject, ...]:
    """The SparkApplication alone."""
    return (engine_object(attempt, API_VERSION) | {"spec": _spec(attempt)},)


def _spec(attempt: Attempt) -> KubeObject:
    file, arguments = _program(attempt)
    image, pull_policy = pod.image(attempt)
    spec: KubeObject = {
        "type": "Python",
        "pythonVersion": "3",
        "mode": "cluster",
        "sparkVersion": _SPARK_VERSION,
        "image": image,
        "imagePullPolicy": pull_policy,
        "mainApplicationFile": f"local://{file}",
        "arguments": arguments,
        "sparkConf": spark_conf.on_engine(attempt),
        "restartPolicy": {"type": "Never"},
        "driver": _driver(attempt),
        "executor": _executor(attempt),
    }
    return spec | ({"suspend": True} if attempt.benchmark.spec.queue_name else {})


def _program(attempt: Attempt) -> tuple[str, list[str]]:
    """The file that Spark runs, and its arguments."""
    workload, arguments = spark.spark_workload(attempt), attempt.arguments()
    if workload.job is not None:
        return JOB_LAUNCHER, [job_module(workload.job), *arguments]
    assert workload.application is not None  # the model's rule
    return workload.application, arguments


def _driver(attempt: Attempt) -> KubeObject:
    workload = spark.spark_workload(attempt)
    # Spark gives the driver's pod the image's entrypoint too, with the word `driver`.
    role = pod.Role(role=wire.ROLE_DRIVER, index=0, cpu=str(workload.driver.cpu), memory=str(workload.driver.memory),
                    program=(workload.executor_entrypoint,), container=_CONTAINERS[wire.ROLE_DRIVER])
    template = pod.engine_template(attempt, role)
    template["spec"]["automountServiceAccountToken"] = True
    return {"serviceAccount": spark.driver_account(attempt), **_size(role.cpu, role.memory), "template": template}


def _executor(attempt: Attempt) -> KubeObject:
    role = dataclasses.replace(spark.executor_role(attempt), container=_CONTAINERS[wire.ROLE_EXECUTOR],
                               env=(pod.follow(f"${_DRIVER_URL}"),))
    return {"instances": attempt.run.shape.workers, "deleteOnTermination": False, **_size(role.cpu, role.memory),
            "template": pod.engine_template(attempt, role)}


def _size(cpu: str, memory: str) -> dict[str, Any]:
    """CPU as task slots and as the pod's request and limit; memory as heap and overhead, which add up to the pod's."""
    cores = quantity.cpu_cores(cpu)
    heap_mib, overhead_mib = spark_conf.memory_split_mib(quantity.memory_bytes(memory))
    return {"cores": quantity.task_slots(cores), "coreRequest": quantity.cpu_text(cores),
            "coreLimit": quantity.cpu_text(cores), "memory": f"{heap_mib}m", "memoryOverhead": f"{overhead_mib}m"}

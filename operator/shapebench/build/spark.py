"""Spark: a driver pod in client mode, which asks Kubernetes for its own executors.

The session's whole configuration is files that the driver finds in SPARK_CONF_DIR, so the user's script only says
`SparkSession.builder.getOrCreate()`. Executors get the agent by pod template: Spark keeps a template's command and
init containers, and sets the arguments.
"""

from __future__ import annotations

import json

from shapebench.api import keys, wire
from shapebench.api.workload import SparkWorkload, job_module
from shapebench.build import pod, service, spark_conf, volumes
from shapebench.build.attempt import Attempt, KubeObject

EXECUTOR_TEMPLATE = "executor-template.json"
CONF_FILE = "spark-defaults.conf"


def gang(attempt: Attempt) -> tuple[KubeObject, ...]:
    """The Service in front of the driver, its configuration, and the driver."""
    return (service.headless(attempt, wire.ROLE_DRIVER), _config_map(attempt), _driver(attempt))


def pod_names(attempt: Attempt) -> tuple[str, ...]:
    """The driver alone: Spark makes its executors."""
    return (keys.pod_name(attempt.gang, wire.ROLE_DRIVER, 0),)


def program(workload: SparkWorkload, arguments: list[str]) -> tuple[str, ...]:
    """The command line of the driver."""
    if workload.job is not None:
        return ("python3", "-m", job_module(workload.job), *arguments)
    assert workload.application is not None  # the model's rule
    return ("python3", workload.application, *arguments)


def executor_template(attempt: Attempt) -> KubeObject:
    """The pod template of the executors. CPU and memory of the program's container come from the configuration."""
    role = executor_role(attempt)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": pod.metadata(attempt, role, None),
            "spec": pod.spec(attempt, role)}


def executor_role(attempt: Attempt) -> pod.Role:
    """What an executor runs: Spark sets the entrypoint's arguments."""
    workload, shape = spark_workload(attempt), attempt.run.shape
    return pod.Role(
        role=wire.ROLE_EXECUTOR,
        index=None,
        cpu=str(shape.cpu),
        memory=str(shape.memory),
        program=(workload.executor_entrypoint,),
        env=(pod.follow(f"{attempt.gang}.{attempt.namespace}.svc:{wire.AGENT_PORT}"),),
        shape=shape,
    )


def _config_map(attempt: Attempt) -> KubeObject:
    conf = spark_conf.on_kubernetes(attempt, f"{wire.CONF_DIR}/{EXECUTOR_TEMPLATE}")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": attempt.metadata(attempt.gang),
        "data": {
            CONF_FILE: spark_conf.properties(conf),
            EXECUTOR_TEMPLATE: json.dumps(executor_template(attempt), indent=2),
        },
    }


def driver_account(attempt: Attempt) -> str:
    """The service account that the driver asks for its executors with."""
    return spark_workload(attempt).driver.service_account_name or attempt.settings.driver_service_account


def driver_role(attempt: Attempt) -> pod.Role:
    """What the driver runs."""
    workload = spark_workload(attempt)
    return pod.Role(
        role=wire.ROLE_DRIVER,
        index=0,
        cpu=str(workload.driver.cpu),
        memory=str(workload.driver.memory),
        program=program(workload, attempt.arguments()),
        env=({"name": "SPARK_CONF_DIR", "value": wire.CONF_DIR},),
    )


def _driver(attempt: Attempt) -> KubeObject:
    role = driver_role(attempt)
    spec = pod.spec(attempt, role)
    spec["automountServiceAccountToken"] = True
    spec["serviceAccountName"] = driver_account(attempt)
    spec["volumes"].append({"name": volumes.CONF, "configMap": {"name": attempt.gang}})
    spec["containers"][0]["volumeMounts"].append(volumes.conf_mount())
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": pod.metadata(attempt, role, pod_names(attempt)[0]),
        "spec": spec,
    }


def spark_workload(attempt: Attempt) -> SparkWorkload:
    """The workload, which is Spark's."""
    workload = attempt.benchmark.spec.workload.spark
    assert workload is not None  # the table in gang.py
    return workload

"""Whole launches through the real training operator and the real Spark operator: their pods are the run's.

There is no kubelet: the tests play it.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from apiserver import operator_process, other_operators
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import OperatorProcess, apply, listed, run_status, tensorflow, until

from shapebench.api import keys, wire

Body = dict[str, Any]


def variables(pod: Body) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in pod["spec"]["containers"][0]["env"]}


def test_the_training_operators_pods_are_the_runs(
        engine_server: ControlPlane, engine_operator: OperatorProcess, engine_namespace: str, tmp_path: Path) -> None:
    status = partial(run_status, engine_server, engine_namespace)
    with other_operators.training_operator(engine_server, tmp_path, engine_namespace) as log:
        apply(engine_server, engine_namespace, tensorflow("train", limits={"failuresPerCell": 1}, workload={
            "tensorflow": {"engine": "TFJob", "job": "train", "parameterServers": 1}}))
        until(lambda: len(listed(engine_server, engine_namespace, "pods")) == 3, engine_operator)
        pods = {pod["metadata"]["name"]: pod for pod in listed(engine_server, engine_namespace, "pods")}
        gang = "train-1-1-a1"
        assert set(pods) == {f"{gang}-worker-0", f"{gang}-worker-1", f"{gang}-ps-0"}, log.read_text()[-2000:]
        for name, pod in pods.items():
            _, role, index = name.rsplit("-", 2)
            assert pod["metadata"]["labels"][keys.LABEL_ROLE] == role
            assert pod["metadata"]["labels"]["training.kubeflow.org/replica-index"] == index
            assert pod["spec"]["restartPolicy"] == "Never"
            assert pod["spec"]["containers"][0]["command"][:2] == ["python3", wire.AGENT_FILE]
            cluster = json.loads(variables(pod)["TF_CONFIG"])["cluster"]
            awaited = {peer.split(":")[0] for peer in variables(pod)[wire.ENV_AWAIT].split(",")}
            assert awaited == {address.split(":")[0] for group in cluster.values() for address in group}
        assert status("train-1-1")["phase"] == "Starting"
        operator_process.end_pods(engine_server, engine_namespace, "train", exit_code=3)
        until(lambda: status("train-1-1").get("phase") == "Failed", engine_operator)
        assert status("train-1-1")["reason"] == "ProgramFailed"
        until(lambda: listed(engine_server, engine_namespace, "tfjobs,pods") == [], engine_operator)


def test_the_spark_operators_pods_are_the_runs(
        engine_server: ControlPlane, engine_operator: OperatorProcess, engine_namespace: str, tmp_path: Path) -> None:
    status = partial(run_status, engine_server, engine_namespace)
    body = tensorflow("read", limits={"failuresPerCell": 1}, workload={"spark": {
        "engine": "SparkApplication", "job": "read-speed", "driver": {"cpu": "500m", "serviceAccountName": "spark"}}})
    with other_operators.spark_operator(engine_server, tmp_path, engine_namespace) as log:
        apply(engine_server, engine_namespace, body)
        until(lambda: len(listed(engine_server, engine_namespace, "pods")) == 1, engine_operator)
        (driver,) = listed(engine_server, engine_namespace, "pods")
        assert driver["metadata"]["name"] == "read-1-1-a1-driver", log.read_text()[-2000:]
        assert driver["metadata"]["labels"][keys.LABEL_ROLE] == "driver"
        container = driver["spec"]["containers"][0]
        assert container["command"] == ["python3", wire.AGENT_FILE, "--", "/opt/entrypoint.sh"]
        assert container["args"][0] == "driver"
        assert container["args"][-2:] == ["local:///opt/shapebench/jobs/launch_job.py", "shapebench_jobs.read_speed"]
        assert container["resources"]["requests"] == container["resources"]["limits"] == {
            "cpu": "500m", "memory": "1Gi"}
        assert driver["spec"]["initContainers"][0]["name"] == "agent"
        assert driver["spec"]["automountServiceAccountToken"] is True
        conf = properties(engine_server, engine_namespace, driver)
        assert conf["spark.executor.instances"] == "2"
        assert conf["spark.kubernetes.executor.podNamePrefix"] == "read-1-1-a1"
        operator_process.end_pods(engine_server, engine_namespace, "read", exit_code=3)
        until(lambda: status("read-1-1").get("phase") == "Failed", engine_operator)
        assert status("read-1-1")["reason"] == "ProgramFailed"
        until(lambda: listed(engine_server, engine_namespace, "sparkapplications,pods") == [], engine_operator)


def properties(plane: ControlPlane, namespace: str, driver: Body) -> dict[str, str]:
    """The configuration that spark-submit left for the driver."""
    name = next(one["configMap"]["name"] for one in driver["spec"]["volumes"]
                if one["name"].startswith("spark-conf-volume"))
    answers: list[str] = []

    def there() -> bool:  # it is made a moment after the pod
        answers.append(plane.kubectl("get", "configmap", name, "-n", namespace, "-o", "json").stdout)
        return bool(answers[-1])

    until(there)
    text = json.loads(answers[-1])["data"]["spark.properties"]
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_what_the_spark_operator_cannot_submit_fails_the_run_in_its_words(
        engine_server: ControlPlane, engine_operator: OperatorProcess, engine_namespace: str, tmp_path: Path) -> None:
    status = partial(run_status, engine_server, engine_namespace)
    body = tensorflow("read", limits={"failuresPerCell": 1, "startTimeout": "5m"}, workload={"spark": {
        "engine": "SparkApplication", "job": "read-speed", "conf": {"spark.driver.memoryOverheadFactor": "much"},
        "driver": {"serviceAccountName": "spark"}}})
    with other_operators.spark_operator(engine_server, tmp_path, engine_namespace):
        apply(engine_server, engine_namespace, body)
        until(lambda: status("read-1-1").get("phase") == "Failed", engine_operator)
    failed = status("read-1-1")
    assert failed["reason"] == "EngineFailed"
    assert "SparkApplication read-1-1-a1: " in failed["message"]
    assert "much" in failed["message"]

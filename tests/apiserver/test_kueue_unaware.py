"""A Kueue that does not know every kind that Benchmarks are launched through: who is in no queue waits not for ever.

A module of its own, because there is one Kueue at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from apiserver import other_operators, queues
from apiserver.control_plane import ControlPlane
from apiserver.operator_process import OperatorProcess, apply, listed, run_status, tensorflow, until

pytestmark = pytest.mark.timeout(300)  # the test waits for a control plane, Kueue and the operator to start

TF_JOB = {"tensorflow": {"engine": "TFJob", "job": "train"}}


@pytest.fixture(scope="module", autouse=True)
def kueue_for_tf_jobs(engine_server: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with other_operators.kueue(engine_server, tmp_path_factory.mktemp("kueue"), ["kubeflow.org/tfjob"]):
        yield


def told(plane: ControlPlane, namespace: str, kind: str, name: str, field: str) -> str:
    return plane.kubectl("get", kind, name, "-n", namespace, "-o", f"jsonpath={{.{field}}}").stdout


def test_a_run_in_no_queue_fails_and_one_in_a_queue_waits(
        engine_server: ControlPlane, engine_operator: OperatorProcess, engine_namespace: str) -> None:
    plane, namespace = engine_server, engine_namespace
    status = partial(run_status, plane, namespace)
    queues.set_policy(plane, namespace, "Hold")
    until(lambda: "Active" in told(plane, namespace, "localqueue", queues.NAME, "status.conditions"))
    queued = {"queueName": queues.NAME, "limits": {"startTimeout": "8s", "failuresPerCell": 1}}
    apply(plane, namespace, tensorflow("known", workload=TF_JOB, **queued))
    until(lambda: status("known-1-1").get("message") == queues.WAITING, engine_operator)
    apply(plane, namespace, tensorflow("unknown", workload={"spark": {
        "engine": "SparkApplication", "job": "read-speed", "driver": {"serviceAccountName": "spark"}}}, **queued))
    until(lambda: status("unknown-1-1").get("phase") == "Failed", engine_operator)
    failed = status("unknown-1-1")
    assert (failed["reason"], failed["attempt"]) == ("StartTimeout", 1)
    assert failed["message"].startswith("Kueue has made no Workload for SparkApplication unknown-1-1-a1 within "
                                        "limits.startTimeout (8s): enable the integration sparkoperator.k8s.io/")
    until(lambda: listed(plane, namespace, "sparkapplications") == [], engine_operator)
    # The other one's time to start is over too. The operator looks at it once more:
    apply(plane, namespace, tensorflow("known", workload=TF_JOB, **queued, suspend=True))
    until(lambda: told(plane, namespace, "benchmark", "known", "status.observedGeneration") == "2", engine_operator)
    assert (status("known-1-1")["phase"], status("known-1-1")["message"]) == ("Pending", queues.WAITING)

"""The objects of other operators: the same programs, sizes and names as in a gang of our own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from unit.build import test_gang as native

from shapebench.api import keys, wire
from shapebench.build import gang as gangs
from shapebench.build.attempt import Attempt

TF_JOB, SPARK_APPLICATION = native.through_tf_job, native.through_spark_application
BOTH = pytest.mark.parametrize(("make", "kind"), [
    pytest.param(TF_JOB, "TFJob", id="tf-job"),
    pytest.param(SPARK_APPLICATION, "SparkApplication", id="spark-application")])


def templates(made: Attempt) -> dict[str, dict[str, Any]]:
    """The pod templates by role."""
    (body,) = gangs.build(made)
    spec = body["spec"]
    if body["kind"] == "TFJob":
        return {kind.lower(): one["template"] for kind, one in spec["tfReplicaSpecs"].items()}
    return {role: spec[role]["template"] for role in ("driver", "executor")}


def env(template: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in template["spec"]["containers"][0]["env"]}


@BOTH
def test_one_object_is_owned_by_the_run_and_nothing_else_is_made(make: Any, kind: str) -> None:
    (body,) = gangs.build(make())
    assert (body["kind"], body["metadata"]["name"]) == (kind, "golden-0-1-a1")
    assert body["metadata"]["ownerReferences"][0]["uid"] == "u-2"
    assert gangs.support(make()) == ()


@BOTH
def test_pods_say_whose_they_are_and_what_they_do(make: Any, kind: str) -> None:
    for role, template in templates(make()).items():
        labels = template["metadata"]["labels"]
        assert labels.items() >= {keys.LABEL_RUN: "golden-0-1", keys.LABEL_ATTEMPT: "1", keys.LABEL_RUN_UID: "u-2",
                                  keys.LABEL_ROLE: role, keys.LABEL_BENCHMARK: "golden"}.items()
        (container,) = template["spec"]["containers"]
        assert container["command"][:3] == ["python3", wire.AGENT_FILE, "--"]
        assert container["name"] in keys.PROGRAM_CONTAINERS
        assert template["spec"]["restartPolicy"] == "Never"
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True


@BOTH
def test_held_back_only_where_a_queue_is_named(make: Any, kind: str) -> None:
    (free,), (queued,) = gangs.build(make()), gangs.build(make(queueName="research"))
    policy = [one["spec"]["runPolicy"] if kind == "TFJob" else one["spec"] for one in (free, queued)]
    assert [one.get("suspend") for one in policy] == [None, True]
    assert keys.LABEL_QUEUE not in free["metadata"]["labels"]
    assert queued["metadata"]["labels"][keys.LABEL_QUEUE] == "research"


def test_a_tf_job_runs_the_native_workers_program_with_its_own_number() -> None:
    pods = {pod["metadata"]["labels"][keys.LABEL_ROLE]: pod for pod in gangs.build(native.tensorflow())[1:]}
    made = native.tensorflow(workload={"tensorflow": {
        "engine": "TFJob", "job": "train", "arguments": ["--batch-size={batchSize}", "--seed={seed}"],
        "parameterServers": 1}})
    for role, template in templates(made).items():
        ours, theirs = pods[role]["spec"]["containers"][0], template["spec"]["containers"][0]
        assert theirs["command"] == ours["command"]
        assert theirs["resources"] == ours["resources"]
        ours_env, theirs_env = env(pods[role]), env(template)
        differing = {name for name in ours_env if ours_env[name] != theirs_env.get(name)}
        follows = {wire.ENV_FOLLOW, wire.ENV_SERVES} if role == wire.ROLE_PARAMETER_SERVER else set()
        assert differing == {"TF_CONFIG", wire.ENV_INDEX, wire.ENV_AWAIT} | follows
        for name in follows:
            assert theirs_env[name].split(",")[0] == "golden-0-1-a1-worker-0.team-a.svc:9404"
        assert "training.kubeflow.org/replica-index" in json.dumps(theirs_env[wire.ENV_INDEX])
        assert theirs_env[wire.ENV_AWAIT].split(",") == [
            f"golden-0-1-a1-{one}.team-a.svc:9404" for one in ("worker-0", "worker-1", "ps-0")]
    assert gangs.pod_names(made) == gangs.pod_names(native.tensorflow())


def test_a_worker_alone_gets_tf_config_from_us() -> None:
    made = native.tensorflow(workload={"tensorflow": {"engine": "TFJob", "command": ["train"]}},
                             shapes=[{"name": "one", "workers": 1, "cpu": 1, "memory": "1Gi"}])
    config = json.loads(env(templates(made)["worker"])["TF_CONFIG"])
    assert config == {"cluster": {"worker": ["golden-0-1-a1-worker-0.team-a.svc:2222"]},
                      "task": {"type": "worker", "index": 0}}


def test_a_spark_application_asks_for_the_shape() -> None:
    (body,) = gangs.build(SPARK_APPLICATION())
    spec = body["spec"]
    executor = {name: value for name, value in spec["executor"].items() if name != "template"}
    assert executor == {"instances": 2, "deleteOnTermination": False, "cores": 2, "coreRequest": "1500m",
                        "coreLimit": "1500m", "memory": "1229m", "memoryOverhead": "819m"}
    assert spec["sparkConf"]["spark.sql.shuffle.partitions"] == "8"
    assert spec["sparkConf"]["spark.scheduler.minRegisteredResourcesRatio"] == "1.0"
    assert not {"spark.master", "spark.driver.host", "spark.submit.deployMode"} & set(spec["sparkConf"])
    assert spec["restartPolicy"] == {"type": "Never"}
    assert "timeToLiveSeconds" not in spec


@pytest.mark.parametrize(("workload", "file", "arguments"), [
    pytest.param({"job": "read-speed", "arguments": ["--a"]}, "local:///opt/shapebench/jobs/launch_job.py",
                 ["shapebench_jobs.read_speed", "--a"], id="shipped"),
    pytest.param({"application": "/app/mine.py", "arguments": ["--a"]}, "local:///app/mine.py", ["--a"], id="own"),
])
def test_a_spark_application_runs_a_file(workload: dict[str, Any], file: str, arguments: list[str]) -> None:
    (body,) = gangs.build(SPARK_APPLICATION(workload={"spark": {"engine": "SparkApplication"} | workload}))
    assert (body["spec"]["mainApplicationFile"], body["spec"]["arguments"]) == (file, arguments)


def test_only_the_driver_of_a_spark_application_may_talk_to_the_api() -> None:
    made = templates(SPARK_APPLICATION())
    assert made["driver"]["spec"]["automountServiceAccountToken"] is True
    assert made["executor"]["spec"]["automountServiceAccountToken"] is False
    (body,) = gangs.build(SPARK_APPLICATION())
    assert body["spec"]["driver"]["serviceAccount"] == "shapebench-driver"

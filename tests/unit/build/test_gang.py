"""The objects of an attempt: whole, as golden manifests for each example, and the relations between them."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from shapebench.api import keys, wire
from shapebench.api.benchmark import Benchmark
from shapebench.api.settings import Settings
from shapebench.build import gang as gangs
from shapebench.build import spark_conf
from shapebench.build.attempt import Attempt
from shapebench.plan import expand


class _Literal(yaml.SafeDumper):
    """Texts of several lines as such: people read the differences."""


_Literal.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = sorted(path for folder in ("examples", "study")
                  for path in (Path(__file__).parents[3] / "manifests" / folder).rglob("*.yaml"))


def attempt(spec: dict[str, Any], name: str = "golden", number: int = 1) -> Attempt:
    metadata = {"name": name, "namespace": "team-a", "uid": "u-1"}
    benchmark = Benchmark.model_validate({"metadata": metadata, "spec": spec})
    return Attempt(benchmark, expand.runs(name, benchmark.spec)[0], number, "u-2", Settings())


def tensorflow(**spec: Any) -> Attempt:
    return attempt({
        "workload": {"tensorflow": {"job": "train", "arguments": ["--batch-size={batchSize}", "--seed={seed}"],
                                    "parameterServers": 1}},
        "shapes": [{"name": "2x500m", "workers": 2, "cpu": "500m", "memory": "1Gi", "nodeSelector": {"pool": "small"}}],
        "parameters": [{"name": "batchSize", "values": [64]}],
    } | spec)


def spark(**spec: Any) -> Attempt:
    return attempt({
        "workload": {"spark": {"job": "read-speed", "arguments": ["--format={format}"],
                               "conf": {"spark.sql.shuffle.partitions": "8"}}},
        "shapes": [{"name": "2x1500m", "workers": 2, "cpu": "1500m", "memory": "2Gi"}],
        "parameters": [{"name": "format", "values": ["images"]}],
    } | spec)


def through_tf_job(**spec: Any) -> Attempt:
    return tensorflow(**{"workload": {"tensorflow": {
        "engine": "TFJob", "job": "train", "arguments": ["--batch-size={batchSize}"], "parameterServers": 1}}} | spec)


def through_spark_application(**spec: Any) -> Attempt:
    return spark(**{"workload": {"spark": {
        "engine": "SparkApplication", "job": "read-speed", "arguments": ["--format={format}"],
        "conf": {"spark.sql.shuffle.partitions": "8"}}}} | spec)


@pytest.mark.parametrize(("name", "made"), [
    pytest.param("tensorflow", tensorflow(), id="tensorflow"),
    pytest.param("spark", spark(), id="spark"),
    pytest.param("isolated", spark(isolation="Node"), id="isolated"),
    pytest.param("tf-job", through_tf_job(), id="tf-job"),
    pytest.param("spark-application", through_spark_application(queueName="research"), id="spark-application"),
])
def test_golden(name: str, made: Attempt) -> None:
    """Set UPDATE_GOLDEN=1 to write the files anew, and read the difference before you commit it."""
    path = GOLDEN / f"{name}.yaml"
    text = yaml.dump_all(gangs.build(made), Dumper=_Literal, sort_keys=False, width=110)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("made", [pytest.param(tensorflow(), id="tensorflow"), pytest.param(spark(), id="spark")])
def test_every_call_returns_fresh_equal_trees(made: Attempt) -> None:
    first = gangs.build(made)
    before = copy.deepcopy(first)
    for body in first:
        body["metadata"]["labels"].clear()
        body.get("spec", {}).clear()
    assert gangs.build(made) == before


@pytest.mark.parametrize("made", [pytest.param(tensorflow(), id="tensorflow"), pytest.param(spark(), id="spark")])
def test_the_service_selects_pods_of_this_attempt_alone(made: Attempt) -> None:
    service = next(body for body in gangs.build(made) if body["kind"] == "Service")
    pods = [body for body in gangs.build(made) if body["kind"] == "Pod"]
    later = Attempt(made.benchmark, made.run, 2, made.owner_uid, made.settings)
    selector = service["spec"]["selector"].items()
    assert all(selector <= pod["metadata"]["labels"].items() for pod in pods)
    assert not any(selector <= body["metadata"]["labels"].items() for body in gangs.build(later))
    assert all(pod["metadata"]["name"] in gangs.pod_names(made) for pod in pods)


def test_tf_config_names_each_worker_by_the_service() -> None:
    pods = [body for body in gangs.build(tensorflow()) if body["kind"] == "Pod"]
    configs = [json.loads(_env(pod)["TF_CONFIG"]) for pod in pods]
    assert [config["task"] for config in configs] == [
        {"type": "worker", "index": 0}, {"type": "worker", "index": 1}, {"type": "ps", "index": 0}]
    gang = "golden-0-1-a1"
    assert configs[0]["cluster"] == {
        "worker": [f"{gang}-worker-{i}.{gang}.team-a.svc:2222" for i in range(2)],
        "ps": [f"{gang}-ps-0.{gang}.team-a.svc:2222"]}
    for pod, config in zip(pods, configs, strict=True):
        hosts = {host.split(":")[0] for group in config["cluster"].values() for host in group}
        me = f"{pod['spec']['hostname']}.{pod['spec']['subdomain']}.team-a.svc"
        awaited = {peer.split(":")[0] for peer in _env(pod)[wire.ENV_AWAIT].split(",")}
        assert awaited == hosts - {me}


def test_a_single_worker_awaits_nobody() -> None:
    made = tensorflow(workload={"tensorflow": {"command": ["train"]}},
                      shapes=[{"name": "one", "workers": 1, "cpu": 1, "memory": "1Gi"}])
    pod = gangs.build(made)[1]
    assert wire.ENV_AWAIT not in _env(pod)


def test_spark_conf_asks_for_the_shape() -> None:
    conf = _conf(spark())
    assert conf["spark.executor.instances"] == "2"
    assert conf["spark.executor.cores"] == "2", "task slots: CPU rounded up"
    assert conf["spark.kubernetes.executor.request.cores"] == "1500m"
    assert conf["spark.kubernetes.executor.limit.cores"] == "1500m"
    heap, overhead = (int(conf[f"spark.executor.{key}"].removesuffix("m")) for key in ("memory", "memoryOverhead"))
    assert heap + overhead == 2048
    assert conf["spark.sql.shuffle.partitions"] == "8"


def test_executors_run_under_the_agent_and_belong_to_the_run() -> None:
    config = gangs.build(spark())[1]
    template = json.loads(config["data"]["executor-template.json"])
    container = template["spec"]["containers"][0]
    assert container["command"] == ["python3", wire.AGENT_FILE, "--", "/opt/entrypoint.sh"]
    assert container["name"] == _conf(spark())["spark.kubernetes.executor.podTemplateContainerName"]
    assert template["metadata"]["labels"][keys.LABEL_ROLE] == "executor"
    assert "ownerReferences" not in template["metadata"], "two owners break the clean-up: Spark sets the driver"
    assert _conf(spark())["spark.kubernetes.driver.pod.name"] == gangs.pod_names(spark())[0]


@pytest.mark.parametrize(("text", "escaped"), [
    pytest.param("a b", "a b", id="space"),
    pytest.param("C:\\x", "C:\\\\x", id="backslash"),
    pytest.param("two\nlines", "two\\nlines", id="newline"),
])
def test_spark_defaults_are_java_properties(text: str, escaped: str) -> None:
    assert spark_conf.properties({"spark.x": text}) == f"spark.x {escaped}\n"


@pytest.mark.parametrize("total_mib", [834, 1024, 4096, 65536])
def test_the_memory_split_adds_up_and_leaves_spark_its_minimum(total_mib: int) -> None:
    heap, overhead = spark_conf.memory_split_mib(total_mib << 20)
    assert heap + overhead == total_mib
    assert heap >= 450
    assert overhead >= 384


def test_pods_are_restricted_and_guaranteed() -> None:
    for body in (*gangs.build(tensorflow()), *gangs.build(spark())):
        if body["kind"] != "Pod":
            continue
        spec = body["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*spec["initContainers"], *spec["containers"]):
            assert container["resources"]["requests"] == container["resources"]["limits"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_only_the_driver_may_talk_to_the_api() -> None:
    assert {pod["spec"]["automountServiceAccountToken"] for pod in gangs.build(tensorflow())[1:]} == {False}
    assert gangs.build(spark())[2]["spec"]["serviceAccountName"] == "shapebench-driver"


def test_a_benchmark_takes_the_annotations_for_scrapes_back() -> None:
    """As docs/how-to/prometheus.md says, where a PodMonitor finds the pods too."""
    own = {"podTemplate": {"annotations": {"prometheus.io/scrape": "false"}}}
    bodies = (*gangs.build(tensorflow(**own)), *gangs.build(spark(**own)))
    pods = [body for body in bodies if body["kind"] == "Pod"]
    (template,) = (json.loads(body["data"]["executor-template.json"]) for body in bodies if body["kind"] == "ConfigMap")
    assert len(pods) > 1
    assert {one["metadata"]["annotations"]["prometheus.io/scrape"] for one in (*pods, template)} == {"false"}


VOLUMES = [
    pytest.param({"configMap": {"name": "x"}}, {"configMap": {"name": "x"}}, id="configMap"),
    pytest.param({"secret": {"secretName": "x"}}, {"secret": {"secretName": "x"}}, id="secret"),
    pytest.param({"persistentVolumeClaim": {"claimName": "x"}},
                 {"persistentVolumeClaim": {"claimName": "x", "readOnly": True}}, id="claim"),
    pytest.param({"emptyDir": {"sizeLimit": "1Gi"}}, {"emptyDir": {"medium": "", "sizeLimit": "1Gi"}}, id="emptyDir"),
]


@pytest.mark.parametrize(("given", "made"), VOLUMES)
def test_users_volumes_are_in_every_pod(given: dict[str, Any], made: dict[str, Any]) -> None:
    volume = {"name": "own", "mountPath": "/own", "readOnly": True} | given
    for pod in gangs.build(tensorflow(volumes=[volume]))[1:]:
        assert {"name": "own"} | made in pod["spec"]["volumes"]
        assert {"name": "own", "mountPath": "/own", "readOnly": True} in pod["spec"]["containers"][0]["volumeMounts"]


def test_a_users_volume_takes_the_place_of_the_scratch_space() -> None:
    volume = {"name": "own", "mountPath": wire.DATA_DIR, "persistentVolumeClaim": {"claimName": "x"}}
    pod = gangs.build(tensorflow(volumes=[volume]))[1]
    paths = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
    assert paths.count(wire.DATA_DIR) == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_builds(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        if document["kind"] == "Benchmark":
            made = attempt(document["spec"], document["metadata"]["name"])
            assert gangs.build(made)


def _env(pod: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0]["env"]}


def _conf(made: Attempt) -> dict[str, str]:
    text = next(body for body in gangs.build(made) if body["kind"] == "ConfigMap")["data"]["spark-defaults.conf"]
    return dict(line.split(" ", 1) for line in text.splitlines())

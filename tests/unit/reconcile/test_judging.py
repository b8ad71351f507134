"""Doubtful runs on a cluster: judged once, held to those before them, and told wherever people look."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import cluster as fake
from fakes.operator import NAME, NAMESPACE, live, record, undisturbed

from shapebench.api import keys
from shapebench.reconcile import facts

CALM: dict[str, Any] = {"boot_id": "k", "window_s": 2.0, "node_cpus": 4, "node_memory_bytes": 2**34,
                        "node_cpu_seconds": 4.0, "node_steal_seconds": 0.0}
FACTS = {"cpu_model": "Xeon", "cpus": "4", "node": "n1"}


def benchmark(kind: str = "tensorflow", **spec: Any) -> dict[str, Any]:
    workload = {"tensorflow": {"tensorflow": {"job": "train"}},
                "spark": {"spark": {"application": "/own.py", "conf": {
                    "spark.sql.shuffle.partitions": "8", "spark.hadoop.fs.s3a.secret.key": "hidden"}}}}[kind]
    return {
        "apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"workload": workload, "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi"}],
                 "repetitions": {"count": 2, "warmups": 0}} | spec}


def in_run(pod: dict[str, Any], run: str) -> bool:
    return bool(pod["metadata"]["labels"][keys.LABEL_RUN] == f"{NAME}-{run}")


def living(**of_run: dict[str, Any]) -> fake.Script:
    """Pods on calm nodes, but for what is told of the run `r2_1` (surroundings, environment, image)."""
    def script(pod: dict[str, Any], age: int) -> dict[str, Any]:
        told = next((one for run, one in of_run.items() if in_run(pod, run.removeprefix("r").replace("_", "-"))), {})
        made = fake.lives(pod, age, surroundings=CALM | told.get("surroundings", {}),
                          environment=FACTS | told.get("environment", {}))
        for container in made["containerStatuses"]:
            container["imageID"] = f"docker.io/shapebench/x@sha256:{told.get('image', 'a')}"
        return made
    return script


def lived(script: fake.Script, die_after: int | None = None, kind: str = "tensorflow", **spec: Any) -> fake.FakeCluster:
    return live(fake.FakeCluster(script, die_after=die_after), benchmark(kind, **spec))


def verdicts(cluster: fake.FakeCluster) -> list[str]:
    return [body["status"]["verdict"] for body in cluster.kind("BenchmarkRun")]


def message(cluster: fake.FakeCluster, kind: str = "Succeeded") -> tuple[str, str]:
    conditions = cluster.get("Benchmark", NAME)["status"]["conditions"]
    return next((one["reason"], one["message"]) for one in conditions if one["type"] == kind)


BUSY = {"surroundings": {"node_cpu_seconds": 7.9}}


def test_a_neighbour_excludes_the_run_and_everybody_is_told() -> None:
    cluster = lived(living(r2_1=BUSY))
    assert verdicts(cluster) == ["Valid", "Neighbour"]
    status = cluster.get("BenchmarkRun", f"{NAME}-2-1")["status"]
    (flag,) = status["flags"]
    assert flag["kind"] == "Neighbour"
    assert "node n1: what is not of the run used 2.33 of 4 CPUs, 58.2% (bound 25%)" in flag["message"]
    assert record(cluster, "2-1").flags[0].message == flag["message"]
    whole = cluster.get("Benchmark", NAME)["status"]
    assert (whole["runs"]["excluded"], whole["runs"]["flagged"], whole["best"]["runs"]) == (1, 0, 1)
    reason, text = message(cluster)
    assert reason == "SomeRunsExcluded"
    assert "2 of 2 runs ended, 1 excluded as doubtful (Neighbour 1)" in text
    (event,) = (one for one in cluster.events if f"{NAME}-2-1" in one and one.startswith("Succeeded: "))
    assert "; left out: Neighbour: node n1: what is not of the run used 2.33 of 4 CPUs" in event
    assert "left out" not in next(one for one in cluster.events if one.startswith(f"Succeeded: {NAME}-1-1"))


def test_flagged_runs_count_where_the_policy_says_so_and_are_told_too() -> None:
    cluster = lived(living(r2_1=BUSY), validity={"policy": "Flag"})
    assert verdicts(cluster) == ["Valid", "Valid"]
    whole = cluster.get("Benchmark", NAME)["status"]
    assert (whole["runs"]["excluded"], whole["runs"]["flagged"], whole["best"]["runs"]) == (0, 1, 2)
    assert "1 flagged as doubtful and counted" in message(cluster)[1]
    assert any("; flagged, and counted: Neighbour: node n1" in one for one in cluster.events)


def test_bounds_are_the_benchmarks() -> None:
    assert verdicts(lived(living(r2_1=BUSY), validity={"maxForeignCpuShare": "0.9"})) == ["Valid", "Valid"]


def test_a_benchmark_without_any_run_that_counts_says_why() -> None:
    cluster = lived(living(r1_1=BUSY, r2_1=BUSY))
    assert message(cluster, "Failed") == (
        "NoValidRun", "no run can be compared: Neighbour; apply it under another name, with validity.policy: Flag to "
        "count such runs or with isolation: Node to keep others off their nodes (docs/concepts/validity.md)")


OTHERS = [
    pytest.param({"environment": {"cpu_model": "EPYC"}}, "OtherNode", id="node"),
    pytest.param({"image": "b"}, "OtherImage", id="image"),
]


@pytest.mark.parametrize(("told", "verdict"), OTHERS)
@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_run_is_held_to_the_first_one_that_counts_even_when_both_end_at_once(
        told: dict[str, Any], verdict: str, concurrency: int) -> None:
    cluster = lived(living(r2_1=told), limits={"concurrency": concurrency}, repetitions={"count": 3, "warmups": 0})
    assert verdicts(cluster) == ["Valid", verdict, "Valid"]
    assert f"{NAME}-1-1" in record(cluster, "2-1").flags[0].message


@pytest.mark.parametrize("concurrency", [1, 3])
def test_an_operator_killed_after_any_effect_judges_the_same(concurrency: int) -> None:
    spec = {"limits": {"concurrency": concurrency}, "repetitions": {"count": 3, "warmups": 0}}
    script = living(r2_1={"image": "b"}, r3_1=BUSY)
    found = undisturbed(lambda die_after: lived(script, die_after, **spec))
    assert verdicts(found) == ["Valid", "OtherImage", "Neighbour"]


def test_the_record_tells_images_and_nodes_and_how_spark_was_set_up() -> None:
    cluster = lived(living(), kind="spark")
    found = record(cluster, "1-1")
    assert found.images == {"driver": "sha256:a", "executor": "sha256:a"}
    assert found.environment["nodes"] == "driver: n1; executor: n1 (2)"
    assert found.environment["node_types"] == "driver: Xeon, 4 CPUs, 16.00 GiB; executor: Xeon, 4 CPUs, 16.00 GiB"
    assert found.environment["spark.executor.instances"] == "2"
    assert found.environment["spark.sql.shuffle.partitions"] == "8"
    assert "hidden" not in str(found.environment)
    status = cluster.get("BenchmarkRun", f"{NAME}-1-1")["status"]
    assert (status["images"], status["environment"]) == (found.images, found.environment)


def test_a_program_with_many_facts_of_its_own_leaves_room_for_what_runs_are_compared_by() -> None:
    many = {f"a{number:03}": "x" for number in range(80)}
    cluster = lived(living(r1_1={"environment": many}, r2_1={"environment": {"cpu_model": "EPYC", **many}}))
    assert verdicts(cluster) == ["Valid", "OtherNode"]
    told = cluster.get("BenchmarkRun", f"{NAME}-1-1")["status"]["environment"]
    assert (len(told), told["node_types"]) == (64, "worker: Xeon, 4 CPUs, 16.00 GiB")


def shapes(**selectors: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "workers": 2, "cpu": "1", "memory": "1Gi", "nodeSelector": selector}
            for name, selector in selectors.items()]


@pytest.mark.parametrize(("selectors", "expected"), [
    pytest.param({"a": {}, "b": {}}, ["Valid", "OtherNode"], id="the-same-nodes"),
    pytest.param({"a": {"pool": "a"}, "b": {"pool": "b"}}, ["Valid", "Valid"], id="each-its-own"),
])
def test_shapes_of_one_block_are_held_to_one_type_of_node(
        selectors: dict[str, dict[str, str]], expected: list[str]) -> None:
    cluster = lived(living(r1_2={"environment": {"cpu_model": "EPYC"}}), shapes=shapes(**selectors),
                    repetitions={"count": 1, "warmups": 0})
    assert verdicts(cluster) == expected
    assert ("give all shapes the same nodeSelector" in message(cluster)[1]) == ("OtherNode" in expected)


def test_a_pod_that_leaves_nothing_makes_the_run_doubtful() -> None:
    def one_is_silent(pod: dict[str, Any], age: int) -> dict[str, Any]:
        made = living()(pod, age)
        if in_run(pod, "2-1") and pod["metadata"]["name"].endswith("worker-1"):
            made.pop("log", None)
        return made

    cluster = lived(one_is_silent)
    assert verdicts(cluster) == ["Valid", "LostPods"]
    assert record(cluster, "2-1").lost_pods == (f"{NAME}-2-1-a1-worker-1",)


@pytest.mark.parametrize(("deleted", "flag"), [
    pytest.param(False, "3 executors were asked for where the shape has 2", id="it-died"),
    pytest.param(True, "no record of executor 2: usage is missing", id="its-pod-was-deleted"),
])
def test_an_executor_that_spark_replaced_makes_the_run_doubtful(deleted: bool, flag: str) -> None:
    """Of a pod that was deleted, as a drained node's is, nothing is left but the gap in the numbers."""
    def others(cluster: fake.FakeCluster) -> None:
        fake.executors_of(cluster)
        for pod in cluster.kind("Pod"):
            name = pod["metadata"]["name"]
            if name.endswith("exec-2") and pod.get("status", {}).get("phase") == "Running":
                if deleted:
                    del cluster.objects["Pod", name]
                pod["metadata"] |= {"name": name.replace("exec-2", "exec-3"), "uid": "third"}
                pod["metadata"]["labels"][keys.LABEL_INDEX] = "3"
                if ("Pod", pod["metadata"]["name"]) not in cluster.objects:
                    cluster.add(pod)

    cluster = live(fake.FakeCluster(living()), benchmark("spark", repetitions={"count": 1, "warmups": 0}),
                   others=others)
    found = record(cluster, "1-1")
    assert (verdicts(cluster), found.lost_pods) == (["LostPods"], ())
    assert flag in found.flags[0].message


@pytest.mark.parametrize(("image_id", "digest"), [
    pytest.param("docker.io/library/spark@sha256:ab", "sha256:ab", id="containerd"),
    pytest.param("docker-pullable://spark@sha256:ab", "sha256:ab", id="pulled-by-docker"),
    pytest.param("docker://sha256:ab", "sha256:ab", id="built-by-docker"),
    pytest.param("sha256:ab", "sha256:ab", id="loaded"),
    pytest.param("", "", id="not-started"),
])
def test_an_image_is_its_digest_whatever_name_it_came_by(image_id: str, digest: str) -> None:
    container = {"name": keys.PROGRAM_CONTAINER, "imageID": image_id, "state": {"running": {}}}
    pod = {"metadata": {"name": "p"}, "status": {"phase": "Running", "containerStatuses": [container]}}
    assert facts.pod_fact(pod).image == digest

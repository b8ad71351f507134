"""What a local Spark run is given: the shape in its configuration, and folders of its own."""

from pathlib import Path

import pytest

from shapebench.api.benchmark import Benchmark
from shapebench.local import remarks, spark
from shapebench.local.context import Attempt, Machine
from shapebench.local.java import Java
from shapebench.plan import expand


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    benchmark = Benchmark.model_validate({"metadata": {"name": "tiny"}, "spec": {
        "workload": {"spark": {"application": "/own.py", "arguments": ["--n={workers}"],
                               "conf": {"spark.sql.shuffle.partitions": "8", "spark.ui.enabled": "true"},
                               "image": "own:1", "env": [{"name": "OWN", "value": "yes"}]}},
        "shapes": [{"name": "3x2", "workers": 3, "cpu": "1500m", "memory": "2Gi"}]}})
    run = expand.runs("tiny", benchmark.spec)[0]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    machine = Machine((0, 1), {"PATH": "/bin", "KEPT": "1"}, tmp_path / "data", Java(Path("/jre/bin/java"), 21, False))
    return Attempt(benchmark, run, machine, scratch, tmp_path / "logs")


def test_the_shape_is_the_master_and_the_users_conf_is_kept(attempt: Attempt) -> None:
    conf = spark.configuration(attempt, attempt.benchmark.spec.workload.spark)
    assert conf["spark.master"] == "local-cluster[3,2,2048]"
    assert conf["spark.executor.cores"] == "2"
    assert conf["spark.scheduler.minRegisteredResourcesRatio"] == "1.0"
    assert (conf["spark.sql.shuffle.partitions"], conf["spark.ui.enabled"]) == ("8", "true")
    assert 0 < int(conf["spark.executor.memory"].removesuffix("m")) < 2048


def test_the_driver_finds_everything_in_the_runs_own_folders(attempt: Attempt) -> None:
    (driver,) = spark.gang(attempt)
    assert driver.command[-2:] == ("/own.py", "--n=3")
    assert (driver.role, driver.cores) == ("driver", (0, 1))
    env = driver.env
    assert "spark.master local-cluster" in Path(env["SPARK_CONF_DIR"], "spark-defaults.conf").read_text()
    assert "/jre/bin/java" in Path(env["JAVA_HOME"], "bin", "java").read_text()
    assert Path(env["SPARK_HOME"], "jars").is_dir()
    assert (env["OWN"], env["KEPT"], env["SHAPEBENCH_WORKERS"], env["SHAPEBENCH_CPU"]) == ("yes", "1", "3", "1.5")


def test_executors_logs_are_kept(attempt: Attempt) -> None:
    folder = attempt.scratch / "spark" / "work" / "app-1" / "2"
    folder.mkdir(parents=True)
    attempt.logs.mkdir()
    (folder / "stderr").write_text("err\n")
    (folder / "stdout").write_text("out\n")
    spark.keep_executor_logs(attempt)
    assert (attempt.logs / "tiny-0-1-executor-2.log").read_text() == "err\nout\n"


def test_remarks_say_what_is_different_here(attempt: Attempt) -> None:
    said = "\n".join(remarks.remarks(attempt.benchmark, 2))
    for expected in ("affinity", "whole machine", "fewer than 3x2 (4500m)", "fraction of a core", "image"):
        assert expected in said


def test_what_only_a_cluster_has_is_refused(make_benchmark) -> None:
    benchmark = make_benchmark()
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    data = benchmark.model_dump(by_alias=True, exclude_none=True)
    data["spec"]["workload"]["tensorflow"]["env"] = [secret]
    (problem,) = remarks.problems(Benchmark.model_validate(data))
    assert problem.startswith("spec.workload.tensorflow.env[0].valueFrom")


def test_another_operators_engine_is_refused(make_benchmark) -> None:
    data = make_benchmark().model_dump(by_alias=True, exclude_none=True)
    data["spec"]["workload"]["tensorflow"]["engine"] = "TFJob"
    (problem,) = remarks.problems(Benchmark.model_validate(data))
    assert problem.startswith("spec.workload.tensorflow.engine: TFJob needs a cluster")
    assert "set engine: Native" in problem

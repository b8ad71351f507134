"""Small data sets and real Spark and TensorFlow, started once for all tests here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shapebench_jobs.dataset import making
from shapebench_jobs.dataset.files import DatasetArguments

REPOSITORY = Path(__file__).parents[2]
SMALL = DatasetArguments(images=60, width=32, height=32, classes=3, seed=3, shards=4)
SMALL_OPTIONS = ("--images=60", "--image-size=32", "--classes=3", "--seed=3", "--shards=4")

QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For programs that live for seconds: compiling them well costs more than it saves."""


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def made(data_dir: Path) -> making.Dataset:
    """A data set that no test may change."""
    return making.ensure(data_dir, SMALL)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A Spark of two slots in this process."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_SUBMIT_ARGS"] = f'--driver-java-options "{QUICK_JVM}" pyspark-shell'
    # Python workers get the import path from their environment alone.
    os.environ["PYTHONPATH"] = str(REPOSITORY / "jobs")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def tf() -> Any:
    from shapebench_jobs.tf import cluster as tf_cluster

    return tf_cluster.import_tensorflow(1)


@pytest.fixture
def events_file(tmp_path: Path) -> Path:
    path = tmp_path / "events"
    path.touch()
    return path


def local_cluster(tmp_path: Path, executors: int = 2, *settings: str) -> dict[str, str]:
    """Environment of a Spark job on a cluster of its own: real executor processes, one slot each.

    It is configured from outside, as on Kubernetes; `settings` are more lines of spark-defaults.conf.
    """
    conf = tmp_path / "conf"
    conf.mkdir()
    lines = (f"spark.master local-cluster[{executors},1,1024]", "spark.executor.memory 512m", "spark.ui.enabled false",
             "spark.driver.host 127.0.0.1", *settings, f"spark.driver.extraJavaOptions {QUICK_JVM}",
             f"spark.executor.extraJavaOptions {QUICK_JVM}")
    (conf / "spark-defaults.conf").write_text("".join(f"{line}\n" for line in lines))
    return {"SPARK_CONF_DIR": str(conf), "SHAPEBENCH_WORKERS": str(executors)}


def read_events(path: Path, kind: str = "") -> list[dict[str, Any]]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return [event for event in events if kind in ("", event["event"])]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a job as a program of its own; whatever still runs at the end is stopped."""
    started: list[subprocess.Popen[str]] = []

    def start_job(program: str, *argv: str, **environ: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"shapebench_jobs.{program}", *argv]
        own = ("SHAPEBENCH_", "TF_", "PYSPARK_", "SPARK_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        process = subprocess.Popen(
            command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**inherited, "PYTHONPATH": str(REPOSITORY / "jobs"), "SPARK_LOCAL_IP": "127.0.0.1", **environ})
        started.append(process)
        return process

    yield start_job
    for process in started:
        process.kill()
        process.communicate()

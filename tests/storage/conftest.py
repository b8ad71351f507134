"""An S3 server with a made data set in a bucket, and a Spark that reads it as a user who may only read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import s3_server
from s3_server import S3Server

from shapebench_jobs.dataset import making
from shapebench_jobs.dataset.files import DatasetArguments

REPOSITORY = Path(__file__).parents[2]
SMALL = DatasetArguments(images=60, width=32, height=32, classes=3, seed=3, shards=4)
BUCKET = "flowers"
QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
QUICK_REFUSAL = {"spark.hadoop.fs.s3a.attempts.maximum": "1", "spark.hadoop.fs.s3a.retry.limit": "1"}
"""A server that is not there is asked for minutes otherwise."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> making.Dataset:
    """A data set that no test may change."""
    return making.ensure(tmp_path_factory.mktemp("data"), SMALL)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory, made: making.Dataset) -> Iterator[S3Server]:
    """The bucket `flowers`: the data set in made/, a folder without images in empty/."""
    with s3_server.running(tmp_path_factory.mktemp("s3") / "server") as server:
        server.make_bucket(BUCKET)
        server.upload(made.folder, BUCKET, "made")
        server.store(BUCKET).put("empty/readme.txt", b"no image")
        yield server


@pytest.fixture(scope="session")
def jars() -> Path:
    return s3_server.spark_jars()


def settings(s3: S3Server) -> dict[str, str]:
    """What a Benchmark's conf says of the server; the credentials are the environment's."""
    return {"spark.hadoop.fs.s3a.endpoint": s3.url, "spark.hadoop.fs.s3a.endpoint.region": s3_server.REGION,
            "spark.hadoop.fs.s3a.path.style.access": "true", **QUICK_REFUSAL}


@pytest.fixture(scope="session")
def spark(s3: S3Server, jars: Path) -> Iterator[Any]:
    """A Spark of two slots in this process, with the reader's credentials."""
    before = dict(os.environ)
    os.environ.update(s3.environ(s3.reader), PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1",
                      PYTHONPATH=str(REPOSITORY / "jobs"), PYSPARK_SUBMIT_ARGS=(
                          f'--driver-class-path "{jars}/*" --driver-java-options "{QUICK_JVM}" pyspark-shell'))
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name, value in settings(s3).items():
        builder = builder.config(name, value)
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    os.environ.clear()
    os.environ.update(before)
    yield session
    session.stop()

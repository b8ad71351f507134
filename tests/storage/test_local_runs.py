"""`shapebench run` of Benchmarks whose data is in a bucket: measured, recorded, and the credentials written nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from s3_server import S3Server
from storage.conftest import BUCKET, QUICK_JVM, REPOSITORY, SMALL, settings

from shapebench_jobs.dataset import making

pytestmark = pytest.mark.timeout(400)


def _run(spec: dict[str, Any], folder: Path, environ: dict[str, str]) -> tuple[str, list[dict[str, Any]]]:
    """What was printed, and the records."""
    manifest = folder / "benchmark.yaml"
    manifest.write_text(yaml.safe_dump({"apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark",
                                        "metadata": {"name": "bucket"}, "spec": spec}))
    done = subprocess.run(
        [sys.executable, "-m", "shapebench", "run", str(manifest), f"--output={folder / 'out'}"],
        cwd=folder, text=True, capture_output=True, timeout=380, check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator"), "SHAPEBENCH_DATA_DIR": str(folder / "data"),
             **environ})
    assert done.returncode == 0, done.stdout + done.stderr + "".join(
        path.read_text() for path in folder.rglob("*.log"))
    records = [json.loads(path.read_text()) for path in sorted((folder / "out").rglob("records/*.json"))]
    return done.stdout + done.stderr, records


def _assert_unwritten(secret: str, printed: str, folder: Path) -> None:
    assert secret not in printed
    written = [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in written)
    assert not [path for path in written if secret.encode() in path.read_bytes()]


def test_spark_reads_a_bucket(s3: S3Server, jars: Path, made: making.Dataset, tmp_path: Path) -> None:
    conf = {**settings(s3), "spark.driver.extraJavaOptions": QUICK_JVM, "spark.executor.extraJavaOptions": QUICK_JVM}
    printed, records = _run({
        "workload": {"spark": {"job": "read-speed", "arguments": [f"--data=s3a://{BUCKET}/made", "--batch-size=8"],
                               "conf": conf, "driver": {"cpu": "1", "memory": "1Gi"}}},
        "shapes": [{"name": "one", "workers": 1, "cpu": "1", "memory": "1Gi"}],
        "repetitions": {"count": 1, "warmups": 0},
    }, tmp_path, {**s3.environ(s3.reader), "SHAPEBENCH_SPARK_JARS": str(jars)})
    (record,) = records
    assert record["phase"] == "Succeeded"
    (row,) = [row["values"] for row in record["measurements"]]
    assert (row["images"], row["bytes"]) == (60, made.contents.tally.bytes)
    assert record["environment"]["dataset"] == SMALL.fingerprint
    _assert_unwritten(s3.reader.secret, printed, tmp_path)


def test_tensorflow_trains_on_a_bucket(s3: S3Server, tmp_path: Path) -> None:
    printed, records = _run({
        "workload": {"tensorflow": {"job": "train", "arguments": [
            f"--data=s3a://{BUCKET}/made", "--format=tfrecord", "--image-size=32", "--batch-size=12", "--epochs=3"]}},
        "shapes": [{"name": "two", "workers": 2, "cpu": "1", "memory": "1Gi"}],
        "repetitions": {"count": 1, "warmups": 0},
    }, tmp_path, s3.environ(s3.reader))
    (record,) = records
    assert record["phase"] == "Succeeded"
    environment = record["environment"]
    assert environment["dataset"] == SMALL.fingerprint
    assert (environment["staged_files"], float(environment["staging_seconds"]) > 0) == ("6", True)
    assert any("final_loss" in row["values"] for row in record["measurements"])
    _assert_unwritten(s3.reader.secret, printed, tmp_path)

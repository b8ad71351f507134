"""read-speed reads a bucket of a real S3 server right, and every refusal is told by its cause."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from s3_server import S3Server
from storage.conftest import BUCKET, QUICK_JVM, REPOSITORY, SMALL, settings

from shapebench_jobs.dataset import answer, making
from shapebench_jobs.dataset.reading import ReadPlan
from shapebench_jobs.dataset.tally import total
from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark import source as spark_source

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

FORMATS = ("images", "tfrecord")


def _plan(file_format: str) -> ReadPlan:
    return ReadPlan(file_format, batch_size=8, decode=True)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("images", [0, 16], ids=["all", "the first"])
def test_a_made_data_set_in_a_bucket(spark: Any, s3: S3Server, made: making.Dataset, file_format: str,
                                     images: int) -> None:
    source = spark_source.own(spark, f"s3a://{BUCKET}/made", _plan(file_format), images)
    part = spark_files.read(spark, source.files, source.plan, 4)
    answer.check(part, source.answer)
    assert part.tally == total(entry.tally for entry in made.contents.index[: images or 60])
    assert source.fingerprint == SMALL.fingerprint


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_users_own_folder_in_a_bucket(spark: Any, s3: S3Server, made: making.Dataset, file_format: str) -> None:
    """Names that a URL would have to quote, and no manifest."""
    folder = f"my pictures/{file_format}"
    for path in (made.folder / file_format).rglob("*.*"):
        name = str(path.relative_to(made.folder / file_format))
        s3.store(BUCKET).put(f"{folder}/{name.replace('00', '0 %41 [x] {y}', 1)}", path)
    source = spark_source.own(spark, f"s3a://{BUCKET}/{folder}", _plan(file_format), 0)
    part = spark_files.read(spark, source.files, source.plan, 4)
    answer.check(part, source.answer)
    assert part.tally == made.contents.tally


@pytest.mark.parametrize(("url", "said"), [
    pytest.param(f"s3a://{BUCKET}/empty", "has no class/image.jpg", id="empty-folder"),
    pytest.param(f"s3a://{BUCKET}/absent", "has no class/image.jpg", id="absent-folder"),
    pytest.param("s3a://other/made", "there is no bucket other. Check its name and AWS_ENDPOINT_URL", id="bucket"),
    pytest.param(f"s3://{BUCKET}/made", "nothing here reads s3:// URLs. Use s3a://", id="scheme"),
    pytest.param("s3a://refusing/made", "access denied. Check that the credentials (AWS_ACCESS_KEY_ID and "
                 "AWS_SECRET_ACCESS_KEY) are right and may list and read the bucket refusing", id="no-rights"),
    pytest.param("s3a://mistaken/made", "access denied. Check that the credentials", id="wrong-secret"),
    pytest.param("s3a://silent/made", "the object store does not answer (Connection refused). Check the network and "
                 "AWS_ENDPOINT_URL", id="wrong-endpoint"),
    pytest.param("gs://other/made", "no credentials. Set GOOGLE_APPLICATION_CREDENTIALS", id="gs-no-credentials"),
])
def test_what_cannot_be_read_is_named(spark: Any, s3: S3Server, url: str, said: str) -> None:
    # A bucket's own settings go before the cluster's: the same session is another user there.
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    prefix = "fs.s3a.bucket"
    conf.set(f"{prefix}.refusing.access.key", s3.outsider.key)
    conf.set(f"{prefix}.refusing.secret.key", s3.outsider.secret)
    conf.set(f"{prefix}.mistaken.access.key", s3.reader.key)
    conf.set(f"{prefix}.mistaken.secret.key", "mistaken")
    conf.set(f"{prefix}.silent.endpoint", "http://127.0.0.1:9")
    if url.startswith("s3a://refusing"):
        s3.make_bucket("refusing")
    with pytest.raises(BadArgumentsError) as refused:
        spark_source.own(spark, url, _plan("images"), 0)
    assert f"--data={url}" in str(refused.value)
    assert said in str(refused.value)


def test_spark_writes_and_renames_in_a_bucket(spark: Any, s3: S3Server) -> None:
    """A user's own job may write: the part of the SDK that renames is another than the one that reads."""
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    conf.set("fs.s3a.bucket.written.access.key", s3.owner.key)
    conf.set("fs.s3a.bucket.written.secret.key", s3.owner.secret)
    s3.make_bucket("written")
    spark.range(1000).write.parquet("s3a://written/before")
    path = spark._jvm.org.apache.hadoop.fs.Path
    files = path("s3a://written/before").getFileSystem(conf)
    assert files.rename(path("s3a://written/before"), path("s3a://written/after"))
    assert spark.read.parquet("s3a://written/after").count() == 1000


def test_the_program_ends_with_2_where_it_has_no_rights(s3: S3Server, jars: Path, tmp_path: Path) -> None:
    (tmp_path / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in {
        **settings(s3), "spark.master": "local[1]", "spark.ui.enabled": "false",
        "spark.driver.extraClassPath": f"{jars}/*", "spark.driver.extraJavaOptions": QUICK_JVM}.items()))
    done = subprocess.run(
        [sys.executable, "-m", "shapebench_jobs.read_speed", f"--data=s3a://{BUCKET}/made"], cwd=tmp_path, text=True,
        capture_output=True, timeout=300, check=False, env={
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY / "jobs"),
            "SPARK_CONF_DIR": str(tmp_path), "SPARK_LOCAL_IP": "127.0.0.1", **s3.environ(s3.outsider)})
    assert done.returncode == 2, done.stderr
    assert f"error: --data=s3a://{BUCKET}/made: access denied. Check that the credentials" in done.stderr
    assert s3.outsider.secret not in done.stdout + done.stderr

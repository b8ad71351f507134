"""stream-windows with its files, its log and its state in a bucket of a real S3 server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from s3_server import S3Server

from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.stream_windows import job as stream_windows
from shapebench_jobs.stream_windows import places as stream_places
from shapebench_jobs.stream_windows import query as stream_query
from shapebench_jobs.stream_windows import source as stream_source
from shapebench_jobs.stream_windows.query import Pipeline
from shapebench_jobs.stream_windows.rows import Rows

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def bucket(spark: Any, s3: S3Server) -> str:
    """A bucket that this session may write."""
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    conf.set("fs.s3a.bucket.streamed.access.key", s3.owner.key)
    conf.set("fs.s3a.bucket.streamed.secret.key", s3.owner.secret)
    s3.make_bucket("streamed")
    return "s3a://streamed"


def test_files_and_state_in_a_bucket(spark: Any, s3: S3Server, bucket: str) -> None:
    session = spark.newSession()
    stream_query.configure(session, 2)
    rows = Rows(per_second=200, keys=3, work=2, window_s=2)
    stream_places.check_seen_by_all(session, f"{bucket}/in")
    files = stream_source.FilesSource(session, rows.per_second, 1.0, 2, lambda: stream_source.new_folder(
        session, f"{bucket}/in", "--folder"))
    with stream_places.checkpoint(session, f"{bucket}/log", Path("/nowhere")) as checkpoint:
        with Pipeline(files, rows, 10, 0.0, checkpoint).running("one") as running:
            deadline_s = time.monotonic() + 300
            while len(running.batches()) < 3 and time.monotonic() < deadline_s:
                running.go_on(0.2)
        found = running.batches()
        assert len(found) >= 3
        stream_windows.check_answer(rows, found, running.answer)
        names = [entry["path"] for page in s3.store("streamed").list("log") for entry in page]
        assert any("/state/0/1/" in name for name in names), "each partition's state is there"
    left = [entry["path"] for page in s3.store("streamed").list() for entry in page if entry["size"]]
    assert not left, "but for the marks of empty folders, all is removed"


def test_a_bucket_that_may_only_be_read(spark: Any, s3: S3Server) -> None:
    with pytest.raises(BadArgumentsError, match=r"--folder=s3a://flowers/made: access denied\. Check that the cred"):
        stream_source.new_folder(spark, "s3a://flowers/made", "--folder")

"""Files of this machine: which are found, how they are dealt out to tasks, and what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench_jobs.dataset import making
from shapebench_jobs.dataset.reading import ReadPlan
from shapebench_jobs.files import local as local_files
from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark import source as spark_source
from shapebench_jobs.spark.files import Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("rose/a b%20[1]*.jpg", "rose/deep/c.JPEG", "rose/_d.jpg", ".trash/e.jpg", "rose/f.png", "g.jpg",
                 "_h=1/k.jpg", "lost+found/l.jpg", "one.tfrecord", "two.tfrecord-00000-of-00001", "_three.tfrecord",
                 "rose/four.tfrecord", "five.tfrecord/part-r-00000", "five.tfrecord/_SUCCESS"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "data/broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "data/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/h.jpg").write_text("h")
    return tmp_path / "data"


@pytest.mark.parametrize(("file_format", "names"), [
    pytest.param("images", ["_h=1/k.jpg", "g.jpg", "linked/h.jpg", "rose/a b%20[1]*.jpg", "rose/deep/c.JPEG"],
                 id="images"),
    pytest.param("tfrecord", ["five.tfrecord/part-r-00000", "one.tfrecord", "two.tfrecord-00000-of-00001"],
                 id="shards"),
])
def test_what_is_found(folder: Path, file_format: str, names: list[str]) -> None:
    found = local_files.found(file_format, str(folder))
    assert list(found.items()) == [(f"{folder}/{name}", (folder / name).stat().st_size) for name in names]


@pytest.mark.parametrize(("url", "path"), [
    pytest.param("file:///a/b%20c", "/a/b%20c", id="url"),
    pytest.param("file:/a", "/a", id="as-hadoop-writes-it"),
    pytest.param("/a", "/a", id="path"),
    pytest.param("a/b", "a/b", id="relative"),
    pytest.param("s3a://bucket/a", "s3a://bucket/a", id="bucket"),
])
def test_a_urls_path(url: str, path: str) -> None:
    assert local_files.path_of(url) == path


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 10**7), max_size=60), st.integers(1, 12))
def test_files_are_dealt_out_evenly(sizes: dict[str, int], number: int) -> None:
    groups = local_files.dealt(sizes, number)
    assert sorted(path for group in groups for path in group) == sorted(sizes)
    assert len(groups) == min(number, len(sizes))
    opening = 100_000
    loads = [sum(sizes[path] + opening for path in group) for group in groups]
    assert not loads or max(loads) - min(loads) <= max(sizes.values()) + opening, "never apart by more than a file"


@pytest.mark.parametrize(("file_format", "content"), [("images", b"picture"), ("tfrecord", b"records"),
                                                      ("tfrecord", b"")], ids=["image", "shard", "empty-shard"])
def test_contents(tmp_path: Path, file_format: str, content: bytes) -> None:
    path = tmp_path / "a%20b"
    path.write_bytes(content)
    ((url, found),) = local_files.contents(file_format, [f"file://{path}"])
    assert url == f"file://{path}"
    assert bytes(found) == content


def test_the_driver_finds_what_spark_does(spark: Any, folder: Path) -> None:
    """But for links to nowhere (Spark fails), and lost+found."""
    (folder / "broken.jpg").unlink()
    reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    listed = reader.option("pathGlobFilter", spark_files.IMAGE_NAMES).load(f"file:{folder}").select("path").collect()
    theirs = {row.path.removeprefix("file:") for row in listed}
    assert set(local_files.found("images", str(folder))) == {path for path in theirs if "lost+found" not in path}


@pytest.mark.parametrize("prefix", ["", "file:", "file://"], ids=["path", "file", "file-url"])
def test_a_folder_by_any_name_is_opened_by_the_tasks(spark: Any, made: making.Dataset, prefix: str) -> None:
    plan = ReadPlan("images", 4, decode=False)
    source = spark_source.own(spark, f"{prefix}{made.folder}", plan, 0)
    assert source.files.local
    assert spark_files.read(spark, source.files, source.plan).tally == made.contents.tally


def test_a_folder_that_is_none(spark: Any, tmp_path: Path) -> None:
    plan = ReadPlan("images", 1, decode=False)
    (tmp_path / "file").touch()
    with pytest.raises(BadArgumentsError, match=r"/file cannot be read: Not a directory$"):
        spark_files.read(spark, Files("images", folder=f"file:{tmp_path}/file"), plan)
    with pytest.raises(FileNotFoundError):
        spark_files.read(spark, Files("images", folder=f"file:{tmp_path}/nothing"), plan)

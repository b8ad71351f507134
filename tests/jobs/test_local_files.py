"""Files of this machine: which are found, how they are dealt out to tasks, and what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench_jobs.dataset.reading import ReadPlan
from shapebench_jobs.files import local as local_files
from shapebench_jobs.files.object_storage import UnreadableUrlError
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark.files import Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("rose/a b%20[1]*.jpg", "rose/deep/c.JPEG", "rose/_d.jpg", ".trash/e.jpg", "rose/f.png", "g.jpg",
                 "one.tfrecord", "two.tfrecord-00000-of-00001", "_three.tfrecord", "rose/four.tfrecord"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "data/broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "data/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/h.jpg").write_text("h")
    return tmp_path / "data"


@pytest.mark.parametrize(("file_format", "names"), [
    pytest.param("images", ["g.jpg", "linked/h.jpg", "rose/a b%20[1]*.jpg", "rose/deep/c.JPEG"], id="images"),
    pytest.param("tfrecord", ["one.tfrecord", "two.tfrecord-00000-of-00001"], id="shards"),
])
def test_what_is_found(folder: Path, file_format: str, names: list[str]) -> None:
    found = local_files.found(file_format, str(folder))
    assert found == {f"{folder}/{name}": (folder / name).stat().st_size for name in names}


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 10**7), max_size=60), st.integers(1, 12))
def test_files_are_dealt_out_evenly(sizes: dict[str, int], number: int) -> None:
    groups = local_files.dealt(sizes, number)
    assert sorted(path for group in groups for path in group) == sorted(sizes)
    assert len(groups) == min(number, len(sizes))
    loads = [sum(sizes[path] for path in group) for group in groups]
    cost = 100_000
    assert all(heavy - light <= max(sizes.values()) + cost * len(sizes)
               for heavy in loads for light in loads), "never apart by more than a file, and what opening costs"


@pytest.mark.parametrize(("file_format", "content"), [("images", b"picture"), ("tfrecord", b"records"),
                                                      ("tfrecord", b"")], ids=["image", "shard", "empty-shard"])
def test_contents(tmp_path: Path, file_format: str, content: bytes) -> None:
    path = tmp_path / "a%20b"
    path.write_bytes(content)
    ((url, found),) = local_files.contents(file_format, [f"file://{path}"])
    assert url == f"file://{path}"
    assert bytes(found) == content


def test_a_folder_that_is_none(spark: Any, tmp_path: Path) -> None:
    plan = ReadPlan("images", 1, decode=False)
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableUrlError, match=r"^--data=file:.*: Not a directory$"):
        spark_files.read(spark, Files("images", folder=f"file:{tmp_path}/file"), plan)
    with pytest.raises(FileNotFoundError):
        spark_files.read(spark, Files("images", folder=f"file:{tmp_path}/nothing"), plan)
    with pytest.raises(FileNotFoundError):
        spark_files.read(spark, Files("tfrecord", folder=f"file:{tmp_path}"), ReadPlan("tfrecord", 1, decode=False))

"""The page cache on the machine's own file systems: dropped, warmed, looked at, and told as it is."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shapebench_jobs.dataset import making
from shapebench_jobs.files import page_cache
from shapebench_jobs.files.page_cache import AS_IS, COLD, WARM, Residency
from shapebench_jobs.spark import page_cache as spark_page_cache
from shapebench_jobs.spark.files import Files

MIB = 1 << 20
IN_MEMORY = ("tmpfs", "ramfs")

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="the page cache is asked on Linux alone"),
              pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture
def file(tmp_path: Path) -> str:
    if page_cache.file_system(str(tmp_path)) in IN_MEMORY:
        pytest.skip("the temporary folder is in memory")
    path = tmp_path / "file"
    path.write_bytes(b"x" * MIB)
    return str(path)


@pytest.fixture
def in_memory() -> Iterator[str]:
    if page_cache.file_system("/dev/shm/file") not in IN_MEMORY or not os.access("/dev/shm", os.W_OK):
        pytest.skip("/dev/shm is no file system in memory")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.write(b"x" * MIB)
        file.flush()
        yield file.name


def _settled(attempt: Callable[[], Residency], state: str) -> Residency:
    """The machine may take any page out of its cache at any moment: warmed is warm in one of a few attempts."""
    for _ in range(5):
        found = attempt()
        if found.state == state:
            break
    return found


def test_just_written_dropped_and_read_again(file: str) -> None:
    pages = MIB // os.sysconf("SC_PAGE_SIZE")
    assert page_cache.residency([file]) == Residency(pages, pages), "just written, so still dirty"
    page_cache.prepare([file], COLD)
    assert page_cache.residency([file]) == Residency(pages, 0)
    page_cache.prepare([file], AS_IS)
    assert page_cache.residency([file]).state == COLD, "looking brings nothing in"
    with Path(file).open("rb", buffering=0) as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # else the kernel reads ahead
        opened.read(MIB // 2)
    assert page_cache.residency([file]).state == "partly"

    def warmed() -> Residency:
        page_cache.prepare([file], WARM)
        return page_cache.residency([file])

    assert _settled(warmed, WARM).state == WARM


def test_memory_cannot_be_dropped_and_that_is_said(in_memory: str) -> None:
    page_cache.prepare([in_memory], COLD)
    found = page_cache.residency([in_memory])
    assert found.state == WARM
    said = page_cache.explanation(COLD, found, in_memory)
    assert said == ("--page-cache=cold: 100.0% of the files is in the page cache before the read: they lie on tmpfs, "
                    "which is memory and cannot be dropped")


def test_the_kernel_does_not_tell_everybody() -> None:
    """Of a file that one may only read it says that every page is resident: no measurement."""
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:  # a folder that another user may look into
        file.write(b"x" * MIB)
        file.flush()
        path = Path(file.name)
        path.chmod(0o444)
        assert page_cache.residency([str(path)]).state == WARM
        if os.geteuid() != 0:
            path = Path(os.__file__)  # somebody else's
        else:
            os.seteuid(12345)
        try:
            found = page_cache.residency([str(path)])
        finally:
            os.seteuid(os.getuid())
    assert found.state == "unknown"
    assert "tells only a file's owner or writer" in found.unknown


@pytest.mark.parametrize(("wanted", "found", "state", "said"), [
    pytest.param(COLD, Residency(1000, 10), COLD, "", id="cold"),
    pytest.param(COLD, Residency(1000, 11), "partly", "1.1% of the files .* not cold", id="not-quite-cold"),
    pytest.param(COLD, Residency(10, 10), WARM, "100.0% of the files .* so it is warm", id="not-at-all-cold"),
    pytest.param(WARM, Residency(1000, 990), WARM, "", id="warm"),
    pytest.param(WARM, Residency(1000, 989), "partly", "98.9% of the files .* not warm", id="not-quite-warm"),
    pytest.param(WARM, Residency(unknown="who knows"), "unknown", "unknown: who knows", id="unknown"),
    pytest.param(WARM, Residency(), "unknown", "no such files on the executors", id="nothing"),
    pytest.param(AS_IS, Residency(4, 1), "partly", "", id="as-is"),
    pytest.param(AS_IS, Residency(unknown="who knows"), "unknown", "", id="as-is-unknown"),
])
def test_what_is_said(wanted: str, found: Residency, state: str, said: str) -> None:
    assert found.state == state
    text = page_cache.explanation(wanted, found)
    assert bool(text) == bool(said)
    assert re.search(said, text), text


def test_file_systems_by_the_longest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/vda / ext4 rw 0 0\ntmpfs /data tmpfs rw 0 0\n/dev/vdb /data/more xfs rw 0 0\n")
    expected = {"/a": "ext4", "/data/a": "tmpfs", "/data/more/a": "xfs", "/database/a": "ext4"}
    assert {path: page_cache.file_system(path, mounts) for path in expected} == expected
    assert page_cache.file_system("/a", tmp_path / "none") == ""


@pytest.mark.parametrize("wanted", [COLD, WARM])
@pytest.mark.parametrize("file_format", ["images", "tfrecord"])
def test_on_all_executors(spark: Any, made: making.Dataset, file_format: str, wanted: str) -> None:
    folder = Files(file_format, folder=f"file://{made.folder}/{file_format}")
    found = _settled(lambda: spark_page_cache.prepare(spark.sparkContext, folder, wanted)[0], wanted)
    assert found.state == wanted
    sizes = [path.stat().st_size for path in (made.folder / file_format).rglob("*.*")]
    assert found.pages == sum(-(-size // os.sysconf("SC_PAGE_SIZE")) for size in sizes), "every file once"
    some = Files(file_format, paths=tuple(f"file:{path}" for path in spark_page_cache.local_paths(folder)[:3]))
    page_cache.prepare(spark_page_cache.local_paths(some), wanted)
    left = spark_page_cache.prepare(spark.sparkContext, some, AS_IS)[0]
    assert 0 < left.pages < found.pages
    assert left.resident == 0 if wanted == COLD else left.resident > 0


@pytest.mark.parametrize("missing", ["nothing.jpg", "a.jpg/below.jpg"])
def test_files_that_another_machine_has_are_passed_over(tmp_path: Path, missing: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    there, elsewhere = f"file:{tmp_path}/a.jpg", f"file://{tmp_path}/{missing}"
    assert spark_page_cache.local_paths(Files("images", paths=(there, elsewhere))) == [f"{tmp_path}/a.jpg"]
    assert spark_page_cache.local_paths(Files("images", folder=f"file:{tmp_path}/none")) == []


def test_a_bucket_is_unknown(spark: Any) -> None:
    found, said = spark_page_cache.prepare(spark.sparkContext, Files("images", folder="s3a://bucket/images"), COLD)
    assert found.state == "unknown"
    assert said == "--page-cache=cold: what the page cache holds is unknown: the files are in no local folder"

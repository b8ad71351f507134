"""read-speed on real Spark: whole and partial reads, the user's own data, and every wrong answer told by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapebench_jobs.dataset import answer, making, reading
from shapebench_jobs.dataset.files import Contents
from shapebench_jobs.dataset.reading import Part, ReadPlan
from shapebench_jobs.dataset.tally import Tally, total
from shapebench_jobs.files.page_cache import Residency
from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError
from shapebench_jobs.read_speed import job as read_speed
from shapebench_jobs.spark import cluster as spark_cluster
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark import source as spark_source
from shapebench_jobs.spark.source import Source

from .conftest import QUICK_JVM, SMALL, SMALL_OPTIONS, local_cluster, read_events

# py4j and pyspark leave sockets to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

FORMATS = ("images", "tfrecord")


def _plan(file_format: str, *, decode: bool = True) -> ReadPlan:
    return ReadPlan(file_format, batch_size=8, decode=decode)


def _read(spark: Any, source: Source, tasks: int = 4) -> Part:
    return spark_files.read(spark, source.files, source.plan, tasks)


@pytest.fixture
def copy(made: making.Dataset, tmp_path: Path) -> making.Dataset:
    """A data set to damage."""
    shutil.copytree(made.folder, tmp_path / "copy")
    return making.load(tmp_path / "copy")


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("images", [0, 8, 20, 59, 60])
def test_made_data_is_read_right(spark: Any, made: making.Dataset, file_format: str, images: int) -> None:
    source = spark_source.made(made.folder.as_uri(), made.contents, _plan(file_format), images)
    part = _read(spark, source)
    answer.check(part, source.answer)
    assert part.tally.count == min(images or 60, 60)
    assert part.tally == total(entry.tally for entry in made.contents.index[: images or 60])


def test_every_slot_has_work(spark: Any, made: making.Dataset) -> None:
    for file_format, tasks in (("images", 4), ("tfrecord", len(made.contents.shards))):
        source = spark_source.made(made.folder.as_uri(), made.contents, _plan(file_format), 0)
        parts = _read(spark, source)
        assert len(parts.places) in (tasks, tasks + 1), file_format  # small files: what is left over is a task


@pytest.mark.parametrize("file_format", FORMATS)
def test_more_slots_than_files(spark: Any, made: making.Dataset, file_format: str) -> None:
    source = spark_source.made(f"file://{made.folder}", made.contents, ReadPlan(file_format, 1, decode=True), 1)
    assert source.number_of_files == 1
    part = _read(spark, source, tasks=8)
    answer.check(part, source.answer)
    assert part.tally.count == 1


def test_data_is_made_on_every_executor(spark: Any, tmp_path: Path) -> None:
    made = spark_cluster.make_everywhere(spark.sparkContext, tmp_path, SMALL)
    assert made.contents.tally.count == 60
    assert spark_cluster.slots(spark.sparkContext) == 2


def test_executors_that_never_come_are_a_timeout() -> None:
    class Registry:
        """A cluster of one executor, in the words of the JVM."""

        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, *_: Any) -> Any:
            return self

        def isLocal(self) -> bool:  # noqa: N802 - Spark's own name
            return False

        def size(self) -> int:
            return 2

    naps: list[float] = []
    with pytest.raises(TimeoutError, match=r"only 1 of 3 executors registered within 0\.001 s"):
        spark_cluster.await_executors(Registry(), 3, 0.001, sleep=naps.append)
    spark_cluster.await_executors(Registry(), 1, 0.001, sleep=naps.append)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("images", [0, 11])
def test_a_users_own_folder(spark: Any, made: making.Dataset, tmp_path: Path, file_format: str, images: int) -> None:
    own = tmp_path / "my pictures"
    shutil.copytree(made.folder / file_format, own)
    some = sorted(path for path in own.rglob("*") if path.is_file())[0]
    some.rename(some.with_name(f"a [1] {{b}} {some.name}"))
    source = spark_source.own(spark, f"file://{own}", _plan(file_format), images)
    assert source.answer.tally.count == (images or 60)
    answer.check(_read(spark, source), source.answer)


def test_a_made_data_set_by_url_tells_its_own_contents(spark: Any, made: making.Dataset) -> None:
    source = spark_source.own(spark, made.folder.as_uri() + "/", _plan("images"), 0)
    assert source.fingerprint == SMALL.fingerprint
    assert source.answer.tally == made.contents.tally


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("there", [True, False], ids=["empty", "absent"])
def test_a_folder_without_images(spark: Any, tmp_path: Path, file_format: str, there: bool) -> None:
    if there:
        (tmp_path / "empty").mkdir()
    with pytest.raises(BadArgumentsError, match="empty has no "):
        spark_source.own(spark, (tmp_path / "empty").as_uri(), _plan(file_format), 0)


def _truncate_image(folder: Path, contents: Contents) -> str:
    path = folder / contents.index[4].path
    path.write_bytes(path.read_bytes()[:200])
    return path.name


def _replace_image(folder: Path, contents: Contents) -> str:
    path = folder / contents.index[4].path
    path.write_bytes((folder / contents.index[7].path).read_bytes())
    return "checksum differs|bytes differs"


def _remove_image(folder: Path, contents: Contents) -> str:
    (folder / contents.index[4].path).unlink()
    return r"Tally\(count=59.*expected Tally\(count=60.*count differs"


def _mislabel_image(folder: Path, contents: Contents) -> str:
    path = folder / contents.index[0].path
    path.rename(folder / "images" / contents.classes[1] / path.name)
    return "checksum differs"


def _flip_in_shard(folder: Path, contents: Contents) -> str:
    path = folder / contents.shards[1].path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return f"{path.name}: record at byte .* has a damaged"


def _truncate_shard(folder: Path, contents: Contents) -> str:
    path = folder / contents.shards[1].path
    path.write_bytes(path.read_bytes()[:-3])
    return f"{path.name}: record at byte .* is cut short"


@pytest.mark.parametrize(("file_format", "damage"), [
    pytest.param("images", _truncate_image, id="truncated-jpeg"),
    pytest.param("images", _replace_image, id="replaced"),
    pytest.param("images", _remove_image, id="missing"),
    pytest.param("images", _mislabel_image, id="mislabelled"),
    pytest.param("tfrecord", _flip_in_shard, id="bit-in-shard"),
    pytest.param("tfrecord", _truncate_shard, id="truncated-shard"),
])
def test_damaged_data_is_a_wrong_answer(spark: Any, copy: making.Dataset, file_format: str,
                                        damage: Callable[[Path, Contents], str]) -> None:
    message = damage(copy.folder, copy.contents)
    source = spark_source.made(copy.folder.as_uri(), copy.contents, _plan(file_format), 0)
    with pytest.raises(WrongAnswerError, match=message):
        answer.check(_read(spark, source), source.answer)


def test_batches_are_counted() -> None:
    files = [("file:/d/c/x.jpg", b"not decoded")] * 20
    (part,) = reading.read_part(_plan("images", decode=False), files)
    assert (part.batches, part.tally.count) == (3, 20)


def test_values() -> None:
    part = Part(Tally(10, 4_000_000, 0), batches=2)
    row = read_speed.values(part, 2.0, Residency(pages=4, resident=1), damaged=3)
    assert row == {"images_per_second": 5.0, "megabytes_per_second": 2.0, "seconds": 2.0, "images": 10,
                   "bytes": 4_000_000, "batches": 2, "damaged": 3, "page_cache_resident": 0.25}
    assert "page_cache_resident" not in read_speed.values(part, 2.0, Residency(unknown="a bucket"))


@pytest.mark.parametrize("own", [False, True], ids=["made", "own"])
@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(("batch_size", "images", "message"), [
    pytest.param(61, 0, "--batch-size=61 is larger than the data: there are 60 images", id="batch"),
    pytest.param(20, 80, "--batch-size=20 x --batches=4 asks for 80 images, and there are 60", id="batches"),
])
def test_more_images_than_there_are(spark: Any, made: making.Dataset, own: bool, file_format: str, batch_size: int,
                            images: int, message: str) -> None:
    plan = ReadPlan(file_format, batch_size, decode=False)
    url = f"file://{made.folder}/{file_format * own}"
    with pytest.raises(BadArgumentsError, match=message):
        spark_source.own(spark, url, plan, images)  # a made one tells its contents


def test_more_than_there_is_said_before_spark_starts(start: Callable[..., Any]) -> None:
    process = start("read_speed", *SMALL_OPTIONS, "--batch-size=20", "--batches=4", SHAPEBENCH_WORKERS="nobody")
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()) == (2, [
        "error: --batch-size=20 x --batches=4 asks for 80 images, and there are 60: give less, or more images "
        "(--images for a made data set)"])


def test_on_two_executors(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    process = start("read_speed", *SMALL_OPTIONS, "--format=tfrecord", "--batch-size=4", "--batches=5", "--passes=2",
                    "--page-cache=cold", **local_cluster(tmp_path, 2), SHAPEBENCH_EVENTS_FILE=str(events_file),
                    SHAPEBENCH_DATA_DIR=str(tmp_path / "data"))
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    assert "2 of 2 executors registered" in said
    assert "--page-cache" not in said, "nothing to explain: it was as asked for"
    kinds = [event["event"] for event in read_events(events_file)]
    assert kinds == ["environment", "measured-started", "measured-finished", "measurement", "measurement",
                     "environment"]
    environment = read_events(events_file, "environment")
    assert environment[0]["values"]["executors"] == "2"
    assert environment[0]["values"]["task_slots"] == "2"
    assert environment[0]["values"]["dataset"] == SMALL.fingerprint
    rows = read_events(events_file, "measurement")
    assert [row["parameters"] for row in rows] == [
        {"format": "tfrecord", "batch_size": 4, "pass": number, "page_cache": "cold"} for number in (1, 2)]
    assert [row["values"]["images"] for row in rows] == [20, 20]
    assert [row["values"]["page_cache_resident"] for row in rows] == [0, 0]


def test_the_program_ends_with_65_on_a_wrong_answer(start: Callable[..., Any], tmp_path: Path,
                                                    events_file: Path) -> None:
    broken = making.ensure(tmp_path / "data", SMALL)
    _flip_in_shard(broken.folder, broken.contents)
    process = start("read_speed", *SMALL_OPTIONS, "--format=tfrecord", f"--data-dir={tmp_path / 'data'}",
                    SHAPEBENCH_EVENTS_FILE=str(events_file),
                    PYSPARK_SUBMIT_ARGS=f'--master local[2] --driver-java-options "{QUICK_JVM}" pyspark-shell')
    _, said = process.communicate(timeout=380)
    assert process.returncode == 65, said
    assert "WRONG ANSWER: damaged input" in said
    assert [event["event"] for event in read_events(events_file)][-1] == "wrong-answer"
    assert "shard-00001-of-00004.tfrecord" in read_events(events_file, "wrong-answer")[0]["message"]

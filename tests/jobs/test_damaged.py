"""Damaged input that may be skipped: counted, named, and everything else still there with the right bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapebench_jobs.dataset import answer, example, making, tfrecord
from shapebench_jobs.dataset.answer import Answer
from shapebench_jobs.dataset.files import Contents
from shapebench_jobs.dataset.reading import Damage, Part, ReadPlan
from shapebench_jobs.dataset.tally import Tally
from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError
from shapebench_jobs.read_speed import left_out
from shapebench_jobs.spark import files as spark_files
from shapebench_jobs.spark import source as spark_source

from .conftest import QUICK_JVM, SMALL, SMALL_OPTIONS, read_events

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

RECORDS = [b"one", b"two", b"three", b"four"]
FRAMED = b"".join(map(tfrecord.frame, RECORDS))
SECOND = len(tfrecord.frame(b"one"))


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


@pytest.mark.parametrize(("data", "found"), [
    pytest.param(FRAMED, RECORDS, id="intact"),
    pytest.param(_flipped(FRAMED, SECOND + 13), [b"one", "damaged payload", b"three", b"four"], id="payload"),
    pytest.param(_flipped(FRAMED, SECOND + 12 + 3), [b"one", "damaged payload", b"three", b"four"], id="payload-crc"),
    pytest.param(_flipped(FRAMED, SECOND), [b"one", "damaged length"], id="length"),
    pytest.param(_flipped(FRAMED, SECOND + 9), [b"one", "damaged length"], id="length-crc"),
    pytest.param(FRAMED[:-1], [b"one", b"two", b"three", "cut short in its payload"], id="cut"),
    pytest.param(FRAMED[: SECOND + 5], [b"one", "cut short in its header"], id="cut-in-header"),
    pytest.param(_flipped(_flipped(FRAMED, 12), SECOND + 13),
                 ["damaged payload", "damaged payload", b"three", b"four"], id="two"),
])
def test_reading_goes_on_behind_a_damaged_record(data: bytes, found: list[bytes | str]) -> None:
    records = list(tfrecord.spans_and_damage(data))
    assert len(records) == len(found)
    for record, expected in zip(records, found, strict=True):
        if isinstance(record, tfrecord.CorruptRecordError):
            assert isinstance(expected, str)
            assert expected in str(record)
        else:
            assert data[slice(*record)] == expected


def _shard_of(contents: Contents, folder: Path) -> Path:
    return folder / contents.shards[1].path


def _payload(folder: Path, contents: Contents) -> None:
    path = _shard_of(contents, folder)
    data = path.read_bytes()
    path.write_bytes(_flipped(data, len(data) - 10))


def _length(folder: Path, contents: Contents) -> None:
    """Of the fourth record: it and the rest of the shard's 15 images are lost."""
    path = _shard_of(contents, folder)
    data = path.read_bytes()
    records = list(tfrecord.payloads(data))
    path.write_bytes(_flipped(data, sum(len(record) + 16 for record in records[:3])))


def _rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path, Contents], None]:
    """The shard's second record changed, with right CRCs."""

    def damage(folder: Path, contents: Contents) -> None:
        path = _shard_of(contents, folder)
        records = list(tfrecord.payloads(path.read_bytes()))
        records[1] = change(records[1])
        path.write_bytes(b"".join(map(tfrecord.frame, records)))

    return damage


def _cut_jpeg(payload: bytes) -> bytes:
    image = example.decode(payload)
    return example.encode(example.LabelledImage(image.encoded[:100], image.label, image.class_name))


def _images(folder: Path, contents: Contents) -> None:
    for entry in contents.index[3:9]:
        (folder / entry.path).write_bytes((folder / entry.path).read_bytes()[:100])
    (folder / contents.index[20].path).write_bytes(b"no picture at all")


DAMAGES = [
    pytest.param("tfrecord", _payload, 1, r"shard-00001-of-00004.tfrecord: record at byte \d+ has a damaged payload "
                 r"\(1 images lost\)", id="payload"),
    pytest.param("tfrecord", _length, 12, "has a damaged length, and the rest of the file is lost "
                 r"\(12 images lost\)", id="length"),
    pytest.param("tfrecord", _rewritten(_cut_jpeg), 1, "tfrecord: record 1: no intact image", id="jpeg-in-record"),
    pytest.param("tfrecord", _rewritten(lambda _: b"\x0anonsense"), 1, r"record 1: the record is no tf\.train\.Example",
                 id="no-example"),
    pytest.param("images", _images, 7, r"0000003\.jpg: no intact image .*; and 2 more places \(7 images lost\)",
                 id="images"),
]


@pytest.fixture
def copy(made: making.Dataset, tmp_path: Path) -> making.Dataset:
    shutil.copytree(made.folder, tmp_path / "copy")
    return making.load(tmp_path / "copy")


@pytest.mark.parametrize(("file_format", "damage", "lost", "message"), DAMAGES)
@pytest.mark.parametrize("images", [0, 40])
def test_skipped_or_refused(spark: Any, copy: making.Dataset, file_format: str,
                            damage: Callable[[Path, Contents], None], lost: int, message: str, images: int) -> None:
    damage(copy.folder, copy.contents)
    source = spark_source.made(f"file://{copy.folder}", copy.contents, ReadPlan(file_format, 8, decode=True), images)
    part = spark_files.read(spark, source.files, source.plan, 4)
    assert answer.check(part, source.answer, skip=True) == lost
    assert part.tally.count == (images or 60) - lost
    with pytest.raises(WrongAnswerError, match=f"damaged input: .*{message}"):
        answer.check(part, source.answer)


def _empty_images(folder: Path, contents: Contents) -> None:
    for number in (0, 5):
        (folder / contents.index[number].path).write_bytes(b"")


def _empty_shard(folder: Path, contents: Contents) -> None:
    _shard_of(contents, folder).write_bytes(b"")


def _cut_between_records(folder: Path, contents: Contents) -> None:
    path = _shard_of(contents, folder)
    path.write_bytes(b"".join(map(tfrecord.frame, list(tfrecord.payloads(path.read_bytes()))[:-2])))


@pytest.mark.parametrize("images", [0, 40])
@pytest.mark.parametrize(("file_format", "damage", "lost", "message"), [
    pytest.param("images", _empty_images, 2, "0000000.jpg: empty", id="empty-images"),
    pytest.param("tfrecord", _empty_shard, 15, "shard-00001-of-00004.tfrecord: (empty|ends before image 0 of 15)",
                 id="empty-shard"),
    pytest.param("tfrecord", _cut_between_records, 2, "shard-00001-of-00004.tfrecord: ends before image 13 of 15",
                 id="cut"),
])
def test_what_spark_passes_over_is_told(spark: Any, copy: making.Dataset, file_format: str, images: int,
                                        damage: Callable[[Path, Contents], None], lost: int, message: str) -> None:
    damage(copy.folder, copy.contents)
    source = spark_source.made(f"file://{copy.folder}", copy.contents, ReadPlan(file_format, 8, decode=True), images)
    part = left_out.told(spark, source, spark_files.read(spark, source.files, source.plan, 4))
    assert answer.check(part, source.answer, skip=True) == lost
    with pytest.raises(WrongAnswerError, match=message):
        answer.check(part, source.answer)


def test_a_missing_file_is_named_and_never_skipped(spark: Any, copy: making.Dataset) -> None:
    (copy.folder / copy.contents.index[4].path).unlink()
    source = spark_source.made(f"file://{copy.folder}", copy.contents, ReadPlan("images", 8, decode=False), 0)
    part = spark_files.read(spark, source.files, source.plan, 4)
    with pytest.raises(WrongAnswerError, match=r"missing files: file:.*/0000004\.jpg$"):
        left_out.told(spark, source, part)


def test_a_wrong_image_is_no_damage(spark: Any, copy: making.Dataset) -> None:
    """Skipping what is damaged does not excuse bytes that were silently exchanged."""
    _images(copy.folder, copy.contents)
    intact = (copy.folder / entry.path for entry in copy.contents.index[30:32])
    (next(intact)).write_bytes(next(intact).read_bytes())
    source = spark_source.made(f"file://{copy.folder}", copy.contents, ReadPlan("images", 8, decode=True), 0)
    part = spark_files.read(spark, source.files, source.plan, 4)
    with pytest.raises(WrongAnswerError, match="differs"):
        answer.check(part, source.answer, skip=True)


@pytest.mark.parametrize(("file_format", "damage", "known"), [
    pytest.param("tfrecord", _length, 60 - 12, id="tfrecord"),
    pytest.param("images", _images, 53, id="images"),
])
def test_a_users_own_folder(spark: Any, copy: making.Dataset, file_format: str,
                            damage: Callable[[Path, Contents], None], known: int) -> None:
    damage(copy.folder, copy.contents)
    url, plan = f"file://{copy.folder}/{file_format}", ReadPlan(file_format, 8, decode=True)
    source = spark_source.own(spark, url, plan, 0, skip=True)
    part = spark_files.read(spark, source.files, source.plan, 4)
    assert (part.tally.count, source.answer.damaged) == (known, len(part.damages))
    assert answer.check(part, source.answer, skip=True) == len(part.damages)
    with pytest.raises(WrongAnswerError, match="damaged input: "):
        answer.check(spark_files.read(spark, source.files, source.plan, 4), source.answer)


def test_more_damage_than_the_first_read_found() -> None:
    part = Part(Tally(3, 30, 300), damages=(Damage("a/b", 0, "broken"), Damage("a/c", 0, "broken", rest=True)))
    with pytest.raises(WrongAnswerError, match="2 damaged images, and 1 when the data was read first"):
        answer.check(part, Answer(Tally(3, 30, 300), damaged=1), skip=True)
    assert answer.check(part, Answer(Tally(3, 30, 300), damaged=2), skip=True) == 2
    with pytest.raises(WrongAnswerError, match=r"at least 2 images lost"):
        answer.check(part, Answer(Tally(3, 30, 300), damaged=2))


def test_a_folder_of_damaged_images_alone(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "own" / "tulip").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "own" / "tulip" / f"{number}.jpg").write_bytes(b"no picture")
    with pytest.raises(BadArgumentsError, match=r"own has no intact class/image\.jpg"):
        spark_source.own(spark, f"file://{tmp_path}/own", ReadPlan("images", 1, decode=True), 0, skip=True)


def test_files_of_a_format_hold_the_whole_index(made: making.Dataset) -> None:
    for file_format in ("images", "tfrecord"):
        files = made.contents.files(file_format)
        assert [tally for _, tallies in files for tally in tallies] == [entry.tally for entry in made.contents.index]


def test_the_program_skips_and_says_so(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    broken = making.ensure(tmp_path / "data", SMALL)
    _length(broken.folder, broken.contents)
    process = start("read_speed", *SMALL_OPTIONS, "--format=tfrecord", f"--data-dir={tmp_path / 'data'}",
                    "--on-damage=skip", SHAPEBENCH_EVENTS_FILE=str(events_file),
                    PYSPARK_SUBMIT_ARGS=f'--master local[2] --driver-java-options "{QUICK_JVM}" pyspark-shell')
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    assert "skipped damaged input: " in said
    (row,) = read_events(events_file, "measurement")
    assert (row["values"]["damaged"], row["values"]["images"]) == (12, 48)
    assert "(12 images lost)" in read_events(events_file, "environment")[-1]["values"]["damaged"]

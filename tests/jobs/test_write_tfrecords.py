"""write-tfrecords on real Spark: TensorFlow reads what it wrote, and every way of writing it wrong is found by name."""

from __future__ import annotations

import ast
import io
import re
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shapebench_jobs.dataset import example, making, tfrecord
from shapebench_jobs.dataset.reading import UndecodableImageError
from shapebench_jobs.harness.run import BadArgumentsError, Run, WrongAnswerError
from shapebench_jobs.write_tfrecords import check as shard_check
from shapebench_jobs.write_tfrecords import folder as shard_folder
from shapebench_jobs.write_tfrecords import job as write_tfrecords
from shapebench_jobs.write_tfrecords import second_reader
from shapebench_jobs.write_tfrecords import source as shard_source
from shapebench_jobs.write_tfrecords import writing as shard_writing
from shapebench_jobs.write_tfrecords.check import Found
from shapebench_jobs.write_tfrecords.source import Label, Pictures
from shapebench_jobs.write_tfrecords.writing import WritePlan, Written

from .conftest import local_cluster, read_events

# py4j and pyspark leave sockets to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

CROP = 16


def _plan(pictures: Pictures, out: Path, shards: int) -> WritePlan:
    return WritePlan(pictures.root, pictures.classes, str(out), shards, resize=24, crop=CROP, quality=90)


def _write(spark: Any, pictures: Pictures, out: Path, shards: int) -> list[Written]:
    size = shard_source.partition_bytes(pictures.sizes, shards)
    return write_tfrecords.write(spark, pictures, _plan(pictures, out, shards), size)


@pytest.fixture(scope="module")
def pictures(spark: Any, made: making.Dataset) -> Pictures:
    return shard_source.made(spark, f"file://{made.folder}", made.contents)


@pytest.fixture(scope="module")
def shards(spark: Any, pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Written]]:
    """Seven shards of sixty images that no test may change."""
    out = tmp_path_factory.mktemp("shards")
    return out, _write(spark, pictures, out, 7)


def test_tensorflow_reads_every_image_once_with_its_label(tf: Any, made: making.Dataset,
                                                          shards: tuple[Path, list[Written]]) -> None:
    out, written = shards
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"shard-{number:05d}-of-00007.tfrecord" for number in range(7)] == sorted(
        one.shard for one in written)
    bytes_feature, number_feature = tf.io.FixedLenFeature([], tf.string), tf.io.FixedLenFeature([], tf.int64)
    wanted = {"image/encoded": bytes_feature, "image/format": bytes_feature, "image/filename": bytes_feature,
              "image/class/text": bytes_feature, "image/class/label": number_feature,
              "image/height": number_feature, "image/width": number_feature}
    labels = {}
    for raw in tf.data.TFRecordDataset([str(out / name) for name in names]):
        parsed = tf.io.parse_single_example(raw, wanted)
        key = parsed["image/filename"].numpy().decode()
        assert key not in labels
        labels[key] = int(parsed["image/class/label"])
        assert parsed["image/class/text"].numpy().decode() == key.partition("/")[0]
        assert (parsed["image/format"].numpy(), int(parsed["image/height"]), int(parsed["image/width"])) == (
            b"JPEG", CROP, CROP)
        pixels = tf.io.decode_jpeg(parsed["image/encoded"]).numpy()
        source = tf.io.decode_jpeg((made.folder / "images" / key).read_bytes())
        resized = tf.image.resize(source, (24, 24), antialias=True).numpy()[4:20, 4:20]
        assert np.abs(pixels - resized).mean() < 8, key  # a JPEG of noise is no exact copy
    assert labels == {entry.path.removeprefix("images/"): entry.label for entry in made.contents.index}


def test_what_the_writers_tell(made: making.Dataset, shards: tuple[Path, list[Written]]) -> None:
    out, written = shards
    assert {one.shard: one.bytes_written for one in written} == {path.name: path.stat().st_size
                                                                 for path in out.iterdir()}
    assert sum(one.bytes_read for one in written) == made.contents.tally.bytes
    assert {one.records for one in written} <= {8, 9}


def test_the_shards_are_right(spark: Any, pictures: Pictures, shards: tuple[Path, list[Written]]) -> None:
    out, written = shards
    found = shard_check.read_back(spark.sparkContext, out, written, CROP)
    shard_check.verify(written, found, pictures.labels)
    assert sum(len(one.records) for one in found) == 60


# --- broken output ------------------------------------------------------------------------------------------------


def _records(path: Path) -> list[bytes]:
    return [tfrecord.frame(payload) for payload in tfrecord.payloads(path.read_bytes())]


def _rewrite(path: Path, change: Callable[[list[bytes]], None]) -> None:
    records = _records(path)
    change(records)
    path.write_bytes(b"".join(records))


def _relabelled(record: bytes, **changes: bytes | int) -> bytes:
    """The record with other features, its CRCs right."""
    payload = next(tfrecord.payloads(record))
    one = example.decode(payload)
    features = {"image/encoded": one.encoded, "image/class/label": one.label,
                "image/class/text": one.class_name.encode(), "image/filename": _key(payload),
                "image/height": CROP, "image/width": CROP}
    return tfrecord.frame(example.serialized(features | {name.replace("__", "/"): value
                                                         for name, value in changes.items()}))


def _key(payload: bytes) -> bytes:
    (record,) = second_reader.records(io.BytesIO(tfrecord.frame(payload)))
    return record.key.encode()


def _jpeg(width: int, height: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


def _flip(offset: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[offset] ^= 4
        path.write_bytes(data)

    return damage


def _swap_labels(records: list[bytes]) -> None:
    labels = [example.decode(next(tfrecord.payloads(record))).label for record in records]
    other = next(number for number, label in enumerate(labels) if label != labels[0])
    records[0] = _relabelled(records[0], image__class__label=labels[other])
    records[other] = _relabelled(records[other], image__class__label=labels[0])


def _replace_first(**changes: bytes | int) -> Callable[[Path], None]:
    return lambda path: _rewrite(path, lambda records: records.__setitem__(
        0, _relabelled(records[0], **changes)))


def _duplicate_for_another(records: list[bytes]) -> None:
    records[3] = records[1]


def _lose_crc_of_nothing(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


@pytest.mark.parametrize(("damage", "message"), [
    pytest.param(_flip(0), "record 0: the CRC of its length is wrong", id="bit-in-length"),
    pytest.param(_flip(9), "record 0: the CRC of its length is wrong", id="bit-in-the-length's-crc"),
    pytest.param(_flip(200), "record 0: the CRC of its content is wrong", id="bit-in-payload"),
    pytest.param(_flip(-1), r"record [78]: the CRC of its content is wrong", id="bit-in-the-last-crc"),
    pytest.param(_lose_crc_of_nothing, r"record [78] is cut short in its content", id="cut-in-content"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes() + b"12345"),
                 r"record [89] is cut short in its length", id="cut-in-length"),
    pytest.param(lambda path: _rewrite(path, list.pop), r"holds [78] records, [89] were written", id="dropped"),
    pytest.param(lambda path: _rewrite(path, lambda records: records.append(records[0])),
                 r"holds \d+ records, [89] were written", id="appended"),
    pytest.param(lambda path: _rewrite(path, _duplicate_for_another),
                 r"record 3 holds image \w+/\d+\.jpg again, after shard-00002-of-00007\.tfrecord: record 1",
                 id="duplicate-in-place-of-another"),
    pytest.param(lambda path: _rewrite(path, _swap_labels),
                 r"record 0: image \w+/\d+\.jpg is labelled \d \(\w+\), it is \d \(\w+\)", id="swapped-labels"),
    pytest.param(_replace_first(image__class__text=b"unheard-of"), r"is labelled \d \(unheard-of\), it is \d",
                 id="class-name"),
    pytest.param(_replace_first(image__filename=b"disc/99.jpg"), "record 0 holds disc/99.jpg, which is none",
                 id="foreign-image"),
    pytest.param(_replace_first(image__encoded=_jpeg(CROP, CROP)[:-30]), "record 0: its picture is no intact JPEG",
                 id="truncated-jpeg"),
    pytest.param(_replace_first(image__encoded=_jpeg(CROP, 8)), "record 0 says 16x16 pixels, its picture has 16x8",
                 id="other-size-than-told"),
    pytest.param(_replace_first(image__encoded=_jpeg(8, 8), image__width=8, image__height=8),
                 "record 0 has 8x8 pixels, not 16x16", id="wrong-crop"),
    pytest.param(_replace_first(image__width=b"16"), "record 0 is no Example of an image .image/width", id="no-number"),
    pytest.param(lambda path: path.unlink(), "no executor has it", id="no-shard"),
    pytest.param(lambda path: shutil.copy(path, path.with_name("shard-00007-of-00008.tfrecord")) and None,
                 "shard-00007-of-00008.tfrecord: nobody wrote it", id="foreign-shard"),
])
def test_broken_output_is_a_wrong_answer(pictures: Pictures, shards: tuple[Path, list[Written]], tmp_path: Path,
                                         damage: Callable[[Path], None], message: str) -> None:
    whole, written = shards
    out = tmp_path / "broken"
    shutil.copytree(whole, out)
    shard = out / "shard-00002-of-00007.tfrecord"
    damage(shard)
    found = [shard_check.read_shard(out / name, CROP) for name in shard_folder.shard_names(out)]
    with pytest.raises(WrongAnswerError, match=message) as caught:
        shard_check.verify(written, found, pictures.labels)
    assert "shard-0000" in str(caught.value)


LABELS = {"a/1": Label(0, "a"), "b/2": Label(1, "b"), "b/3": Label(1, "b")}


def _told(records: int, **more: Any) -> Written:
    return Written("s", "here", records, 1, 1, 1.0, **more)


def _found(*keys: str) -> Found:
    return Found("s", 1, tuple((key, LABELS[key].number, LABELS[key].name) for key in keys))


def test_images_that_nobody_wrote_are_missed() -> None:
    with pytest.raises(WrongAnswerError, match=r"2 of 3 images are in no shard: a/1, b/3"):
        shard_check.verify([_told(1)], [_found("b/2")], LABELS)


def test_skipped_images_are_not_missed() -> None:
    shard_check.verify([_told(2, damaged=(("a/1", "cut"),))], [_found("b/2", "b/3")], LABELS)


def test_bytes_after_the_last_record_are_seen() -> None:
    with pytest.raises(WrongAnswerError, match="has 1 bytes, 2 were written"):
        shard_check.verify([replace(_told(3), bytes_written=2)], [_found(*LABELS)], LABELS)


# --- the second reader --------------------------------------------------------------------------------------------


def test_the_second_reader_shares_no_code_with_the_writer() -> None:
    tree = ast.parse(Path(second_reader.__file__).read_text())
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module.startswith("shapebench") for module in modules)


def test_the_second_reader_reads_what_tensorflow_wrote(tf: Any, tmp_path: Path) -> None:
    def feature(*values: bytes | int | float) -> Any:
        if isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    one = tf.train.Example(features=tf.train.Features(feature={
        "image/encoded": feature(_jpeg(300, 200)), "image/filename": feature("ß/1.jpg".encode()),
        "image/class/label": feature(-3), "image/class/text": feature("ß".encode()),
        "image/width": feature(300), "image/height": feature(200),
        "image/object/bbox": feature(0.25, 0.5), "image/numbers": feature(1, 2, 1 << 40)}))
    path = tmp_path / "x.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(2):
            writer.write(one.SerializeToString())
    with path.open("rb") as stream:
        assert list(second_reader.records(stream)) == [
            second_reader.Record(number, "ß/1.jpg", -3, "ß", 300, 200) for number in range(2)]


def _framed(payload: bytes) -> bytes:
    def masked(data: bytes) -> bytes:
        crc = google_crc32c.value(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


@given(st.binary(max_size=60))
def test_no_content_surprises_the_second_reader(payload: bytes) -> None:
    with pytest.raises(second_reader.BadRecordError, match="record 0 is no Example of an image"):
        list(second_reader.records(io.BytesIO(_framed(payload))))


# --- shrinking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (200, 64), (64, 1000), (17, 30), (1600, 1200)],
                         ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("resize", "crop"), [(32, 32), (32, 20), (40, 1)])
def test_the_middle_is_kept(size: tuple[int, int], resize: int, crop: int) -> None:
    """Columns and rows count up from the edges, so what is kept tells where it was."""
    width, height = size
    across = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    down = np.broadcast_to(np.linspace(0, 255, height)[:, np.newaxis], (height, width))
    buffer = io.BytesIO()
    Image.fromarray(np.stack([across, down, across * 0], axis=2).astype(np.uint8)).save(
        buffer, "JPEG", quality=98, subsampling=0)
    with Image.open(io.BytesIO(shard_writing.cut(buffer.getvalue(), resize, crop, 98))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (crop, crop))
        pixels = np.asarray(image).astype(float)
    for channel, length in ((0, width), (1, height)):
        kept = pixels[:, :, channel]
        span = 255 * crop * min(size) / resize / length
        assert kept.mean() == pytest.approx(127.5, abs=6)
        if crop > 8:
            assert kept.max() - kept.min() == pytest.approx(span * (crop - 1) / crop, abs=16)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_spaces_become_rgb(mode: str) -> None:
    with Image.open(io.BytesIO(shard_writing.cut(_jpeg(50, 40, mode), 32, 24, 90))) as image:
        assert (image.mode, image.size) == ("RGB", (24, 24))


@pytest.mark.parametrize("content", [b"", b"no image", _jpeg(64, 64)[:-40]], ids=["empty", "text", "truncated"])
def test_what_is_no_picture_is_told(content: bytes) -> None:
    with pytest.raises(UndecodableImageError, match="no intact image"):
        shard_writing.cut(content, 32, 24, 90)


# --- writing ------------------------------------------------------------------------------------------------------


def test_a_task_that_fails_leaves_no_half_shard_and_keeps_the_old_one(tmp_path: Path) -> None:
    plan = WritePlan("file:/d", {"c": 0}, str(tmp_path), 1, 24, 16, 90)

    def breaking() -> Iterator[tuple[str, bytes]]:
        yield "file:/d/c/1.jpg", _jpeg(30, 30)
        raise ConnectionError("the executor went away")

    (written,) = shard_writing.write_shard(plan, 0, [("file:/d/c/1.jpg", _jpeg(40, 40))])
    before = (tmp_path / written.shard).read_bytes()
    with pytest.raises(ConnectionError):
        list(shard_writing.write_shard(plan, 0, breaking()))
    assert [path.name for path in tmp_path.iterdir()] == [written.shard]
    assert (tmp_path / written.shard).read_bytes() == before


@given(st.lists(st.integers(1, 3_000_000), min_size=1, max_size=200), st.integers(1, 40))
def test_partitions_are_enough_and_even(sizes: Sequence[int], shards: int) -> None:
    shards = min(shards, len(sizes))
    limit = shard_source.partition_bytes(sizes, shards)
    costs = sorted((size + 100_000 for size in sizes), reverse=True)
    packed: list[int] = []
    for cost in costs:  # as Spark does it
        if not packed or packed[-1] + cost - 100_000 > limit:
            packed.append(0)
        packed[-1] += cost
    assert len(packed) >= shards
    assert max(packed) <= max(costs[0], sum(costs) / shards + 2 * costs[0])


@pytest.mark.parametrize("shards", [1, 7, 25])
def test_spark_makes_exactly_as_many_shards(spark: Any, pictures: Pictures, shards: int) -> None:
    size = shard_source.partition_bytes(pictures.sizes, shards)
    counts = shard_source.partitions(spark, pictures, shards, size).mapPartitions(lambda rows: [len(list(rows))])
    found = counts.collect()
    assert (len(found), sum(found)) == (shards, 60)
    assert min(found) >= 1
    assert max(found) <= 60 // shards + 2


@pytest.mark.parametrize(("views", "expected"), [
    pytest.param([("a", ["x", "y"]), ("a", ["x", "y"])], {"x": 0, "y": 1}, id="shared-evenly-on-one-disk"),
    pytest.param([("a", ["x"]), ("b", ["y"])], {"x": 0, "y": 1}, id="each-its-own"),
    pytest.param([("a", ["x", "y"]), ("b", ["x", "y"])], {"x": 0, "y": 1}, id="shared-disk"),
    pytest.param([("c", ["y"]), ("b", ["y"])], {"y": 1}, id="a-lost-attempt-left-a-copy"),
    pytest.param([("c", ["z"]), ("d", [])], {"z": 0}, id="unknown-writer"),
])
def test_each_shard_is_read_by_one_task(views: list[tuple[str, list[str]]], expected: dict[str, int]) -> None:
    assert shard_check.division(views, {"x": "a", "y": "b"}) == expected


# --- the job ------------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The user's own photographs, of every size and with names that are special somewhere."""
    for key, size in {"rose/a [1] {b}.jpg": (90, 60), "rose/ü%20.JPEG": (300, 400), "tulip/a, b.jpg": (64, 64),
                      "tulip/deeper/tulip/1.jpg": (33, 700), "aster/1.jpg": (40, 30)}.items():
        (tmp_path / "my pictures" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "my pictures" / key).write_bytes(_jpeg(*size))
    return tmp_path / "my pictures"


class Sink:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def emit(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass


def _job(spark: Any, *argv: str) -> dict[str, Any]:
    """The job on the tests' own Spark; the values of its row."""
    options = write_tfrecords.parser().parse_args(["--resize=24", f"--crop={CROP}", *argv])
    sink = Sink()
    write_tfrecords.on_cluster(spark, options, Run(sink))
    rows = [event for event in sink.events if event["event"] == "measurement"]
    assert rows[0]["parameters"] == {"shards": options.shards, "resize": 24, "crop": CROP, "quality": 90}
    assert [row["parameters"] for row in rows[1:]] == [{"executor": 0}]
    assert rows[1]["values"]["executor_images"] == rows[0]["values"]["images"]
    values: dict[str, Any] = rows[0]["values"]
    return values


def test_own_pictures(spark: Any, own: Path, tmp_path: Path) -> None:
    row = _job(spark, f"--data=file://{own}", "--shards=2", f"--out=file://{tmp_path}/out")
    assert (row["images"], row["shards"], row["damaged_images"]) == (5, 2, 0)
    assert row["bytes_written"] == sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    found = [shard_check.read_shard(path, CROP) for path in (tmp_path / "out").iterdir()]
    assert {record[0]: record[1:] for one in found for record in one.records} == {
        "aster/1.jpg": (0, "aster"), "rose/a [1] {b}.jpg": (1, "rose"), "rose/ü%20.JPEG": (1, "rose"),
        "tulip/a, b.jpg": (2, "tulip"), "tulip/deeper/tulip/1.jpg": (2, "tulip")}


def test_a_made_data_set_by_url_keeps_its_labels(spark: Any, made: making.Dataset, tmp_path: Path) -> None:
    assert shard_source.own(spark, f"file://{made.folder}/").classes == {"stripes": 0, "checkers": 1, "disc": 2}


def test_damaged_images(spark: Any, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "rose" / "broken [1] ü.jpg").write_bytes(_jpeg(64, 64)[:-40])
    (own / "rose" / "empty [1] ü%.jpg").touch()
    options = (f"--data=file://{own}", "--shards=2", f"--out={tmp_path}/out")
    message = (r"damaged input: rose/broken \[1\] ü\.jpg: no intact .*; rose/empty \[1\] ü%\.jpg: an empty file "
               r"\(2 images lost\)")
    with pytest.raises(WrongAnswerError, match=message):
        _job(spark, *options)
    row = _job(spark, *options, "--on-damage=skip", "--overwrite")
    assert (row["images"], row["damaged_images"]) == (5, 2)
    assert re.search(f"skipped {message}", capsys.readouterr().err)


def test_scratch_shards_are_gone_at_the_end(spark: Any, own: Path, tmp_path: Path) -> None:
    _job(spark, f"--data={own}", "--shards=2", f"--data-dir={tmp_path / 'scratch'}")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused_unless_told(spark: Any, own: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    stale, foreign = tmp_path / "out" / "shard-00008-of-00009.tfrecord", tmp_path / "out" / "thesis.tex"
    stale.touch()
    foreign.touch()
    options = (f"--data={own}", "--shards=2", f"--out={tmp_path}/out")
    with pytest.raises(BadArgumentsError, match=r"--out=/.*/out: is not empty, it holds shard-00008.*--overwrite"):
        _job(spark, *options)
    _job(spark, *options, "--overwrite")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "shard-00000-of-00002.tfrecord", "shard-00001-of-00002.tfrecord", "thesis.tex"]


def test_a_folder_that_cannot_be_written_is_refused(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadArgumentsError, match=r"--out=/.*: executor .* cannot write there \(Not a directory\)"):
        shard_folder.prepare(spark.sparkContext, tmp_path / "file" / "out", overwrite=False)


@pytest.mark.parametrize(("argv", "message"), [
    pytest.param(("--crop=300",), "--crop=300 is more than --resize=256", id="crop-over-resize"),
    pytest.param(("--shards=9", "--images=8"), "--shards=9 is more than --images=8", id="more-shards-than-images"),
    pytest.param(("--overwrite",), "--overwrite without --out", id="overwrite-nothing"),
    pytest.param(("--out=s3a://bucket/x",), "--out=s3a://bucket/x cannot be written.*mounted", id="object-storage"),
    pytest.param(("--out=relative",), "--out=relative is no absolute path", id="relative"),
])
def test_arguments_that_cannot_work(argv: tuple[str, ...], message: str) -> None:
    options = write_tfrecords.parser().parse_args(argv)
    with pytest.raises(BadArgumentsError, match=message):
        write_tfrecords.check_arguments(options)


def test_data_that_cannot_work(spark: Any, own: Path) -> None:
    with pytest.raises(BadArgumentsError, match=r"--shards=6 is more than the 5 images of --data="):
        _job(spark, f"--data={own}", "--shards=6")
    (own / "1.jpg").touch()
    with pytest.raises(BadArgumentsError, match=r"has 1\.jpg in no class's folder"):
        _job(spark, f"--data={own}")
    (own / "nothing" / "class").mkdir(parents=True)
    (own / "nothing" / "class" / "empty.jpg").touch()
    for nothing in (own / "absent", own / "nothing"):
        with pytest.raises(BadArgumentsError, match="has no images"):
            _job(spark, f"--data={nothing}")


def test_on_two_executors(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    cluster = local_cluster(tmp_path)
    process = start("write_tfrecords", "--images=40", "--image-size=32", "--resize=24", "--crop=16", "--shards=4",
                    **cluster, SHAPEBENCH_EVENTS_FILE=str(events_file),
                    SHAPEBENCH_DATA_DIR=str(tmp_path / "data"))
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    assert [event["event"] for event in read_events(events_file)][:3] == [
        "environment", "measured-started", "measured-finished"]
    whole, *executors = [row["values"] for row in read_events(events_file, "measurement")]
    assert (whole["images"], whole["shards"]) == (40, 4)
    assert sum(row["executor_images"] for row in executors) == 40
    assert len(executors) == 2

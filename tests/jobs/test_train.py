"""train on real TensorFlow, alone: it learns, repeats itself, uses every image once, and tells what is wrong."""

from __future__ import annotations

import collections
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapebench_jobs.dataset import example, making, tfrecord
from shapebench_jobs.dataset.files import DatasetArguments
from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError
from shapebench_jobs.tf import input as tf_input
from shapebench_jobs.tf import model as tf_model
from shapebench_jobs.tf import pipeline as tf_pipeline
from shapebench_jobs.tf import schedule as tf_schedule
from shapebench_jobs.tf import split as tf_split
from shapebench_jobs.tf import task as tf_task
from shapebench_jobs.tf import training as tf_training
from shapebench_jobs.tf.schedule import EpochPlan
from shapebench_jobs.tf.training import Epoch
from shapebench_jobs.train import job as train

from .conftest import SMALL_OPTIONS, read_events

# TensorFlow and Keras use what newer Python and numpy call deprecated.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"),
              pytest.mark.filterwarnings("ignore::FutureWarning"),
              pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.timeout(400)]

FORMATS = ("images", "tfrecord")


def test_tensorflow_reads_our_records(tf: Any, made: making.Dataset) -> None:
    """Its own reader checks both CRCs and parses the Examples, with the features' documented types."""
    features = {"image/encoded": tf.io.FixedLenFeature([], tf.string),
                "image/class/label": tf.io.FixedLenFeature([], tf.int64),
                "image/class/text": tf.io.FixedLenFeature([], tf.string)}
    records = tf.data.TFRecordDataset([str(made.folder / shard.path) for shard in made.contents.shards])
    parsed = [tf.io.parse_single_example(record, features) for record in records]
    entries = made.contents.index
    assert [one["image/encoded"].numpy() for one in parsed] == [
        (made.folder / entry.path).read_bytes() for entry in entries]
    assert [int(one["image/class/label"]) for one in parsed] == [entry.label for entry in entries]
    assert {one["image/class/text"].numpy().decode() for one in parsed} == set(made.contents.classes)


def test_we_read_tensorflows_records(tf: Any, tmp_path: Path) -> None:
    """A writer with more features, in another order, with unpacked numbers: files of other people's making."""
    feature, values = tf.train.Feature, (300, 0, 2**40)
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        for label in values:
            one = tf.train.Example(features=tf.train.Features(feature={
                "image/width": feature(int64_list=tf.train.Int64List(value=[32])),
                "image/mean": feature(float_list=tf.train.FloatList(value=[0.5])),
                "image/class/label": feature(int64_list=tf.train.Int64List(value=[label])),
                "image/encoded": feature(bytes_list=tf.train.BytesList(value=[b"jpeg" * 99]))}))
            writer.write(one.SerializeToString())
    payloads = tfrecord.payloads((tmp_path / "a.tfrecord").read_bytes())
    assert [example.decode(payload) for payload in payloads] == [
        example.LabelledImage(b"jpeg" * 99, label, "") for label in values]


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(("workers", "batch_size"), [(1, 7), (2, 7), (3, 31), (7, 47)])
def test_every_image_comes_once_an_epoch(tf: Any, made: making.Dataset, file_format: str, workers: int,
                                         batch_size: int) -> None:
    """Whatever divides by what: in the same number of steps on every worker, and none but the training images."""
    images = tf_input.made(str(made.folder), made.contents, file_format, (32, 32))
    numbers = tf_split.split(images.count, 0.2, 1).training
    steps = tf_split.steps(len(numbers), batch_size)
    feed = tf_pipeline.Feed(batch_size, steps, shuffle=True, seed=1)
    plain = tf_pipeline.Feed(1, shuffle=False)
    wanted = collections.Counter(_one(picture) for picture, _ in tf_pipeline.once(tf, images, numbers, plain))
    assert wanted == collections.Counter(
        _one(tf_input.picture(tf, images, (made.folder / made.contents.index[number].path).read_bytes()))
        for number in numbers)

    def counted(batch: Any) -> list[bytes]:
        pictures, labels = batch
        assert len(labels) > 0, "no replica is ever without a picture"
        return [_one(picture) for picture, label in zip(pictures, labels, strict=True) if label >= 0]

    places = [tf_pipeline.Place(number, 1, workers) for number in range(workers)]
    streams = [iter(tf_pipeline.batches(tf, images, numbers, feed, place)) for place in places]
    assert [counted(next(stream)) for stream in streams] == [[]] * workers, "to warm up"
    for _ in range(2):
        read = [[counted(next(stream)) for stream in streams] for _ in range(steps)]
        assert [sum(map(len, step)) for step in read[:-1]] == [batch_size] * (steps - 1)
        assert collections.Counter(one for step in read for part in step for one in part) == wanted


def _one(picture: Any) -> bytes:
    return bytes(np.asarray(picture).tobytes())


def test_replicas_of_one_worker_take_turns(tf: Any, made: making.Dataset) -> None:
    images = tf_input.made(str(made.folder), made.contents, "images", (32, 32))
    feed = tf_pipeline.Feed(8, steps=2, shuffle=False)
    stream = iter(tf_pipeline.batches(tf, images, np.arange(13), feed, tf_pipeline.Place(1, 2, 3)))
    sizes = [len(next(stream)[1]) for _ in range(6)]
    assert sizes == [3, 2, 3, 2, 2, 2], "black; first step; second step (5 left of 13), of replicas 1 and 2 of 3"


def _main(events_file: Path, monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setenv("SHAPEBENCH_EVENTS_FILE", str(events_file))
    return train.main(list(argv))


@pytest.mark.parametrize("file_format", FORMATS)
def test_it_learns(tf: Any, tmp_path: Path, events_file: Path, monkeypatch: pytest.MonkeyPatch,
                   file_format: str) -> None:
    code = _main(events_file, monkeypatch, f"--data-dir={tmp_path}", "--images=200", "--image-size=48",
                 f"--format={file_format}", "--epochs=12", "--strategy=one-device", "--learning-rate=0.006")
    assert code == 0
    kinds = [event["event"] for event in read_events(events_file)]
    assert kinds == ["environment", "measured-started", "measured-finished", *["measurement"] * 13]
    *epochs, whole = (event for event in read_events(events_file, "measurement"))
    assert [row["parameters"] for row in epochs] == [{"epoch": number} for number in range(1, 13)]
    assert set(epochs[0]["values"]) == {
        "loss", "accuracy", "validation_loss", "validation_accuracy", "validation_images", "validation_seconds",
        "seconds", "images", "images_per_second", "batch_size", "learning_rate", "updates"}
    assert {(row["values"]["images"], row["values"]["validation_images"]) for row in epochs} == {(160, 40)}
    assert whole["values"]["replicas_in_sync"] == 1
    assert whole["values"]["total_updates"] == 12 * 5
    assert whole["values"]["final_loss"] == epochs[-1]["values"]["loss"]
    assert whole["values"]["final_validation_accuracy"] == epochs[-1]["values"]["validation_accuracy"]
    assert epochs[-1]["values"]["accuracy"] > 0.8
    assert epochs[-1]["values"]["validation_accuracy"] > 0.7
    environment = read_events(events_file, "environment")[0]["values"]
    assert environment["strategy"] == "one-device"
    assert environment["model_parameters"] == str(5 * 5 * 3 * 16 + 16 + 9 * 16 * 32 + 32 + 9 * 32 * 64 + 64 + 65 * 5)


def _losses(events_file: Path) -> list[tuple[float, float]]:
    rows = [row["values"] for row in read_events(events_file, "measurement")[:-1]]
    return [(row["loss"], row["validation_loss"]) for row in rows]


def test_one_seed_gives_one_curve_to_the_last_bit(tf: Any, data_dir: Path, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    curves = []
    for number, seed in enumerate(("5", "5", "6")):
        monkeypatch.setenv("SHAPEBENCH_SEED", seed)
        events_file = tmp_path / f"events{number}"
        assert _main(events_file, monkeypatch, f"--data-dir={data_dir}", *SMALL_OPTIONS, "--epochs=2",
                     "--batch-size=10") == 0
        curves.append((_losses(events_file), read_events(events_file, "measurement")[-1]["values"]["weights_crc32"]))
    assert curves[0] == curves[1]
    assert curves[0][0] != curves[2][0]


@pytest.mark.parametrize(("option", "updates"), [("--drop-remainder", 4), ("--steps-per-epoch=5", 5)])
def test_whole_batches_and_fixed_steps(tf: Any, data_dir: Path, events_file: Path, monkeypatch: pytest.MonkeyPatch,
                                       option: str, updates: int) -> None:
    """60 images to train with: four whole batches of 14, or as many as are asked for."""
    assert _main(events_file, monkeypatch, f"--data-dir={data_dir}", *SMALL_OPTIONS, "--epochs=2", "--batch-size=14",
                 "--validation-share=0", option) == 0
    first = read_events(events_file, "measurement")[0]["values"]
    assert (first["images"], first["updates"]) == (14 * updates, updates)
    assert "validation_loss" not in first


def test_mobilenet_learns(tf: Any, data_dir: Path, events_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _main(events_file, monkeypatch, f"--data-dir={data_dir}", *SMALL_OPTIONS, "--epochs=3", "--batch-size=8",
                 "--model=mobilenet", "--model-width=0.25") == 0
    environment = read_events(events_file, "environment")[0]["values"]
    assert 200_000 < int(environment["model_parameters"]) < 250_000


def test_mobilenet_is_of_its_paper_s_size(tf: Any) -> None:
    """4.2 million weights with the head for 1000 classes (Howard et al., 2017, table 8)."""
    model = tf_model.Model(tf, tf.distribute.get_strategy(), tf_model.ModelOptions("mobilenet"), classes=1000)
    assert model.network.parameters == pytest.approx(4.2e6, rel=0.02)


def test_a_users_own_pictures_of_any_size(tf: Any, tmp_path: Path, events_file: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    for number, arguments in enumerate((DatasetArguments(30, 40, 32, 2, 1, 1), DatasetArguments(30, 64, 48, 2, 2, 1))):
        folder = making.ensure(tmp_path / "made", arguments).folder
        for path in (folder / "images").glob("*/*.jpg"):
            target = tmp_path / "own" / path.parent.name / f"{number}-{path.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    code = _main(events_file, monkeypatch, f"--data={tmp_path / 'own'}", "--image-size=24", "--batch-size=20",
                 "--epochs=2", "--steps-per-epoch=6")
    assert code == 0
    assert read_events(events_file, "measurement")[-1]["values"]["total_updates"] == 12


def test_own_records_are_counted(tf: Any, made: making.Dataset) -> None:
    images = tf_input.own(tf, str(made.folder / "tfrecord"), "tfrecord", (32, 32))
    assert (images.counts, images.classes, images.resize) == ((15, 15, 15, 15), 3, True)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_folder_without_images_is_refused(tf: Any, tmp_path: Path, file_format: str) -> None:
    with pytest.raises(BadArgumentsError, match="--data="):
        tf_input.own(tf, str(tmp_path / "absent"), file_format, (32, 32))


def _damage(root: Path, file_format: str) -> making.Dataset:
    """A data set with a broken file: one image, or a shard of 15 whose second record is damaged."""
    broken = making.ensure(root, DatasetArguments(60, 32, 32, 3, 3, 4))
    path = broken.folder / _victim(broken, file_format)
    content = path.read_bytes()
    first = 16 + int.from_bytes(content[:8], "little")
    path.write_bytes(b"no picture" if file_format == "images" else
                     content[:first + 40] + b"\0\1" + content[first + 42:])
    return broken


def _victim(broken: making.Dataset, file_format: str) -> str:
    return {"images": broken.contents.index[4].path, "tfrecord": broken.contents.shards[1].path}[file_format]


@pytest.mark.parametrize("own", [False, True], ids=["made", "own"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_damaged_input_is_a_wrong_answer_with_the_files_name(
        tf: Any, tmp_path: Path, events_file: Path, monkeypatch: pytest.MonkeyPatch, file_format: str,
        own: bool) -> None:
    broken = _damage(tmp_path, file_format)
    place = (f"--data={broken.folder / file_format}" if own else f"--data-dir={tmp_path}")
    code = _main(events_file, monkeypatch, place, *SMALL_OPTIONS, f"--format={file_format}", "--epochs=2")
    assert code == 65
    message = read_events(events_file, "wrong-answer")[0]["message"]
    assert Path(_victim(broken, file_format)).name in message
    assert own or f"{1 if file_format == 'images' else 14} images lost in 1 files" in message


@pytest.mark.parametrize("own", [False, True], ids=["made", "own"])
@pytest.mark.parametrize("file_format", FORMATS)
def test_damaged_input_can_be_skipped(
        tf: Any, tmp_path: Path, events_file: Path, monkeypatch: pytest.MonkeyPatch, file_format: str, own: bool,
        capfd: pytest.CaptureFixture[str]) -> None:
    """Counted, named, and all the others trained and judged with."""
    broken = _damage(tmp_path, file_format)
    place = (f"--data={broken.folder / file_format}" if own else f"--data-dir={tmp_path}")
    code = _main(events_file, monkeypatch, place, *SMALL_OPTIONS, f"--format={file_format}", "--epochs=2",
                 "--on-damage=skip")
    assert code == 0
    *epochs, whole = read_events(events_file, "measurement")
    lost = 1 if file_format == "images" else 14
    assert {row["values"]["images"] + row["values"]["validation_images"] for row in epochs} == {60 - lost}
    assert whole["values"]["damaged_images"] == lost or (own and file_format == "tfrecord")
    assert whole["values"]["damaged_images"] > 0
    assert Path(_victim(broken, file_format)).name in capfd.readouterr().err


def test_a_rate_that_explodes_is_a_wrong_answer(tf: Any, data_dir: Path, events_file: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    code = _main(events_file, monkeypatch, f"--data-dir={data_dir}", *SMALL_OPTIONS, "--learning-rate=1e6",
                 "--epochs=2")
    assert code == 65
    assert "loss" in read_events(events_file, "wrong-answer")[0]["message"]
    assert read_events(events_file, "measurement") == []


def _epoch(number: int, *losses: float) -> Epoch:
    return Epoch(EpochPlan(number, 8, 0.1, len(losses)), losses, (8,) * len(losses), 0.5, 1.0, (0.1,) * len(losses))


def test_a_small_last_batch_weighs_less() -> None:
    assert Epoch(EpochPlan(1, 8, 0.1, 2), (1.0, 4.0), (8, 4), 0.5, 1.0, (0.1, 0.1)).loss == 2.0


@pytest.mark.parametrize(("epochs", "message"), [
    pytest.param([_epoch(1, 2, 1), _epoch(2, 1, 0.5)], None, id="falls"),
    pytest.param([_epoch(1, 1, 1), _epoch(2, 1, 1)], "the last epoch's mean loss, 1, is not below", id="flat"),
    pytest.param([_epoch(1, 1, 1), _epoch(2, 2, 1)], "nothing was learnt", id="rises"),
    pytest.param([_epoch(1, 1, float("nan"))], "the loss is nan at step 2 of epoch 1", id="nan"),
    pytest.param([_epoch(1, 1e9), _epoch(2, 1e8)], "twice that of guessing among 5 classes", id="exploded"),
    pytest.param([_epoch(1, *(one / 20 for one in range(20, 0, -1)))], None, id="one-epoch-falls"),
    pytest.param([_epoch(1, *(one / 20 for one in range(1, 21)))], "the last quarter's mean loss",
                 id="one-epoch-rises"),
    pytest.param([_epoch(1, 1, 2, 3, 3)], None, id="too-short-to-tell"),
])
def test_the_answer_is_checked(epochs: list[Epoch], message: str | None) -> None:
    if message is None:
        tf_training.check(epochs, classes=5)
        return
    with pytest.raises(WrongAnswerError, match=message):
        tf_training.check(epochs, classes=5)


@pytest.mark.parametrize(("options", "message"), [
    (("--batch-size=49",), "a batch of 49 in epoch 1, more than the 48 images to train with"),
    (("--batch-size=20", "--epochs=3", "--schedule=grow-batch", "--schedule-epochs=2", "--schedule-factor=3"),
     "a batch of 60 in epoch 2, more than the 48 images"),
    (("--schedule=grow-batch",), "--schedule=grow-batch needs --schedule-epochs"),
    (("--schedule=decay-learning-rate", "--schedule-epochs=2,9"), "--schedule-epochs=2,9 has 9, behind the last"),
    (("--validation-share=0.001",), "--validation-share=0.001 of 60 images is less than one"),
    (("--strategy=multi-worker-mirrored",), "needs two workers or more"),
    (("--strategy=parameter-server",), "workload.tensorflow.parameterServers: 1"),
])
def test_what_cannot_work_is_refused(data_dir: Path, events_file: Path, monkeypatch: pytest.MonkeyPatch,
                                     capfd: pytest.CaptureFixture[str], options: tuple[str, ...],
                                     message: str) -> None:
    assert _main(events_file, monkeypatch, f"--data-dir={data_dir}", *SMALL_OPTIONS, *options) == 2
    assert message in capfd.readouterr().err


def test_replicas_without_work_are_refused() -> None:
    with pytest.raises(BadArgumentsError, match="--batch-size=3 is less than the 4 replicas"):
        tf_task.refuse_small_batch(3, 4)


def test_weights_tell_trainings_apart(tf: Any, made: making.Dataset) -> None:
    """From one seed: the same before training, not after it, and not where two parts of the data taught apart."""
    images = tf_input.made(str(made.folder), made.contents, "tfrecord", (32, 32))
    (plan,) = tf_schedule.plan(20, 1, 10, 0.003, tf_schedule.Changes())
    strategy = tf.distribute.get_strategy()
    models = [tf_model.Model(tf, strategy, tf_model.ModelOptions(seed=3), images.classes) for _ in range(2)]
    untrained = [model.weights_crc32() for model in models]
    for number, model in enumerate(models):
        loop = tf_training.Loop(tf, strategy, model)
        numbers = np.arange(20) + 20 * number
        batches = tf_pipeline.distributed(tf, strategy, images, numbers, tf_pipeline.Feed(10, 2, seed=1))
        loop.warm_up(batches, None, (2,))
        assert model.weights_crc32() == untrained[0], "to warm up changes nothing"
        loop.train(batches, plan)
    trained = [model.weights_crc32() for model in models]
    assert untrained[0] == untrained[1]
    assert len({*untrained, *trained}) == 3

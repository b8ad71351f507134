"""train on real TensorFlow: it learns, two workers end with the same weights, wrong answers are told."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shapebench_jobs import dataset, example, tf_input, tf_training, tfrecord, train
from shapebench_jobs.dataset_files import DatasetArguments
from shapebench_jobs.harness import BadArgumentsError, WrongAnswerError
from shapebench_jobs.tf_training import Epoch, Schedule

from .conftest import SMALL_OPTIONS, read_events

# TensorFlow and Keras use what newer Python and numpy call deprecated.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"),
              pytest.mark.filterwarnings("ignore::FutureWarning"),
              pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.timeout(400)]

FORMATS = ("images", "tfrecord")


def test_tensorflow_reads_our_records(tf: Any, made: dataset.Dataset) -> None:
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
@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_are_whole_and_apart(tf: Any, made: dataset.Dataset, file_format: str, parts: int) -> None:
    """One round of every part together is the data set, whether there are more files than workers or fewer."""
    images = tf_input.made(str(made.folder), made.contents, file_format, (32, 32))
    whole = _one_round(tf, images, (0, 1))
    found = [_one_round(tf, images, (number, parts)) for number in range(parts)]
    assert len(whole) == 60
    assert set().union(*found) == whole
    assert sum(map(len, found)) == 60


def _one_round(tf: Any, images: tf_input.TrainingImages, part: tuple[int, int]) -> set[bytes]:
    """The pictures of a part up to where it begins again."""
    found: set[bytes] = set()
    for pictures, _ in tf_input.pipeline(tf, images, part, 1, seed=1):
        picture = pictures.numpy().tobytes()
        if picture in found:
            break
        found.add(picture)
    return found


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
    assert [row["parameters"]["epoch"] for row in epochs] == list(range(1, 13))
    assert set(epochs[0]["values"]) == {"loss", "accuracy", "seconds", "images_per_second"}
    assert whole["values"]["replicas_in_sync"] == 1
    assert whole["values"]["steps"] == 12 * 6
    assert whole["values"]["final_loss"] == epochs[-1]["values"]["loss"]
    assert epochs[-1]["values"]["accuracy"] > 0.8
    assert read_events(events_file, "environment")[0]["values"]["strategy"] == "one-device"


def test_a_users_own_pictures_of_any_size(tf: Any, tmp_path: Path, events_file: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    for number, arguments in enumerate((DatasetArguments(30, 40, 32, 2, 1, 1), DatasetArguments(30, 64, 48, 2, 2, 1))):
        folder = dataset.ensure(tmp_path / "made", arguments).folder
        for path in (folder / "images").glob("*/*.jpg"):
            target = tmp_path / "own" / path.parent.name / f"{number}-{path.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    code = _main(events_file, monkeypatch, f"--data={tmp_path / 'own'}", "--image-size=24", "--batch-size=20",
                 "--epochs=2", "--steps-per-epoch=6")
    assert code == 0
    assert read_events(events_file, "measurement")[-1]["values"]["steps"] == 12


def test_own_records_are_counted(tf: Any, made: dataset.Dataset) -> None:
    images = tf_input.own(tf, str(made.folder / "tfrecord"), "tfrecord", (32, 32))
    assert (images.count, images.classes, images.resize) == (60, 3, True)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_folder_without_images_is_refused(tf: Any, tmp_path: Path, file_format: str) -> None:
    with pytest.raises(BadArgumentsError, match="--data="):
        tf_input.own(tf, str(tmp_path / "absent"), file_format, (32, 32))


@pytest.mark.parametrize("file_format", FORMATS)
def test_damaged_input_is_a_wrong_answer_with_the_files_name(
        tf: Any, tmp_path: Path, events_file: Path, monkeypatch: pytest.MonkeyPatch, file_format: str) -> None:
    broken = dataset.ensure(tmp_path, DatasetArguments(60, 32, 32, 3, 3, 4))
    victims = {"images": broken.contents.index[4].path, "tfrecord": broken.contents.shards[1].path}
    path = broken.folder / victims[file_format]
    content = path.read_bytes()
    path.write_bytes(b"no picture" if file_format == "images" else content[:500] + b"\0\1" + content[502:])
    code = _main(events_file, monkeypatch, f"--data-dir={tmp_path}", *SMALL_OPTIONS, f"--format={file_format}",
                 "--epochs=2")
    assert code == 65
    assert path.name in read_events(events_file, "wrong-answer")[0]["message"]


def test_a_rate_that_explodes_is_a_wrong_answer(tf: Any, data_dir: Path, events_file: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    code = _main(events_file, monkeypatch, f"--data-dir={data_dir}", *SMALL_OPTIONS, "--learning-rate=1e6",
                 "--epochs=2")
    assert code == 65
    assert "loss" in read_events(events_file, "wrong-answer")[0]["message"]
    assert read_events(events_file, "measurement") == []


def _epoch(number: int, *losses: float) -> Epoch:
    return Epoch(number, losses, 0.5, 1.0, (0.1,) * len(losses))


@pytest.mark.parametrize(("epochs", "message"), [
    pytest.param([_epoch(1, 2, 1), _epoch(2, 1, 0.5)], None, id="falls"),
    pytest.param([_epoch(1, 1, 1), _epoch(2, 1, 1)], "the last epoch's mean loss, 1, is not below", id="flat"),
    pytest.param([_epoch(1, 1, 1), _epoch(2, 2, 1)], "nothing was learnt", id="rises"),
    pytest.param([_epoch(1, 1, float("nan"))], "the loss is nan at step 2 of epoch 1", id="nan"),
    pytest.param([_epoch(1, 1e9), _epoch(2, 1e8)], "twice that of guessing among 5 classes", id="exploded"),
    pytest.param([_epoch(1, 4, 3, 2, 1)], None, id="one-epoch-falls"),
    pytest.param([_epoch(1, 1, 2, 3, 3)], "the last quarter's mean loss", id="one-epoch-rises"),
    pytest.param([_epoch(1, 1, 2)], None, id="too-short-to-tell"),
])
def test_the_answer_is_checked(epochs: list[Epoch], message: str | None) -> None:
    if message is None:
        tf_training.check(epochs, classes=5)
        return
    with pytest.raises(WrongAnswerError, match=message):
        tf_training.check(epochs, classes=5)


@pytest.mark.parametrize(("batch_size", "count", "message"), [
    (3, 60, "--batch-size=3 is less than the 4 replicas"),
    (8, 3, "3 images are less than the 4 replicas"),
])
def test_replicas_without_work_are_refused(batch_size: int, count: int, message: str) -> None:
    images = tf_input.TrainingImages("images", (), (), count, 2, 32, 32, False, "")
    with pytest.raises(BadArgumentsError, match=message):
        train.refuse_impossible(Schedule(batch_size, 1, 1, 0.1, "small-cnn", 0), images, 4)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_weights_tell_trainings_apart(tf: Any, made: dataset.Dataset) -> None:
    """From one seed: the same before training, not after it, and not where two parts of the data taught apart."""
    images = tf_input.made(str(made.folder), made.contents, "tfrecord", (32, 32))
    schedule = Schedule(10, 1, 2, 0.003, "small-cnn", 3)
    trainers = [tf_training.Trainer(tf, tf.distribute.get_strategy(), images, schedule) for _ in range(2)]
    untrained = [trainer.weights_crc32() for trainer in trainers]
    for number, trainer in enumerate(trainers):
        trainer.train(iter(tf_input.pipeline(tf, images, (number, 2), schedule.batch_size, schedule.seed)), 1, 2)
    trained = [trainer.weights_crc32() for trainer in trainers]
    assert untrained[0] == untrained[1]
    assert len({*untrained, *trained}) == 3


def test_two_workers_train_one_model(start: Callable[..., subprocess.Popen[str]], tmp_path: Path,
                                     data_dir: Path) -> None:
    """Two processes, a batch that does not divide by two, and weights that are equal to the last bit."""
    workers = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    processes = []
    for index in range(2):
        config = json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})
        processes.append(start("train", *SMALL_OPTIONS, "--batch-size=21", "--epochs=3", "--steps-per-epoch=4",
                               TF_CONFIG=config, SHAPEBENCH_CPU="1", SHAPEBENCH_WORKERS="2",
                               SHAPEBENCH_DATA_DIR=str(data_dir),
                               SHAPEBENCH_EVENTS_FILE=str(tmp_path / f"events{index}")))
    said = [process.communicate(timeout=380)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    rows = [read_events(tmp_path / f"events{index}", "measurement") for index in range(2)]
    losses = [[row["values"]["loss"] for row in mine[:-1]] for mine in rows]
    assert losses[0] == losses[1]
    assert rows[0][-1]["values"]["final_loss"] == rows[1][-1]["values"]["final_loss"] == losses[0][-1]
    assert rows[0][-1]["values"]["replicas_in_sync"] == 2
    assert rows[0][-1]["values"]["weights_crc32"] == rows[1][-1]["values"]["weights_crc32"] > 0
    environment = read_events(tmp_path / "events0", "environment")[0]["values"]
    assert environment["strategy"] == "multi-worker-mirrored"
    assert environment["intra_op_threads"] == "1"

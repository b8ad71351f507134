"""Arguments and environment that cannot work are refused at once, with the reason and the remedy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shapebench_jobs.dataset import making
from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.files import data_folder
from shapebench_jobs.harness import arguments
from shapebench_jobs.harness.run import BadArgumentsError
from shapebench_jobs.read_speed import job as read_speed
from shapebench_jobs.tf import cluster as tf_cluster
from shapebench_jobs.tf import strategy as tf_strategy
from shapebench_jobs.tf import task as tf_task
from shapebench_jobs.train import job as train
from shapebench_jobs.train import options as train_options

Main = Callable[[list[str]], int]


@pytest.mark.parametrize(("main", "argv", "message"), [
    pytest.param(read_speed.main, ["--batch-size=0"], "0 is out of range: give at least 1", id="no-batch"),
    pytest.param(read_speed.main, ["--batches=-1"], "-1 is out of range", id="negative-batches"),
    pytest.param(read_speed.main, ["--batch-size=two"], "'two' is no whole number", id="word"),
    pytest.param(read_speed.main, ["--format=png"], "invalid choice: 'png'", id="format"),
    pytest.param(read_speed.main, ["--image-size=8"], "8 is too small: give 16 pixels or more", id="tiny"),
    pytest.param(read_speed.main, ["--image-size=96by96"], "'96by96' is no size", id="size"),
    pytest.param(read_speed.main, ["--start-timeout=0"], "give a number above 0", id="timeout"),
    pytest.param(read_speed.main, ["--batchsize=2"], "unrecognized arguments: --batchsize=2", id="typo"),
    pytest.param(train.main, ["--strategy=horovod"], "invalid choice: 'horovod'", id="strategy"),
    pytest.param(train.main, ["--learning-rate=nan"], "give a number above 0", id="rate"),
    pytest.param(train.main, ["--classes=1"], "give from 2 to 10", id="classes"),
    pytest.param(making.main, [], "the following arguments are required: --out", id="no-out"),
])
def test_bad_arguments_exit_with_2(main: Main, argv: list[str], message: str,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(argv)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("main", "argv", "environ", "message"), [
    pytest.param(read_speed.main, ["--images=3", "--shards=4"], {}, "--shards=4 is more than --images=3", id="shards"),
    pytest.param(read_speed.main, [], {"SHAPEBENCH_WORKERS": "0"}, "SHAPEBENCH_WORKERS='0'", id="workers"),
    pytest.param(train.main, [], {"SHAPEBENCH_CPU": "much"}, "SHAPEBENCH_CPU='much'", id="cpu"),
    pytest.param(train.main, [], {"SHAPEBENCH_SEED": "x"}, "SHAPEBENCH_SEED='x'", id="seed"),
    pytest.param(train.main, [], {"TF_CONFIG": "{"}, "TF_CONFIG is no valid cluster description", id="tf-config"),
    pytest.param(making.main, ["--out=/proc/none"], {}, "--out=/proc/none: ", id="out"),
])
def test_impossible_surroundings_exit_with_2(main: Main, argv: list[str], environ: dict[str, str], message: str,
                                             capsys: pytest.CaptureFixture[str],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(argv) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("main", [read_speed.main, train.main, making.main])
def test_help_names_units_and_defaults(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    said = capsys.readouterr().out
    assert "pixels" in said
    assert "(default 400)" in said


@pytest.mark.parametrize(("text", "size"), [("96", (96, 96)), ("128x64", (128, 64)), ("128X64", (128, 64))])
def test_image_sizes(text: str, size: tuple[int, int]) -> None:
    assert dataset_options.image_size(text) == size


@pytest.mark.parametrize(("given", "environ", "expected"), [
    (Path("/a"), {"SHAPEBENCH_DATA_DIR": "/b"}, "/a"),
    (None, {"SHAPEBENCH_DATA_DIR": "/b"}, "/b"),
])
def test_data_dir(given: Path | None, environ: dict[str, str], expected: str) -> None:
    assert str(data_folder.chosen(given, environ)) == expected


_TWO = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}'
_CHIEF = '{"cluster": {"chief": ["c:1"], "worker": ["a:1"], "ps": ["p:1"]}, "task": {"type": "chief", "index": 0}}'


@pytest.mark.parametrize(("text", "workers", "strategy"), [
    pytest.param("", 1, "none", id="alone"),
    pytest.param("{}", 1, "none", id="empty"),
    pytest.param(_TWO, 2, "multi-worker-mirrored", id="two"),
    pytest.param(_CHIEF, 2, "multi-worker-mirrored", id="chief-trains-too"),
])
def test_tf_config_decides_the_strategy(text: str, workers: int, strategy: str) -> None:
    cluster = tf_cluster.parse_tf_config(text)
    assert cluster.workers == workers
    assert tf_strategy.choose("auto", cluster) == strategy
    assert tf_strategy.choose("one-device", cluster) == "one-device"


def test_tf_config_with_an_index_that_is_not_listed() -> None:
    with pytest.raises(BadArgumentsError, match="this is worker 5, but lists 2"):
        tf_cluster.parse_tf_config(_TWO.replace('"index": 1', '"index": 5'))


@pytest.mark.parametrize(("cpu", "threads"), [("0.5", 1), ("1", 1), ("1.5", 2), ("8", 8), ("", 0)])
def test_threads_are_the_cpu_rounded_up(cpu: str, threads: int) -> None:
    assert tf_cluster.threads({"SHAPEBENCH_CPU": cpu}) == threads


@pytest.mark.parametrize(("argv", "environ", "seed"), [
    pytest.param(["--seed=7"], {}, 7, id="of-the-data"),
    pytest.param(["--seed=7"], {"SHAPEBENCH_SEED": "11"}, 11, id="of-the-benchmark"),
    pytest.param(["--seed=7", "--training-seed=3"], {"SHAPEBENCH_SEED": "11"}, 3, id="as-told"),
])
def test_seed_of_training(argv: list[str], environ: dict[str, str], seed: int) -> None:
    assert tf_task.training_seed(train_options.parser().parse_args(argv), environ) == seed


def test_programs_start_without_spark_and_tensorflow_until_they_are_needed() -> None:
    folder = Path(arguments.__file__).parents[2]
    jobs = sorted(f"{path.parts[-3]}.{path.parts[-2]}.job" for path in folder.glob("shapebench_jobs/*/job.py"))
    assert "shapebench_jobs.train.job" in jobs
    code = f"import sys, {', '.join(jobs)}; print({{'pyspark', 'tensorflow', 'keras'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(folder)},
                          capture_output=True, text=True)
    assert done.stdout.strip() == "set()"

"""read-grid on real Spark: every parameter set read, how often, with which answer, and every wrong answer told."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench_jobs.dataset import making
from shapebench_jobs.dataset import options as dataset_options
from shapebench_jobs.dataset.reading import Part
from shapebench_jobs.dataset.tally import Tally
from shapebench_jobs.files.page_cache import Residency
from shapebench_jobs.harness.run import BadArgumentsError, EventFile, Run, WrongAnswerError
from shapebench_jobs.read_grid import actions as grid_actions
from shapebench_jobs.read_grid import grid
from shapebench_jobs.read_grid import job as read_grid
from shapebench_jobs.read_grid import source as grid_source
from shapebench_jobs.read_grid.actions import Evaluation
from shapebench_jobs.read_grid.grid import ParameterSet, Row, Sum

from .conftest import QUICK_JVM, SMALL_OPTIONS, read_events

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

GRID = ("--batch-sizes=2,5", "--batch-numbers=3", "--repetitions=1")
MEANS = tuple(grid_actions.MEANS)


def _measured(spark: Any, data_dir: Path, events_file: Path, *given: str) -> list[dict[str, Any]]:
    options = read_grid.parser().parse_args([*SMALL_OPTIONS, f"--data-dir={data_dir}", *GRID, *given])
    sets = grid.parameter_sets(options.formats, options.batch_sizes, options.batch_numbers, options.repetitions, "0")
    run = Run(EventFile(str(events_file)))
    read_grid.measure(spark.sparkContext, options, dataset_options.dataset_arguments(options), sets, run)
    return read_events(events_file, "measurement")


@pytest.mark.parametrize(("cache", "page_cache", "reads"), [
    pytest.param("--cache", "warm", 1, id="cached"),
    pytest.param("--no-cache", "cold", 5, id="uncached"),
])
def test_every_set_is_read_once_or_for_every_action(spark: Any, made: making.Dataset, events_file: Path, cache: str,
                                                    page_cache: str, reads: int) -> None:
    rows = _measured(spark, made.folder.parent, events_file, cache, f"--page-cache={page_cache}", "--repetitions=2")
    sets = [row for row in rows if "action" not in row["parameters"]]
    # Not of all: others may fill this machine's page cache or have it dropped meanwhile, and rows say what was true.
    assert page_cache in {row["parameters"].pop("page_cache") for row in sets}
    assert Counter(tuple(row["parameters"].values()) for row in sets) == Counter(
        (name, size, 3, repetition) for name in ("images", "tfrecord") for size in (2, 5) for repetition in (1, 2))
    assert all(row["values"]["images"] == row["parameters"]["batch_size"] * 3 for row in sets)
    assert all(row["values"]["seconds"] > 0 for row in sets)
    everything, *actions = rows[: -len(sets)]
    assert [row["parameters"]["action"] for row in actions] == ["rows", *MEANS]
    assert [row["values"]["action_sets_read"] for row in actions] == [8, *(4 * [0] if reads == 1 else 4 * [8])]
    assert all((row["values"]["action_preparing_task_seconds"] > 0) == (row["values"]["action_sets_read"] > 0)
               for row in actions), "who reads, looks at the page cache first"
    assert everything["values"]["reads_per_set"] == reads
    assert everything["values"]["all_actions_seconds"] == pytest.approx(
        sum(row["values"]["action_seconds"] for row in actions))


@given(counts=st.lists(st.integers(0, 9), min_size=1, max_size=12), sizes=st.lists(st.integers(1, 12), max_size=6))
def test_each_set_gets_its_images_and_none_twice(counts: list[int], sizes: list[int]) -> None:
    files = [(str(number), count) for number, count in enumerate(counts)]
    sets = [ParameterSet("images", size, 1, 1) for size in sizes if size <= sum(counts)]
    there = dict(files)
    used: Counter[str] = Counter()
    for assignment in grid.assigned(sets, files):
        taken = dict(assignment.files)
        assert len(taken) == len(assignment.files), "a file once"
        assert sum(taken.values()) == assignment.parameters.images
        assert all(0 < count <= there[path] for path, count in taken.items())
        assert all(taken[path] == there[path] for path, _ in assignment.files[:-1]), "only the last one is cut"
        used.update(taken.keys())
    assert not used or max(used.values()) - min(used[path] for path, count in files if count) <= 1, "all in turn"


def test_more_images_than_there_are_is_no_assignment() -> None:
    with pytest.raises(ValueError, match="asks for 6 images"):
        grid.assigned([ParameterSet("images", 2, 3, 1)], [("a", 5)])


def test_the_order_is_random_in_each_repetition_and_the_same_for_a_seed() -> None:
    sets = grid.parameter_sets(("images", "tfrecord"), (2, 4, 6), (3, 6, 8), 2, seed="1")
    first, second = sets[:18], sets[18:]
    assert {one.repetition for one in first} == {1}
    assert sorted(map(str, first)) == sorted(str(one).replace("repetition=2", "repetition=1") for one in second)
    assert [one.batch_size for one in first] != [one.batch_size for one in second]
    assert sets == grid.parameter_sets(("images", "tfrecord"), (2, 4, 6), (3, 6, 8), 2, seed="1")
    assert sets != grid.parameter_sets(("images", "tfrecord"), (2, 4, 6), (3, 6, 8), 2, seed="2")


def test_each_run_has_an_order_of_its_own_and_keeps_it() -> None:
    def order(**environ: str) -> tuple[ParameterSet, ...]:
        seed = read_grid.order_seed({f"SHAPEBENCH_{name.upper()}": value for name, value in environ.items()})
        return grid.parameter_sets(("images",), (2, 4, 6), (3, 6, 8), 1, seed)
    assert order(seed="1", run="a-1-1") == order(seed="1", run="a-1-1")
    assert order(seed="1", run="a-1-1") != order(seed="1", run="a-2-1")
    assert order(seed="1", run="a-1-1") != order(seed="2", run="a-1-1")


def _row(size: int, seconds: float = 1.0) -> Row:
    return Row(ParameterSet("images", size, 3, 1), seconds, Part(Tally(size * 3, 100, 7)), Residency())


def _evaluations(sets_read: tuple[int, ...], **changed: Sum) -> list[Evaluation]:
    rows = (_row(2), _row(4, 3.0))
    both = Sum(4.0, Tally(18, 200, 14))
    means = {"mean-by-batch-size": {2: Sum(1.0, Tally(6, 100, 7)), 4: Sum(3.0, Tally(12, 100, 7))},
             "mean-by-batches": {3: both}, "mean-by-format": {"images": both}, "mean": {"": changed.get("mean", both)}}
    return [Evaluation("rows", 1.0, sets_read[0], rows), *(
        Evaluation(action, 1.0, read, means=means[action])
        for action, read in zip(MEANS, sets_read[1:], strict=True))]


@pytest.mark.parametrize(("evaluations", "cached", "wrong"), [
    pytest.param(_evaluations((2, 0, 0, 0, 0)), True, "", id="cached"),
    pytest.param(_evaluations((2, 2, 2, 2, 2)), False, "", id="uncached"),
    pytest.param(_evaluations((2, 1, 0, 0, 0)), True, "", id="evicted"),
    pytest.param(_evaluations((2, 2, 2, 2, 1)), False, "9 parameter sets were read, and it takes 10", id="too-few"),
    pytest.param(_evaluations((1, 0, 0, 0, 0)), True, "1 parameter sets were read, and it takes 2", id="none"),
    pytest.param(_evaluations((2, 2, 2, 2, 2), mean=Sum(4.0, Tally(17, 200, 14))), False, r"mean is of Tally\(count=17",
                 id="image-lost"),
    pytest.param(_evaluations((2, 0, 0, 0, 0), mean=Sum(4.1, Tally(18, 200, 14))), True, r"mean of  is of 4\.1 s",
                 id="other-times"),
])
def test_the_answer_of_the_actions(evaluations: list[Evaluation], cached: bool, wrong: str) -> None:
    if not wrong:
        grid_actions.check(evaluations, cached=cached)
        return
    with pytest.raises(WrongAnswerError, match=wrong):
        grid_actions.check(evaluations, cached=cached)


def test_the_mean_of_rates_weighs_them_by_time() -> None:
    assert (Sum(1.0, Tally(10)) + Sum(3.0, Tally(10))).images_per_second == 5.0


@pytest.fixture
def broken(made: making.Dataset, tmp_path: Path) -> Path:
    """A data set with a cut JPEG that the first parameter set reads, and another that silently changed."""
    shutil.copytree(made.folder, tmp_path / "data" / made.folder.name)
    folder = tmp_path / "data" / made.folder.name
    path = folder / made.contents.index[1].path
    path.write_bytes(path.read_bytes()[:100])
    return tmp_path / "data"


def test_damage_is_wrong_or_skipped(spark: Any, broken: Path, events_file: Path) -> None:
    with pytest.raises(WrongAnswerError, match=r"damaged input: .*0000001\.jpg: no intact image .*\(1 images lost\)"):
        _measured(spark, broken, events_file, "--formats=images", "--cache")
    events_file.write_text("")
    rows = _measured(spark, broken, events_file, "--formats=images", "--cache", "--on-damage=skip")
    assert sum(row["values"].get("damaged", 0) for row in rows) == 1
    assert sum(row["values"].get("images", 0) for row in rows) == 3 * (2 + 5) - 1
    assert "0000001.jpg" in read_events(events_file, "environment")[-1]["values"]["damaged"]


def test_exchanged_bytes_are_wrong_in_any_case(spark: Any, broken: Path, events_file: Path) -> None:
    (folder,) = broken.glob("*-images-*")
    contents = making.load(folder).contents
    shutil.copy(folder / contents.index[40].path, folder / contents.index[0].path)
    with pytest.raises(WrongAnswerError, match=r"checksum differs|bytes differs"):
        _measured(spark, broken, events_file, "--formats=images", "--on-damage=skip")


@pytest.mark.parametrize("file_format", ["images", "tfrecord"])
def test_a_users_own_folder(spark: Any, made: making.Dataset, tmp_path: Path, events_file: Path,
                            file_format: str) -> None:
    shutil.copytree(made.folder / file_format, tmp_path / "own")
    rows = _measured(spark, tmp_path, events_file, f"--data=file://{tmp_path}/own", f"--formats={file_format}")
    assert sum(row["values"].get("images", 0) for row in rows) == 3 * (2 + 5)
    assert "warm" in {row["parameters"].get("page_cache") for row in rows}


@pytest.mark.parametrize(("url", "message"), [
    pytest.param("s3a://bucket/flowers", "is no local folder.*read-speed reads buckets", id="bucket"),
    pytest.param("flowers", "is no local folder", id="relative"),
    pytest.param("/nowhere/flowers", "is no folder on the driver", id="absent"),
    pytest.param("file:///nowhere/flowers", "is no folder on the driver", id="absent-url"),
    pytest.param("file:/nowhere/flowers", "is no folder on the driver", id="absent-as-hadoop-writes-it"),
])
def test_data_that_tasks_cannot_open(url: str, message: str) -> None:
    with pytest.raises(BadArgumentsError, match=message):
        grid_source.own(url, ("images",), 6, skip=False)


@pytest.mark.parametrize(("file_format", "message"), [("images", r"has no class/image\.jpg"),
                                                      ("tfrecord", r"has no \*\.tfrecord")])
def test_an_empty_folder(tmp_path: Path, file_format: str, message: str) -> None:
    with pytest.raises(BadArgumentsError, match=message):
        grid_source.own(str(tmp_path), (file_format,), 6, skip=False)


@pytest.mark.parametrize(("given", "message"), [
    pytest.param("--batch-sizes=2,x", "'x' is no whole number", id="letter"),
    pytest.param("--batch-sizes=2,0", "0 is out of range", id="zero"),
    pytest.param("--batch-sizes=2,2", "'2,2' has a value twice", id="twice"),
    pytest.param("--batch-sizes=", "'' is no whole number", id="nothing"),
    pytest.param("--formats=images,png", "there is no format 'png': give some of images, tfrecord", id="format"),
    pytest.param("--page-cache=lukewarm", "invalid choice: 'lukewarm'", id="page-cache"),
])
def test_arguments_that_make_no_sense(given: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_grid.parser().parse_args([given])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("more", "said"), [
    pytest.param({}, "--batch-sizes up to 6 x --batch-numbers up to 11 ask for 66 images at once, and there are 60",
                 id="too-few-images"),
    pytest.param({"SHAPEBENCH_SEED": "x"}, "SHAPEBENCH_SEED='x' is no seed", id="seed"),
])
def test_what_cannot_work_is_said_before_spark_starts(start: Callable[..., Any], more: dict[str, str],
                                                      said: str) -> None:
    process = start("read_grid", *SMALL_OPTIONS, "--batch-numbers=11", **more)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in error


def test_the_program(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    process = start("read_grid", *SMALL_OPTIONS, *GRID, "--no-cache", SHAPEBENCH_EVENTS_FILE=str(events_file),
                    SHAPEBENCH_DATA_DIR=str(tmp_path / "data"),
                    PYSPARK_SUBMIT_ARGS=f'--master local[2] --driver-java-options "{QUICK_JVM}" pyspark-shell')
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    kinds = [event["event"] for event in read_events(events_file)]
    assert kinds[:3] == ["environment", "measured-started", "measured-finished"]
    assert set(kinds[3:]) == {"measurement"}
    assert read_events(events_file, "measurement")[0]["values"]["sets_read"] == 20
    assert "mean-by-format tfrecord: " in said

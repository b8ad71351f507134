"""train-stream: rounds and growth as rules, real TensorFlow on a stream, and two workers that decide alike."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ports
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench_jobs.dataset import making
from shapebench_jobs.harness.run import BadArgumentsError, EventFile, Run, WrongAnswerError
from shapebench_jobs.train_stream import job as train_stream
from shapebench_jobs.train_stream import rounds as stream_rounds
from shapebench_jobs.train_stream.rounds import Arrivals, Round, State

from .conftest import SMALL_OPTIONS, read_events

# TensorFlow uses what newer Python and numpy call deprecated.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"),
              pytest.mark.filterwarnings("ignore::FutureWarning"),
              pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.timeout(400)]

TEN = Arrivals(rate=10.0, interval_s=2.0, intervals=5)
"""Twenty images an interval."""


def _follow(arrivals: Arrivals, sizes: tuple[int, ...], seconds: Callable[[Round], float]) -> list[Round]:
    """A whole stream by the rules, with a clock of its own."""
    state, now_s, rounds = State(sizes[0]), 0.0, list[Round]()
    while not rounds or rounds[-1].interval < arrivals.intervals:
        now_s += stream_rounds.pause_s(arrivals, state, now_s)
        planned = stream_rounds.next_round(arrivals, state, now_s)
        now_s += seconds(planned)
        rounds.append(stream_rounds.with_outcome(planned, now_s, loss=1.0, accuracy=0.5))
        state = stream_rounds.after(state, rounds[-1], arrivals, sizes)
    return rounds


def test_rounds_that_keep_up() -> None:
    rounds = _follow(TEN, (8,), lambda _: 0.5)
    assert [(made.interval, made.arrived, made.waiting, made.steps) for made in rounds] == [
        (1, 20, 20, 2), (2, 20, 24, 3), (3, 20, 20, 2), (4, 20, 24, 3), (5, 20, 20, 2)]
    assert [made.started_s for made in rounds] == [2, 4, 6, 8, 10]
    values = stream_rounds.total_values(rounds, TEN)
    assert (values["keeps_up"], values["sustained_images_per_second"]) == (1, TEN.rate)
    assert (values["images_arrived"], values["images_trained"], values["images_waiting"]) == (100, 96, 4)
    assert values["images_per_second"] == pytest.approx(96 / 10.5)
    assert values["busy_share"] == pytest.approx(5 * 0.5 / 10.5)


def test_rounds_that_fall_behind_start_at_once_and_take_one_intervals_images() -> None:
    rounds = _follow(TEN, (10,), lambda planned: 0.3 * planned.images)
    assert [(made.started_s, made.interval, made.images) for made in rounds] == [(2, 1, 20), (8, 4, 20), (14, 7, 20)]
    values = stream_rounds.total_values(rounds, TEN)
    assert (values["keeps_up"], values["sustained_images_per_second"]) == (0, 0)
    assert values["lag_slope"] > 0.5
    assert values["images_waiting"] == 40


def test_what_was_left_behind_is_made_up_for() -> None:
    """A slow first round, then fast ones: they do not wait for an interval's end as long as a batch waits."""
    rounds = _follow(replace(TEN, intervals=8), (10,), lambda planned: 7.0 if planned.started_s == 2 else 0.2)
    assert rounds[1].started_s == 9
    assert [made.waiting for made in rounds[1:5]] == [60, 40, 20, 20]
    assert rounds[-1].waiting == rounds[-1].images
    assert stream_rounds.total_values(rounds, replace(TEN, intervals=8))["keeps_up"] == 1


def test_a_batch_larger_than_an_interval_waits_until_it_is_full() -> None:
    rounds = _follow(TEN, (50,), lambda planned: 0.1 * planned.steps)
    assert [(made.waiting, made.steps) for made in rounds] == [(20, 0), (40, 0), (60, 1), (30, 0), (50, 1)]
    values = stream_rounds.total_values(rounds, TEN)
    assert values["keeps_up"] == 1
    assert values["updates"] == 2
    assert "round_loss" not in stream_rounds.round_values(rounds[0])


@pytest.mark.parametrize(("seconds", "grown"), [
    pytest.param(3.9, 8, id="fast-enough"), pytest.param(4.1, 16, id="too-slow")])
def test_growth(seconds: float, grown: int) -> None:
    made = Round(1, 40, 40, 8, 5, started_s=2.0, ended_s=2.0 + seconds)
    assert stream_rounds.grown(8, made, TEN.rate, (8, 16, 24)) == grown
    assert stream_rounds.grown(24, made, TEN.rate, (8, 16, 24)) == 24, "no larger than the largest"


def test_growth_makes_a_slow_training_keep_up() -> None:
    """A step costs the same whatever its batch: what growing is for."""
    arrivals = replace(TEN, intervals=30)

    def step_s(planned: Round) -> float:
        return 1.1 * planned.steps

    fixed, growing = (_follow(arrivals, sizes, step_s) for sizes in ((5,), (5, 10, 20, 40)))
    assert stream_rounds.total_values(fixed, arrivals)["keeps_up"] == 0
    values = stream_rounds.total_values(growing, arrivals)
    assert (values["keeps_up"], values["final_batch_size"]) == (1, 20)


@pytest.mark.parametrize(("smallest", "largest", "sizes"), [
    (8, 8, (8,)), (8, 64, (8, 16, 32, 64)), (8, 50, (8, 16, 32, 50)), (3, 4, (3, 4))])
def test_sizes(smallest: int, largest: int, sizes: tuple[int, ...]) -> None:
    assert stream_rounds.sizes(smallest, largest) == sizes


@given(st.floats(0.1, 500), st.floats(0.1, 20), st.integers(3, 20), st.integers(1, 64), st.booleans(),
       st.lists(st.floats(0, 60), min_size=1, max_size=7))
def test_no_image_is_lost_or_made_up(rate: float, interval_s: float, intervals: int, batch_size: int, grow: bool,
                                     times: list[float]) -> None:
    arrivals = Arrivals(rate, interval_s, intervals)
    sizes = stream_rounds.sizes(batch_size, 8 * batch_size if grow else batch_size)
    turns = iter(times * 10_000)
    rounds = _follow(arrivals, sizes, lambda planned: next(turns) if planned.steps else 0.0)
    counted = sum(made.images for made in rounds)
    stream_rounds.check_counted(rounds, counted, arrivals)
    assert all(0 <= made.images <= made.waiting for made in rounds)
    assert [made.batch_size for made in rounds] == sorted(made.batch_size for made in rounds)
    with pytest.raises(WrongAnswerError, match="images were trained with"):
        stream_rounds.check_counted(rounds, counted + 1, arrivals)


def _options(*argv: str) -> Any:
    return train_stream.parser().parse_args(argv)


@pytest.mark.parametrize(("argv", "message"), [
    (["--duration=10", "--interval=4"], "--duration=10 is less than three times --interval=4"),
    (["--rate=1", "--duration=20", "--batch-size=32"], "--batch-size=32 is more than all 20 images of the stream"),
    (["--max-batch-size=64"], "--max-batch-size is for --grow-batch"),
    (["--grow-batch", "--max-batch-size=16"], "--max-batch-size=16 is less than --batch-size=32"),
    (["--strategy=multi-worker-mirrored"], "needs two workers or more"),
])
def test_impossible_options(argv: list[str], message: str) -> None:
    with pytest.raises(BadArgumentsError, match=message):
        train_stream.task(_options(*argv), {})


@pytest.mark.parametrize("argument", ["--rate=0", "--rate=-3", "--interval=0", "--duration=x", "--batch-size=0",
                                      "--strategy=parameter-server"])
def test_values_out_of_range(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        _options(argument)
    assert argument.partition("=")[0] in capsys.readouterr().err


def _train(events_file: Path, data_dir: Path, *argv: str) -> None:
    sink = EventFile(str(events_file))
    try:
        train_stream.train_stream(_options(*SMALL_OPTIONS, f"--data-dir={data_dir}", *argv), Run(sink), {})
    finally:
        sink.close()


def test_a_stream_is_trained_on(tf: Any, made: making.Dataset, data_dir: Path, events_file: Path) -> None:
    _train(events_file, data_dir, "--rate=80", "--interval=0.5", "--duration=3", "--batch-size=16")
    total, *rounds = read_events(events_file, "measurement")
    values = total["values"]
    assert values["images_arrived"] == 240
    assert values["images_trained"] + values["images_waiting"] == 240
    assert values["images_trained"] == sum(row["values"]["round_trained"] for row in rounds) > 0
    assert values["final_loss"] < rounds[0]["values"]["round_loss"]
    assert total["parameters"] == {"rate": 80.0, "batch_size": 16}
    assert not set(values) & set(rounds[0]["values"]), "an objective is the median over all rows with its name"


def test_an_interval_shorter_than_a_step(tf: Any, made: making.Dataset, data_dir: Path, events_file: Path) -> None:
    with pytest.raises(BadArgumentsError, match=r"--interval=1e-05 is shorter than one step of --batch-size=16"):
        _train(events_file, data_dir, "--rate=1e7", "--interval=0.00001", "--duration=1", "--batch-size=16")
    assert not read_events(events_file, "measured-started")


def test_a_large_batch_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    task = train_stream.task(_options("--rate=10", "--interval=5", "--batch-size=64"), {})
    train_stream._say_what_waits(task)
    assert "a batch of 64 is more than the 50 images of an interval" in capsys.readouterr().err


def test_two_workers_decide_alike(start: Callable[..., subprocess.Popen[str]], tmp_path: Path, data_dir: Path,
                                  made: making.Dataset) -> None:
    """More than two processes can train on, so the batch grows and rounds start late: the same ones on both."""
    workers = [f"127.0.0.1:{port}" for port in ports.free(2)]
    processes = []
    for index in range(2):
        config = json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})
        processes.append(start("train_stream", *SMALL_OPTIONS, "--rate=1200", "--interval=0.5", "--duration=1.5",
                               "--batch-size=3", "--grow-batch", "--max-batch-size=12",
                               TF_CONFIG=config, SHAPEBENCH_CPU="1", SHAPEBENCH_WORKERS="2",
                               SHAPEBENCH_DATA_DIR=str(data_dir),
                               SHAPEBENCH_EVENTS_FILE=str(tmp_path / f"events{index}")))
    said = [process.communicate(timeout=380)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    rows = [read_events(tmp_path / f"events{index}", "measurement") for index in range(2)]
    assert rows[0] == rows[1]
    values = rows[0][0]["values"]
    assert values["replicas_in_sync"] == 2
    assert values["final_batch_size"] > 3
    assert values["weights_crc32"] > 0

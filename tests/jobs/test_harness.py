"""The harness: events for the agent, exit codes, words for a person."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from shapebench.api import wire
from shapebench_jobs.files import data_folder
from shapebench_jobs.harness import run as harness


@pytest.mark.parametrize("name", [
    "ENV_EVENTS_FILE", "ENV_WORKERS", "ENV_CPU", "ENV_SEED", "EVENT_MEASURED_STARTED", "EVENT_MEASURED_FINISHED",
    "EVENT_MEASUREMENT", "EVENT_ENVIRONMENT", "EVENT_WRONG_ANSWER", "EXIT_WRONG_ANSWER",
])
def test_names_are_those_of_the_wire(name: str) -> None:
    assert getattr(harness, name) == getattr(wire, name)


def test_data_dir_is_that_of_the_wire() -> None:
    assert str(data_folder.POD_DATA_DIR) == wire.DATA_DIR


def _work(run: harness.Run) -> None:
    run.environment({"spark": "4"})
    with run.measured():
        pass
    run.measurement({"format": "images"}, {"images": 3, "seconds": 0.5})


def test_events_are_lines_appended_to_the_file(events_file: Path) -> None:
    events_file.write_text('{"event": "before"}\n')
    assert harness.perform(_work, {harness.ENV_EVENTS_FILE: str(events_file)}) == 0
    events = [json.loads(line) for line in events_file.read_text().splitlines()]
    assert [event["event"] for event in events] == [
        "before", "environment", "measured-started", "measured-finished", "measurement"]
    assert events[2]["time_s"] <= events[3]["time_s"]
    assert events[4] == {"event": "measurement", "parameters": {"format": "images"},
                         "values": {"images": 3, "seconds": 0.5}}


def test_events_reach_a_reader_of_a_fifo_while_the_job_runs(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    lines: list[str] = []
    first = threading.Event()

    def follow() -> None:
        with fifo.open() as reader:
            for line in reader:
                lines.append(line)
                first.set()

    def job(run: harness.Run) -> None:
        run.environment({"a": "b"})
        assert first.wait(10)

    reader = threading.Thread(target=follow)
    reader.start()
    assert harness.perform(job, {harness.ENV_EVENTS_FILE: str(fifo)}) == 0
    reader.join(10)
    assert [json.loads(line)["event"] for line in lines] == ["environment"]


def test_without_a_file_a_person_reads_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness.perform(_work, {}) == 0
    said = capsys.readouterr().err
    assert "clock started" in said
    assert "summary: " in said
    assert "format=images: images=3  seconds=0.5" in said


def test_wrong_answer_is_an_event_a_message_and_an_exit_code(
        events_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def job(run: harness.Run) -> None:
        with run.measured():
            raise harness.WrongAnswerError("3 is not 4")

    assert harness.perform(job, {harness.ENV_EVENTS_FILE: str(events_file)}) == 65
    events = [json.loads(line) for line in events_file.read_text().splitlines()]
    assert [event["event"] for event in events] == ["measured-started", "wrong-answer"]
    assert events[1]["message"] == "3 is not 4"
    assert "WRONG ANSWER: 3 is not 4" in capsys.readouterr().err


def test_other_errors_pass_through(events_file: Path) -> None:
    def job(_: harness.Run) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        harness.perform(job, {harness.ENV_EVENTS_FILE: str(events_file)})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_only_finite_numbers_are_measurements(value: float, events_file: Path) -> None:
    with pytest.raises(ValueError, match="loss is"):
        harness.perform(lambda run: run.measurement({}, {"loss": value}), {harness.ENV_EVENTS_FILE: str(events_file)})
    assert events_file.read_text() == ""


def test_a_measurement_has_a_name_that_the_job_tells(events_file: Path) -> None:
    environ = {harness.ENV_EVENTS_FILE: str(events_file)}
    assert harness.perform(_work, environ, measured=("images", "seconds")) == 0
    with pytest.raises(ValueError, match="measurement seconds is not in the job's MEASURED"):
        harness.perform(_work, environ, measured=("images",))

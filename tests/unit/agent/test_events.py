"""What the job's harness writes, read through the pipe."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shapebench.agent.events import EventPipe, Story
from shapebench.api import wire


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def pipe(tmp_path: Path, heard: list[str]) -> Iterator[EventPipe]:
    with EventPipe((str(tmp_path),), heard.append) as open_pipe:
        yield open_pipe


def append(pipe: EventPipe, text: str) -> None:
    assert pipe.path is not None
    with pipe.path.open("a") as file:
        file.write(text)


def test_lines_of_several_writers_one_after_the_other(pipe: EventPipe) -> None:
    append(pipe, '{"event": "a"}\n')
    assert pipe.path is not None
    subprocess.run(["sh", "-c", f"echo '{{\"event\": \"b\"}}' >> {pipe.path}"], check=True)
    append(pipe, '{"event": "c"}\n{"event": "d"}\n')
    assert [event["event"] for event in pipe.read()] == list("abcd")
    assert pipe.read() == []


def test_a_line_in_two_pieces(pipe: EventPipe) -> None:
    append(pipe, '{"event": ')
    assert pipe.read() == []
    append(pipe, '"a"}\n')
    assert pipe.read() == [{"event": "a"}]


def test_what_is_no_event_is_said_and_left_out(pipe: EventPipe, heard: list[str]) -> None:
    append(pipe, 'hello\n[1]\n{"no": "event"}\n\xff\n\n{"event": "a"}\n')
    assert pipe.read() == [{"event": "a"}]
    assert len(heard) == 4


DEEP = "[" * 200_000
NESTED = 900 * "[" + 900 * "]"
ODD_LINES = [
    pytest.param(DEEP, id="too deep to read"),
    pytest.param('{"event": "measurement", "values": {"n": 1' + 400 * "0" + "}}", id="a number no float can hold"),
    pytest.param('{"event": "measurement", "parameters": {"n": 1' + 400 * "0" + "}}", id="and as a parameter"),
    pytest.param('{"event": "measured-finished", "time_s": 1' + 400 * "0" + "}", id="and as a time"),
    pytest.param('{"event": "environment", "values": {"n": ' + NESTED + "}}", id="deep, but readable"),
    pytest.param('{"event": "measurement", "parameters": {"n": ' + NESTED + "}}", id="the same to write"),
]


@pytest.mark.parametrize("line", ODD_LINES)
def test_no_line_ends_the_agent(run, python, line: str) -> None:
    result = run(*python(f"""
        import os
        with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
            file.write({line[:2000]!r} + {line[2000:3000]!r} * {max(0, len(line) - 2000) // 1000} + "\\n")
            file.write('{{"event": "measurement", "values": {{"after": 1}}}}\\n')
        raise SystemExit(3)
    """))
    assert "Traceback" not in result.stdout
    assert (result.code, result.record.exit_code) == (3, 3)
    assert result.record.measurements[-1].values == {"after": 1}


def test_nothing_stays_behind(tmp_path: Path, heard: list[str]) -> None:
    with EventPipe((str(tmp_path),), heard.append) as pipe:
        append(pipe, "x\n")
    assert list(tmp_path.iterdir()) == []


def test_the_second_directory_where_the_first_cannot_be_written(tmp_path: Path, heard: list[str]) -> None:
    with EventPipe((str(tmp_path / "missing"), str(tmp_path)), heard.append) as pipe:
        assert pipe.path is not None
        assert pipe.path.is_relative_to(tmp_path)


def test_no_directory_at_all_is_no_failure(tmp_path: Path, heard: list[str]) -> None:
    with EventPipe((str(tmp_path / "missing"),), heard.append) as pipe:
        assert pipe.path is None
        assert pipe.read() == []
    assert "no events" in heard[0]


def tell(*lines: str) -> Story:
    story = Story()
    for line in lines:
        story.tell(json.loads(line))
    return story


def test_a_new_start_forgets_the_old_end() -> None:
    story = Story()
    for name, at_s in ((wire.EVENT_MEASURED_STARTED, 1.5), (wire.EVENT_MEASURED_FINISHED, 2.25)):
        story.mark(name, at_s)
    assert (story.measured_started_s, story.measured_finished_s) == (1.5, 2.25)
    story.mark(wire.EVENT_MEASURED_STARTED, 3)
    assert (story.measured_started_s, story.measured_finished_s) == (3, None)


def test_measurements_keep_scalars_and_finite_numbers() -> None:
    [row] = tell('{"event": "measurement", "parameters": {"b": 2, "f": "x", "c": true, "l": [1]},'
                 ' "values": {"rate": 1.5, "loss": NaN, "n": 3, "ok": true, "t": "x"}}').measurements
    assert row.parameters == {"b": 2, "f": "x", "c": True, "l": "[1]"}
    assert row.values == {"rate": 1.5, "n": 3}


def test_environment_adds_up_as_text() -> None:
    story = tell('{"event": "environment", "values": {"a": 1, "b": "x"}}',
                 '{"event": "environment", "values": {"b": "y"}}')
    assert story.environment == {"a": "1", "b": "y"}


@pytest.mark.parametrize("line", [
    '{"event": "from the future"}', '{"event": "measurement"}', '{"event": "environment", "values": [1]}',
    '{"event": "measurement", "values": "x", "parameters": 3}',
])
def test_odd_events_do_no_harm(line: str) -> None:
    tell(line)


def test_the_first_wrong_answer_is_told() -> None:
    wrong = wire.EVENT_WRONG_ANSWER
    story = tell(f'{{"event": "{wrong}", "message": "5 images, not 6"}}', f'{{"event": "{wrong}", "message": "later"}}')
    assert story.wrong_answer == "5 images, not 6"

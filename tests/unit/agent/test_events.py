"""What the job's harness writes, read through the pipe."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shapebench.agent.events import ROOM, EventPipe, Room, Story
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
    assert list(pipe.read()) == []


def test_a_line_in_two_pieces(pipe: EventPipe) -> None:
    append(pipe, '{"event": ')
    assert list(pipe.read()) == []
    append(pipe, '"a"}\n')
    assert list(pipe.read()) == [{"event": "a"}]


@pytest.mark.parametrize(("written", "events", "words"), [
    pytest.param('{"event": "a"}', [{"event": "a"}], [], id="whole"),
    pytest.param('{"event": "a"}\n{"event": "b"}', [{"event": "a"}, {"event": "b"}], [], id="after-another"),
    pytest.param('{"event": ', [], ["not an event, left out: b'{\"event\": '"], id="cut-off"),
    pytest.param("  ", [], [], id="blank"),
])
def test_the_last_line_needs_no_line_end(pipe: EventPipe, heard: list[str], written: str, events: list[dict[str, str]],
                                         words: list[str]) -> None:
    append(pipe, written)
    assert list(pipe.read(last=True)) == events
    assert heard == words


def test_what_a_program_says_last_without_a_line_end_is_in_the_record(run, python) -> None:
    result = run(*python("""
        import json, os
        with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
            json.dump({"event": "measurement", "values": {"score": 7}}, file)
    """))
    assert [one.values for one in result.record.measurements] == [{"score": 7}]


def test_what_is_no_event_is_said_and_left_out(pipe: EventPipe, heard: list[str]) -> None:
    append(pipe, 'hello\n[1]\n{"no": "event"}\n\xff\n\n{"event": "a"}\n')
    assert list(pipe.read()) == [{"event": "a"}]
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
        assert list(pipe.read()) == []
    assert "no events" in heard[0]


def tell(*lines: str) -> Story:
    story = Story(print)
    for line in lines:
        story.tell(json.loads(line))
    return story


def test_a_new_start_forgets_the_old_end() -> None:
    story = Story(print)
    for name, at_s in ((wire.EVENT_MEASURED_STARTED, 1.5), (wire.EVENT_MEASURED_FINISHED, 2.25)):
        story.mark(name, at_s)
    assert (story.measured_started_s, story.measured_finished_s) == (1.5, 2.25)
    story.mark(wire.EVENT_MEASURED_STARTED, 3)
    assert (story.measured_started_s, story.measured_finished_s) == (3, None)


def test_measurements_keep_scalars_and_finite_numbers() -> None:
    [text] = tell('{"event": "measurement", "parameters": {"b": 2, "f": "x", "c": true, "l": [1]},'
                 ' "values": {"rate": 1.5, "loss": NaN, "n": 3, "ok": true, "t": "x"}}').measurements
    assert json.loads(text) == {"parameters": {"b": 2, "f": "x", "c": True, "l": "[1]"},
                                "values": {"rate": 1.5, "n": 3}}


ROW = {"event": "measurement", "values": {"n": 1}}
SHORT = '{"parameters":{},"values":{"n":1}}'


@pytest.mark.parametrize("room", [
    pytest.param(ROOM._replace(rows=3), id="rows"),
    pytest.param(ROOM._replace(rows_bytes=4 * len(SHORT) - 1), id="bytes"),
])
def test_rows_beyond_the_room_are_counted(heard: list[str], room: Room) -> None:
    story = Story(heard.append, room)
    for event in (ROW, ROW, ROW, {**ROW, "parameters": {"p": "x" * 200}}, ROW):
        story.tell(event)
    assert (story.measurements, story.measurements_left_out) == ([SHORT] * 3, 2)
    assert heard == ["the record holds 3 measurements and no more; the others are counted"]


def test_facts_have_a_room_too_and_one_that_is_told_again_takes_it_once(heard: list[str]) -> None:
    story = Story(heard.append, ROOM._replace(facts_bytes=10, message_chars=5))
    for values in ({"a": "12345"}, *9 * [{"a": "1234"}], {"b": "123456"}, {"c": "123"}, {"d": "12345678"}):
        story.tell({"event": "environment", "values": values})
    story.tell({"event": "wrong-answer", "message": "x" * 99})
    assert (story.environment, story.wrong_answer) == ({"a": "1234", "c": "123"}, "x" * 5)
    assert len(heard) == 1


def test_a_flood_of_rows_ends_as_a_whole_record(run, python) -> None:
    result = run(*python("""
        import os
        with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
            for n in range(100_000):
                file.write('{"event":"measurement","parameters":{"n":%d},"values":{"a":1,"b":2}}\\n' % n)
    """))
    assert (len(result.record.measurements), result.record.measurements_left_out) == (ROOM.rows, 100_000 - ROOM.rows)
    assert result.record.measurements[-1].parameters == {"n": ROOM.rows - 1}


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

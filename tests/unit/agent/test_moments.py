"""Marks and clocks: a wall clock that is set meanwhile changes no duration."""

from __future__ import annotations

from typing import Any

import pytest

from shapebench.agent.moments import Instant, WallClock, made_at
from shapebench.api.wire import EVENT_MEASURED_FINISHED as FINISHED
from shapebench.api.wire import EVENT_MEASURED_STARTED as STARTED

HEARD = Instant(own_s=1000.0, steady_s=50.0, wall_s=1000.0)
SET_FORWARD = HEARD._replace(wall_s=4600.0)
SET_BACK = HEARD._replace(wall_s=980.0)
TOO_LARGE = 10**400


@pytest.mark.parametrize(("heard", "told", "at_s"), [
    pytest.param(HEARD, {"monotonic_s": 49.75, "time_s": 3.0}, 999.75, id="the steady clock wins"),
    pytest.param(SET_BACK, {"monotonic_s": 38.0, "time_s": 988.0}, 988.0, id="also long ago, with the wall clock set"),
    pytest.param(HEARD, {"monotonic_s": 51.0, "time_s": 999.5}, 999.5, id="another machine's steady clock: later"),
    pytest.param(HEARD, {"monotonic_s": 2.0, "time_s": 999.5}, 999.5, id="another machine's: before the program"),
    pytest.param(HEARD, {"time_s": 999.75}, 999.75, id="the wall clock alone"),
    pytest.param(HEARD, {"time_s": 988.0}, 988.0, id="told long after"),
    pytest.param(HEARD, {"time_s": 970.0}, 1000.0, id="before the program: as heard"),
    pytest.param(HEARD, {"time_s": 1000.5}, 1000.0, id="in the future: as heard"),
    pytest.param(SET_FORWARD, {"time_s": 4599.75}, 999.75, id="set forward, before the mark"),
    pytest.param(SET_FORWARD, {"time_s": 999.75}, 1000.0, id="set forward, after the mark"),
    pytest.param(SET_BACK, {"time_s": 979.75}, 999.75, id="set back, before the mark"),
    pytest.param(SET_BACK, {"time_s": 975.0}, 1000.0, id="set back, and told long after: as heard"),
    pytest.param(HEARD, {}, 1000.0, id="no time"),
    pytest.param(HEARD, {"monotonic_s": True, "time_s": "999"}, 1000.0, id="no numbers"),
    pytest.param(HEARD, {"monotonic_s": TOO_LARGE, "time_s": TOO_LARGE}, 1000.0, id="numbers that no float can hold"),
])
def test_when_a_mark_was_made(heard: Instant, told: dict[str, Any], at_s: float) -> None:
    """The program began 20 seconds ago."""
    assert made_at({"event": STARTED, **told}, heard, 980.0) == at_s


@pytest.mark.parametrize(("marks", "said"), [
    pytest.param([(STARTED, 5000.0, 10.0), (FINISHED, 5003.0, 13.02)], False, id="agree"),
    pytest.param([(STARTED, 5000.0, 10.0), (FINISHED, 5003.0, 13.2)], True, id="do not"),
    pytest.param([(STARTED, 5000.0, 10.0), (FINISHED, 5100.0, 110.5)], False, id="within one per cent"),
    pytest.param([(STARTED, 5000.0, 10.0), (FINISHED, 4980.0, 11.5)], True, id="set back"),
    pytest.param([(STARTED, None, 10.0), (FINISHED, 4980.0, 11.5)], False, id="one is not told"),
    pytest.param([(STARTED, 1.0, 10.0), (STARTED, 5000.0, 12.0), (FINISHED, 5001.0, 13.0)], False, id="marked again"),
    pytest.param([(FINISHED, 5001.0, 13.0)], False, id="an end alone"),
])
def test_what_is_said_of_a_wall_clock_that_was_set(marks: list[tuple[str, float | None, float]], said: bool) -> None:
    heard: list[str] = []
    clock = WallClock(heard.append)
    for event, time_s, at_s in marks:
        clock.compare({"event": event, "time_s": time_s}, at_s)
    assert any("the steady clock" in line for line in heard) == said


JOB = """
import json, os, pathlib, time
ahead = pathlib.Path("ahead")
def mark(event):
    told = {"event": event}
    if TELLS_WALL:
        told["time_s"] = time.time() + float(ahead.read_text())
    if TELLS_STEADY:
        told["monotonic_s"] = time.monotonic()
    with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
        file.write(json.dumps(told) + "\\n")
before = time.monotonic()
mark("measured-started")
time.sleep(0.3)
ahead.write_text("STEP_S")
time.sleep(0.3)
mark("measured-finished")
print("lasted", time.monotonic() - before)
time.sleep(0.1)
"""


@pytest.mark.parametrize("step_s", [pytest.param(3600, id="an hour forward"), pytest.param(-20, id="20 s back"),
                                    pytest.param(0, id="not set")])
@pytest.mark.parametrize(("wall", "steady"), [
    pytest.param(True, True, id="as our harness marks"), pytest.param(True, False, id="wall clock alone"),
    pytest.param(False, False, id="without times")])
def test_the_wall_clock_is_set_within_the_measured_part(
        run_heard_in_time, python, another_wall_clock: tuple[str, ...], step_s: int, wall: bool, steady: bool) -> None:
    """The agent and its program see the same wall clock, which is set between the marks."""
    job = JOB.replace("STEP_S", str(step_s)).replace("TELLS_WALL", str(wall)).replace("TELLS_STEADY", str(steady))
    result = run_heard_in_time(*python(job), prefix=another_wall_clock)
    record, lasted_s = result.record, float(result.stdout.partition("lasted ")[2].split()[0])
    assert record.measured_finished_s - record.measured_started_s == pytest.approx(
        lasted_s, abs=0.02 if steady else 1), "without a steady clock it is heard when the machine lets the agent"
    assert record.program_started_s < record.measured_started_s < record.measured_finished_s <= (
        record.program_finished_s)
    assert record.measured_usage is not None
    assert ("the wall clock was set meanwhile" in result.stdout) == (wall and step_s != 0)

"""When the measured part starts and ends, and for whom, with a made clock."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from shapebench.agent.announcer import Announcer
from shapebench.agent.counters import Counters, Cpu, Pressure
from shapebench.agent.marks import Mark
from shapebench.agent.measured import MeasuredPart
from shapebench.agent.sampler import Sampler
from shapebench.agent.surroundings import Survey
from shapebench.api.wire import EVENT_MEASURED_FINISHED as FINISHED
from shapebench.api.wire import EVENT_MEASURED_STARTED as STARTED


class Machine:
    """A second of time uses a second of CPU."""

    kind = "processes"

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def read(self) -> Counters:
        return Counters(Cpu(self.now))

    def memory_bytes(self) -> int | None:
        return None

    def pressure(self) -> Pressure:
        return Pressure(cpu_s=self.now)


class Scene:
    """A measured part, and what it comes to in CPU seconds and in seconds that were looked around in."""

    def __init__(self, *, follows: bool) -> None:
        self.machine = Machine()
        clock = self.machine.clock
        self.log: list[str] = []
        self.sampler = Sampler(self.machine, clock, 60.0, self.log.append)
        self.survey = Survey(Path("/nowhere"), self.machine, clock)
        self.part = MeasuredPart(self.sampler, self.survey, None if follows else Announcer(clock), clock,
                                 self.log.append)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.machine.now += seconds
        act()

    def say(self, event: str, late_s: float = 0.0) -> bool:
        return self.part.says(event, self.machine.now - late_s)

    def hear(self, number: int, event: str, ago_s: float) -> None:
        self.part.hears(Mark(number, event, self.machine.now - ago_s))

    def end(self) -> tuple[float | None, float | None]:
        self.part.program_ends()
        self.machine.now += 7  # what the program left behind is swept up
        self.sampler.finish()
        usage = self.sampler.measured_usage()
        return usage and usage.cpu_seconds, self.survey.report(self.sampler.window).window_s


def test_without_marks_it_is_the_programs_life() -> None:
    scene = Scene(follows=False)
    scene.after(3, scene.part.program_starts)
    scene.machine.now += 5
    assert scene.end() == (5, 5)


@pytest.mark.parametrize(("marks", "seconds"), [
    pytest.param([(2, STARTED), (4, FINISHED)], 4, id="both"),
    pytest.param([(2, STARTED)], 5, id="no end: the program's"),
    pytest.param([(2, FINISHED)], 2, id="no start: the program's"),
    pytest.param([(2, STARTED), (1, FINISHED), (1, STARTED), (3, FINISHED)], 3, id="the last start counts"),
    pytest.param([(2, STARTED), (1, FINISHED), (1, FINISHED)], 1, id="the first end counts"),
    pytest.param([(2, FINISHED), (1, FINISHED)], 2, id="so without a start"),
])
def test_the_programs_own_marks(marks: list[tuple[float, str]], seconds: float) -> None:
    scene = Scene(follows=False)
    scene.part.program_starts()
    for pause_s, event in marks:
        scene.after(pause_s, lambda event=event: scene.say(event))
    scene.machine.now += 5
    assert scene.end() == (seconds, seconds)


def test_what_is_marked_twice_is_said() -> None:
    scene = Scene(follows=False)
    scene.part.program_starts()
    counted = [scene.say(event) for event in (STARTED, FINISHED, FINISHED, STARTED, FINISHED)]
    assert counted == [True, True, False, True, True]
    assert ["had not started" in scene.log[0], "the last one counts" in scene.log[1]] == [True, True]


@pytest.mark.parametrize(("late", "length_s", "known"), [
    pytest.param((0.03, 0.04), 1, True, id="as a busy machine is"),
    pytest.param((0.3, 0.0), 1, False, id="a start read too late"),
    pytest.param((0.0, 0.3), 1, False, id="an end read too late"),
    pytest.param((0.06, 0.06), 1, False, id="both together"),
    pytest.param((0.3, 0.3), 60, True, id="less than two per cent"),
])
def test_the_programs_own_marks_read_late(late: tuple[float, float], length_s: float, known: bool) -> None:
    scene = Scene(follows=False)
    scene.part.program_starts()
    scene.after(2 + late[0], lambda: scene.say(STARTED, late[0]))
    scene.after(length_s - late[0] + late[1], lambda: scene.say(FINISHED, late[1]))
    scene.machine.now += 5
    assert (scene.end()[0] is not None) == known
    assert any("late: its usage is not known" in line for line in scene.log) != known


def test_a_start_read_too_late_without_an_end() -> None:
    scene = Scene(follows=False)
    scene.part.program_starts()
    scene.after(2, lambda: scene.say(STARTED, 1.0))
    scene.machine.now += 5
    assert scene.end()[0] is None


def test_a_new_pair_in_time_makes_good_a_late_one() -> None:
    scene = Scene(follows=False)
    scene.part.program_starts()
    for pause_s, event, late_s in ((2, STARTED, 1.0), (3, FINISHED, 0.0), (1, STARTED, 0.0), (4, FINISHED, 0.0)):
        scene.after(pause_s, lambda told=(event, late_s): scene.say(*told))
    assert scene.end()[0] == 4


def test_a_follower_that_never_heard_anything_knows_nothing() -> None:
    scene = Scene(follows=True)
    scene.part.program_starts()
    scene.machine.now += 5
    assert scene.end() == (None, 5)


@pytest.mark.parametrize(("heard", "seconds"), [
    pytest.param([(2, STARTED, 0.01), (4, FINISHED, 0.01)], 4, id="marks as they come"),
    pytest.param([(2, STARTED, 30), (4, FINISHED, 0.01)], 6, id="started before this pod was there"),
    pytest.param([(2, STARTED, 30), (1, STARTED, 0.0), (3, FINISHED, 0.0)], 3, id="the program's start, then a mark"),
    pytest.param([(2, STARTED, 0.01)], 5, id="ends with this pod's program"),
    pytest.param([(2, STARTED, 0.3), (20, FINISHED, 0.05)], 20, id="late by less than two per cent"),
    pytest.param([(2, STARTED, 1.5), (4, FINISHED, 0.01)], None, id="a start heard too late"),
    pytest.param([(2, STARTED, 0.0), (4, FINISHED, 1.0)], None, id="an end heard too late"),
    pytest.param([(2, STARTED, 1.5)], None, id="a start heard too late, and no end"),
    pytest.param([(2, FINISHED, 0.0)], None, id="an end alone"),
    pytest.param([(2, STARTED, 30), (0, FINISHED, 20)], 0, id="all over before this pod was there"),
])
def test_what_a_follower_hears(heard: list[tuple[float, str, float]], seconds: float | None) -> None:
    scene = Scene(follows=True)
    scene.part.program_starts()
    for number, (pause_s, event, ago_s) in enumerate(heard, start=1):
        scene.after(pause_s, lambda told=(number, event, ago_s): scene.hear(*told))
    scene.machine.now += 5
    measured, _ = scene.end()
    assert measured == (None if seconds is None else pytest.approx(seconds))
    if any(ago_s >= 1 for _, _, ago_s in heard) and seconds is None:
        assert "heard" in scene.log[0]


def test_a_followers_own_marks_win() -> None:
    scene = Scene(follows=True)
    scene.part.program_starts()
    scene.after(1, lambda: scene.say(STARTED))
    scene.after(1, lambda: scene.hear(1, STARTED, 0.0))
    scene.after(1, lambda: scene.hear(2, FINISHED, 0.0))
    scene.after(1, lambda: scene.say(FINISHED))
    assert scene.end() == (3, 3)


def test_surroundings_are_of_the_same_stretch() -> None:
    scene = Scene(follows=False)
    scene.part.program_starts()
    scene.after(2, lambda: scene.say(STARTED))
    scene.after(4, lambda: scene.say(FINISHED))
    scene.end()
    assert scene.survey.report(scene.sampler.window).cpu_pressure_seconds == 4


def test_a_follower_that_takes_nothing_is_let_go() -> None:
    """A paused process must not hold up the leader, whose next step may be the measured one."""
    announcer = Announcer(lambda: 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        taken, _ = server.accept()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        announcer.follow(taken)
        for _ in range(20_000):
            announcer.tell(STARTED)
            if taken.fileno() < 0:
                break
        client.close()
    assert taken.fileno() < 0

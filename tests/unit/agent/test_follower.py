"""One agent tells another of its measured part, over real connections."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import exactness
import pytest

from shapebench.agent import marks
from shapebench.agent.announcer import Announcer
from shapebench.agent.follower import Follower
from shapebench.agent.http import Server
from shapebench.agent.marks import Mark
from shapebench.api import wire
from shapebench.api.wire import EVENT_MEASURED_FINISHED as FINISHED
from shapebench.api.wire import EVENT_MEASURED_STARTED as STARTED

TELLS = 40


class Ears:
    """A follower, and the moments at which its main thread would wake up."""

    def __init__(self, port: int) -> None:
        self.woken: list[float] = []
        self.event = threading.Event()
        self.follower = Follower(("127.0.0.1", port), time.monotonic, self._wake)
        self.follower.start()

    def _wake(self) -> None:
        self.woken.append(time.monotonic())
        self.event.set()

    def wait(self) -> list[Mark]:
        assert self.event.wait(10), "nothing was heard"
        self.event.clear()
        return self.follower.marks()


@pytest.fixture
def announcer() -> Announcer:
    return Announcer(time.monotonic)


@pytest.fixture
def server(announcer: Announcer) -> Iterator[Server]:
    serving = Server(0, {}, {wire.MEASURED_PATH: announcer.follow})
    serving.start()
    yield serving
    announcer.close()
    serving.close()


def test_a_mark_is_heard_within_milliseconds(announcer: Announcer, server: Server) -> None:
    announcer.tell(STARTED)
    ears = Ears(server.port)
    ears.wait()
    delays_s = []
    for _ in range(TELLS):
        told_s = time.monotonic()
        announcer.tell(STARTED)
        [mark] = ears.wait()
        delays_s.append(ears.woken[-1] - told_s)
        assert told_s - 2e-6 <= mark.at_s <= ears.woken[-1]
        time.sleep(0.002)
    # A busy machine may let any of them wait, the quickest ones are what we add to that: what TCP would hold back until
    # the last one is acknowledged takes 40 ms, and who asks again and again has a pause.
    delays_s.sort()
    assert delays_s[TELLS // 4] < 0.01


def test_who_comes_late_hears_the_present_state_and_how_old_it_is(announcer: Announcer, server: Server) -> None:
    earliest_s = time.monotonic()
    for event in (STARTED, STARTED, FINISHED):
        announcer.tell(event)
    time.sleep(0.3)
    ears = Ears(server.port)
    found = ears.wait()
    found += ears.follower.marks() if len(found) == 2 else ears.wait()
    assert [(mark.number, mark.event) for mark in found] == [(2, STARTED), (3, FINISHED)]
    assert all(earliest_s - 2e-6 <= mark.at_s <= time.monotonic() - 0.3 for mark in found)


def test_a_connection_that_breaks_is_made_again_and_nothing_is_told_twice(announcer: Announcer) -> None:
    """The leader's host may reset connections; what was heard already must not start the measured part again."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ears = Ears(listening.getsockname()[1])
        first, _ = listening.accept()
        announcer.tell(STARTED)
        announcer.follow(first)
        assert [mark.number for mark in ears.wait()] == [1]
        announcer.close()
        second, _ = listening.accept()
        announcer.follow(second)
        announcer.tell(FINISHED)
        assert [(mark.number, mark.event) for mark in ears.wait()] == [(2, FINISHED)]
        announcer.close()


def test_how_late_a_mark_was_read_is_told_on(announcer: Announcer, server: Server) -> None:
    moments_s = [time.monotonic()]
    announcer.tell(STARTED, 30.0)
    ears = Ears(server.port)
    marks_heard = ears.wait()
    moments_s.append(time.monotonic())
    announcer.tell(FINISHED, 20.0)
    marks_heard += ears.wait()
    moments_s.append(time.monotonic())
    for mark, ago_s, earliest_s, latest_s in zip(marks_heard, (30, 20), moments_s, moments_s[1:], strict=False):
        assert earliest_s - 2e-6 <= mark.at_s + ago_s <= latest_s
    assert [mark.event for mark in marks_heard] == [STARTED, FINISHED]


def test_nonsense_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ears = Ears(listening.getsockname()[1])
        leader, _ = listening.accept()
        with leader:
            leader.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}\n[1]\nnull\n" + b'{"mark": "x", "event": 1}\n\xff\n'
                           + b'{"mark": 1, "event": "later", "ago_s": 0}\n'
                           + b'{"mark": 1, "event": "measured-started", "ago_s": 1' + 400 * b"0" + b"}\n"
                           + 3000 * b"[" + b"\n" + marks.line(Mark(7, STARTED, 1.0), 1.5))
            [mark] = ears.wait()
    assert (mark.number, mark.event) == (7, STARTED)


FOLLOWED = """
import json, os, time
def say(event):
    with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
        file.write(json.dumps({"event": event, "time_s": time.time()}) + "\\n")
def wait(name):
    while not os.path.exists(name): time.sleep(0.01)
wait("go")
MARK_START
time.sleep(0.3)  # a busy machine wakes the other agent up late; nothing is used meanwhile
open("measured", "w").close()
wait("burnt")
MARK_FINISH
time.sleep(0.3)
open("over", "w").close()
wait("all-burnt")
"""

FOLLOWING = """
import os, time
def wait(name):
    while not os.path.exists(name): time.sleep(0.002)
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
used = [0.0]
def look(): used.append(time.process_time())
burn(0.2)
look()
open("go", "w").close()
wait("measured")
look()
burn(0.5)
look()
open("burnt", "w").close()
wait("over")
look()
burn(0.2)
look()
open("all-burnt", "w").close()
time.sleep(1.5)  # the leader's end is heard
look()
print("used", *used)
"""
FILES = ("go", "measured", "burnt", "over", "all-burnt")
SAYS = {"MARK_START": 'say("measured-started")', "MARK_FINISH": 'say("measured-finished")'}


def followed(marking: bool) -> str:
    text = FOLLOWED
    for word, code in SAYS.items():
        text = text.replace(word, code if marking else "")
    return text


@pytest.mark.parametrize(("marking", "least", "most"), [
    pytest.param(True, (2, 3), (1, 4), id="the leader's program marks its measured part"),
    pytest.param(False, (0, 5), (0, 6), id="it does not: the measured part is its program's life"),
])
def test_two_agents(start, python, another_wall_clock, tmp_path: Path, marking: bool, least: tuple[int, int],
                    most: tuple[int, int]) -> None:
    """The program knows what it had used at each moment; between two of these it waits for the leader's mark."""
    def lived():
        for name in FILES:
            (tmp_path / name).unlink(missing_ok=True)
        leader = start(*python(followed(marking)))
        port = re.search(r"port (\d+)", leader.wait_for("metrics on port"))[1]
        (tmp_path / "ahead").write_text("30")
        follower = start(*python(FOLLOWING), prefix=another_wall_clock,
                         env={wire.ENV_FOLLOW: f"localhost:{port}", wire.ENV_SAMPLE_INTERVAL_S: "60"})
        return follower.finish(), leader.finish().record

    result, leading = exactness.heard_in_time(lived, lambda found: exactness.HEARD_LATE in found[0].stdout)
    record, used = result.record, [float(word) for word in re.search("^used (.*)", result.stdout, re.M)[1].split()]
    low_s, high_s = used[least[1]] - used[least[0]], used[most[1]] - used[most[0]]
    assert low_s - 0.002 <= record.measured_usage.cpu_seconds <= high_s + 0.002
    assert used[-1] <= record.usage.cpu_seconds <= used[-1] + 0.1
    ends = (leading.measured_started_s or leading.program_started_s,
            leading.measured_finished_s or leading.program_finished_s)
    assert (record.measured_started_s, record.measured_finished_s) == pytest.approx(
        [end + 30 for end in ends], abs=1), "the leader's, which ends 1.5 s earlier, by its own clock"
    lived_s = record.program_finished_s - record.program_started_s
    assert 0.7 <= record.surroundings.window_s <= lived_s + 0.3, "the readings lie just outside"
    assert leading.measured_usage is not None


def test_a_leader_that_is_not_there_or_hangs_does_not_disturb_the_program(run, python) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        for port in (hangs.getsockname()[1], 1):
            result = run(*python("print('ran')"), env={wire.ENV_FOLLOW: f"127.0.0.1:{port}"})
            assert "ran" in result.stdout
            assert (result.code, result.record.measured_usage) == (0, None)
            assert result.record.program_started_s - result.record.agent_started_s < 5


@pytest.mark.parametrize("stubborn", [pytest.param(False, id="ends at SIGTERM"), pytest.param(True, id="ignores it")])
def test_a_program_that_serves_ends_after_all_that_it_serves(start, python, tmp_path: Path, stubborn: bool) -> None:
    """A parameter server: it never ends by itself, and its record must be there when the run is judged."""
    workers = [start(*python(f"import os, time\nwhile not os.path.exists('end-{n}'): time.sleep(0.01)"))
               for n in range(2)]
    ports = [re.search(r"port (\d+)", one.wait_for("metrics on port"))[1] for one in workers]
    ignores = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    server = start(*python(f"import signal, time; {ignores}print('ready', flush=True); time.sleep(60)"),
                   env={wire.ENV_SERVES: ",".join(f"127.0.0.1:{port}" for port in ports),
                        wire.ENV_FOLLOW: f"127.0.0.1:{ports[0]}"})
    server.wait_for("ready")
    (tmp_path / "end-0").touch()
    assert workers[0].finish().code == 0
    time.sleep(0.3)
    assert server.process.poll() is None, "one still needs it"
    (tmp_path / "end-1").touch()
    result = server.finish()
    assert (result.code, result.record.exit_code, result.record.signal, result.record.message) == (0, 0, None, "")
    assert result.record.measured_usage is not None or exactness.HEARD_LATE in result.stdout


@pytest.mark.parametrize(("end", "code", "signalled"), [
    pytest.param("raise SystemExit(0)", 0, None, id="in order"),
    pytest.param("raise SystemExit(9)", 0, None, id="by its own exit code"),
    pytest.param("os.abort()", 134, 6, id="it crashes meanwhile"),
])
def test_what_a_served_out_program_does_when_asked(start, python, end: str, code: int, signalled: int | None) -> None:
    worker = start(*python("import os, time\nwhile not os.path.exists('served'): time.sleep(0.01)"))
    port = re.search(r"port (\d+)", worker.wait_for("metrics on port"))[1]
    server = start(*python(f"""
        import os, signal, time
        def asked(number, frame): {end}
        signal.signal(signal.SIGTERM, asked)
        open("served", "w").close()
        time.sleep(30)
    """), env={wire.ENV_SERVES: f"127.0.0.1:{port}"})
    result = server.finish()
    assert (result.code, result.record.exit_code, result.record.signal) == (code, code, signalled)
    worker.finish()


def test_an_agent_that_is_killed_is_not_served_for_ever(start, python) -> None:
    worker = start(*python("import time; time.sleep(4)"))
    port = re.search(r"port (\d+)", worker.wait_for("metrics on port"))[1]
    server = start(*python("import time; print('ready', flush=True); time.sleep(60)"),
                   env={wire.ENV_SERVES: f"127.0.0.1:{port}"})
    server.wait_for("ready")
    worker.process.kill()
    assert server.finish().code == 0


def test_a_server_that_fails_first_has_failed(start, python, tmp_path: Path) -> None:
    worker = start(*python("import os, time\nwhile not os.path.exists('end'): time.sleep(0.01)"))
    port = re.search(r"port (\d+)", worker.wait_for("metrics on port"))[1]
    server = start(*python("raise SystemExit(3)"), env={wire.ENV_SERVES: f"127.0.0.1:{port}"})
    assert server.finish().record.exit_code == 3
    (tmp_path / "end").touch()
    worker.finish()

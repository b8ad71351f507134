"""Peers that are there, come late, or never come."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import ports
import pytest

from shapebench.agent.http import Server
from shapebench.agent.rendezvous import FOUND_PATH, Finders, Rendezvous, finds

PEERS = (("a", 1), ("b", 2))


def meet(probe: Callable[[tuple[str, int]], bool], timeout_s: float = 5.0) -> Rendezvous:
    done = threading.Event()
    clock = iter(range(10_000))
    meeting = Rendezvous(PEERS, timeout_s, lambda: float(next(clock)), done.set, probe)
    meeting.start()
    assert done.wait(10)
    return meeting


def test_all_there() -> None:
    meeting = meet(lambda peer: True)
    assert meeting.missing == ()
    assert not meeting.running


def test_a_peer_that_answered_is_not_asked_again() -> None:
    asked: list[str] = []

    def probe(peer: tuple[str, int]) -> bool:
        asked.append(peer[0])
        return peer[0] == "a" or asked.count("b") == 2

    assert meet(probe).missing == ()
    assert asked == ["a", "b", "b"]


def test_the_missing_are_named() -> None:
    assert meet(lambda peer: peer[0] == "a", timeout_s=1.0).missing == (("b", 2),)


def test_a_peer_that_shows_itself_is_asked_at_once() -> None:
    asked, done = threading.Event(), threading.Event()
    there = threading.Event()

    def probe(_: tuple[str, int]) -> bool:
        asked.set()
        return there.is_set()

    meeting = Rendezvous(PEERS, 1000.0, lambda: 0.0, done.set, probe)
    meeting.start()
    time.sleep(2.5)  # by now it asks only once a second
    asked.clear()
    assert asked.wait(10)
    there.set()
    began_s = time.monotonic()
    meeting.hurry()
    assert done.wait(10)
    assert time.monotonic() - began_s < 0.9


def test_a_large_gang_that_comes_one_by_one_is_not_looked_for_without_a_pause() -> None:
    asked: list[str] = []
    missing = tuple((f"worker-{number}", 1) for number in range(60))
    meeting = Rendezvous(missing, 1000.0, lambda: 0.0, lambda: None, lambda peer: bool(asked.append(peer[0])))
    began_s = time.monotonic()
    meeting.start()
    while len(asked) <= len(missing) or time.monotonic() - began_s < 0.6:
        meeting.hurry()
        time.sleep(0.001)
    meeting.stop()
    assert len(asked) / len(missing) <= 2 + (time.monotonic() - began_s) / 0.2


@pytest.mark.parametrize(("found_by", "complete"), [
    pytest.param([], False, id="nobody"),
    pytest.param(["worker-1"], False, id="one of two"),
    pytest.param(["worker-1", "worker-1"], False, id="one that says it twice"),
    pytest.param(["worker-1", "ps-0"], True, id="all"),
    pytest.param(["worker-1", "ps-0", "worker-2"], True, id="more"),
])
def test_who_has_found_this_agent_counts_once(found_by: list[str], complete: bool) -> None:
    came: list[None] = []
    finders = Finders(2, lambda: came.append(None))
    server = Server(0, {}, {FOUND_PATH: finders.note})
    server.start()
    for number, name in enumerate(found_by):
        assert finds(("127.0.0.1", server.port), name)
        deadline = time.monotonic() + 10
        while len(came) < min(number + 1, 2):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    server.close()
    assert finders.complete is complete


def test_nobody_is_found_where_nobody_listens() -> None:
    assert not finds(("127.0.0.1", ports.free(1)[0]), "worker-1")


def test_a_late_peer_lets_the_program_start(start, python, eventually, tmp_path) -> None:
    port = ports.free(1)[0]
    running = start(*python("print('started')"), env={"SHAPEBENCH_AWAIT": f"127.0.0.1:{port}"})
    own_port = int(running.wait_for("metrics on port").rpartition(" ")[2])
    assert running.process.poll() is None
    with socket.create_server(("127.0.0.1", port)):
        assert finds(("127.0.0.1", own_port), "late")
        result = running.finish()
    assert result.code == 0
    assert "started" in result.stdout
    assert result.record.program_started_s > result.record.agent_started_s


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_peer_that_never_comes_is_named_in_the_record(run, python, host) -> None:
    port = ports.free(1)[0]
    result = run(*python("print('started')"),
                 env={"SHAPEBENCH_AWAIT": f"{host}:{port}", "SHAPEBENCH_AWAIT_TIMEOUT_S": "0.3"})
    assert result.code == 75
    assert "started" not in result.stdout
    assert f"{host}:{port}" in result.record.message
    assert result.record.program_started_s is None


def test_sigterm_ends_the_wait_at_once(start, python) -> None:
    running = start(*python("print('started')"), env={"SHAPEBENCH_AWAIT": f"127.0.0.1:{ports.free(1)[0]}"})
    running.wait_for("metrics on port")
    running.process.terminate()
    result = running.finish()
    assert result.code == 143
    assert (result.record.exit_code, result.record.signal) == (143, 15)
    assert "while waiting for 127.0.0.1" in result.record.message


def test_a_program_that_ends_at_once_still_meets_a_late_peer(start, python, eventually) -> None:
    first, second = ports.free(2)
    met = threading.Event()

    def be_met() -> None:
        with socket.create_server(("127.0.0.1", second)) as server:
            server.accept()[0].close()
            met.set()

    threading.Thread(target=be_met, daemon=True).start()
    common = {"SHAPEBENCH_AWAIT_TIMEOUT_S": "25"}
    early = start(*python("pass"), env=common | {
        "SHAPEBENCH_AWAIT": f"127.0.0.1:{second}", "SHAPEBENCH_METRICS_PORT": str(first)})
    assert met.wait(20)
    time.sleep(1.0)  # its program has ended by now
    late = start(*python("pass"), env=common | {
        "SHAPEBENCH_AWAIT": f"127.0.0.1:{first}", "SHAPEBENCH_METRICS_PORT": str(second)})
    eventually(lambda: finds(("127.0.0.1", second), "early"))
    assert late.finish().code == 0
    assert early.finish().code == 0

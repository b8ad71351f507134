"""Agents of one gang, as processes: they find each other, and none stays longer than another looks for it."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import exactness
import pytest

from shapebench.agent import marks, rendezvous
from shapebench.agent.gang import PEERS_MAY_BE_LATE_S
from shapebench.agent.marks import Mark
from shapebench.api import wire
from shapebench.api.record import PodRecord
from shapebench.local.tensorflow import free_ports

Member = tuple[str, int]
AT_ONCE_S = PEERS_MAY_BE_LATE_S / 2
"""A busy machine takes its time; who stays because it was not found stays twice as long."""
WORKERS: list[Member] = [("worker", 0), ("worker", 1), ("worker", 2)]


class Gang:
    """The members' agents, with the environment that the builders give them."""

    def __init__(self, start: Callable, folder: Path, members: list[Member], itself: bool = False) -> None:
        self._start = start
        self._records = {one: folder / f"{one[0]}-{one[1]}.json" for one in members}
        self._hosts = {one: f"127.0.0.1:{port}" for one, port in zip(members, free_ports(len(members)), strict=True)}
        self._itself = itself
        self.agents: dict[Member, object] = {}
        self.said: dict[Member, str] = {}

    def begin(self, me: Member, program: tuple[str, ...], env: Mapping[str, str] | None = None) -> None:
        awaited = [host for one, host in self._hosts.items() if one != me or self._itself]
        own = {wire.ENV_ROLE: me[0], wire.ENV_INDEX: str(me[1]), wire.ENV_AWAIT: ",".join(awaited),
               wire.ENV_METRICS_PORT: self._hosts[me].rpartition(":")[2], wire.ENV_AWAIT_TIMEOUT_S: "25",
               wire.ENV_RECORD_FILE: str(self._records[me])}
        if me[0] == wire.ROLE_PARAMETER_SERVER:
            served = [host for one, host in self._hosts.items() if one[0] == wire.ROLE_WORKER]
            own |= {wire.ENV_FOLLOW: served[0], wire.ENV_SERVES: ",".join(served)}
        self.agents[me] = self._start(*program, env=own | dict(env or {}))

    def finish(self, me: Member) -> tuple[float, PodRecord]:
        """How long this agent stayed after its program's end, and its record."""
        result = self.agents[me].finish()
        assert result.code == 0
        self.said[me] = result.stdout
        ended_s = self._records[me].stat().st_mtime  # written last of all, before the agent goes
        record = PodRecord.model_validate(json.loads(self._records[me].read_text()))
        return ended_s - record.program_finished_s, record


@pytest.mark.parametrize("itself", [pytest.param(False, id="peers alone"),
                                    pytest.param(True, id="one list for all, as a TFJob's template has")])
def test_short_programs_agents_go_when_all_have_found_them(start, python, tmp_path, itself: bool) -> None:
    gang = Gang(start, tmp_path, WORKERS, itself)
    for one in WORKERS:
        gang.begin(one, python("pass"))
        time.sleep(0.2)
    for one in WORKERS:
        assert gang.finish(one)[0] < AT_ONCE_S


def test_who_comes_last_is_found_at_once(start, python, tmp_path) -> None:
    """The first has looked in vain for so long that it would look again only after a second."""
    gang = Gang(start, tmp_path, WORKERS[:2])
    began = []
    for one in WORKERS[:2]:
        gang.begin(one, python("pass"))
        time.sleep(0.0 if began else 3.0)
        began.append(one)
    first, last = (gang.finish(one)[1] for one in WORKERS[:2])
    assert abs(first.program_started_s - last.program_started_s) < 0.5


def test_a_parameter_server_hears_the_end_of_programs_that_end_at_once(start, python, tmp_path) -> None:
    members = [*WORKERS[:2], ("ps", 0)]
    gang = Gang(start, tmp_path, members)
    for one in members[:2]:
        gang.begin(one, python("pass"))
    time.sleep(0.5)
    gang.begin(members[2], python("import time; time.sleep(60)"))
    stays = {one: gang.finish(one) for one in members}
    assert max(stayed_s for stayed_s, _ in stays.values()) < AT_ONCE_S
    heard_late = exactness.HEARD_LATE in gang.said["ps", 0]
    assert stays["ps", 0][1].measured_usage is not None or heard_late, "it has heard of the measured part, too"


def test_a_parameter_server_lets_nobody_go_whose_end_it_could_not_hear(start, python) -> None:
    with socket.socket() as worker:
        worker.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{worker.getsockname()[1]}"
        server = start(*python("import time; time.sleep(60)"), env={
            wire.ENV_ROLE: wire.ROLE_PARAMETER_SERVER, wire.ENV_AWAIT: host, wire.ENV_FOLLOW: host,
            wire.ENV_SERVES: host})
        own_port = int(server.wait_for("metrics on port").rpartition(" ")[2])
        time.sleep(2.0)  # by now it looks for the worker twice a second at most
        worker.listen()
        assert rendezvous.finds(("127.0.0.1", own_port), "worker-0"), "so it looks at once, and finds it"
        connections = [worker.accept()[0] for _ in range(3)]
        asked = [one.recv(4096).split()[1] for one in connections]
        assert asked == [b"/measured", b"/measured", b"/found?ps-0"]
        for one in connections[:2]:
            one.sendall(marks.line(Mark(1, wire.EVENT_PROGRAM_OVER, 0.0), 0.0))
        assert server.finish().code == 0
        for one in connections:
            one.close()


@pytest.mark.parametrize("frozen", [pytest.param(signal.SIGKILL, id="killed"),
                                    pytest.param(signal.SIGSTOP, id="its node hangs")])
def test_who_is_lost_after_it_has_found_all_holds_nobody(start, python, tmp_path, frozen: int) -> None:
    gang = Gang(start, tmp_path, WORKERS[:2])
    gang.begin(WORKERS[0], python("import time; time.sleep(1.5)"))
    gang.begin(WORKERS[1], python("print('found', flush=True); import time; time.sleep(3)"))
    gang.agents[WORKERS[1]].wait_for("found")
    gang.agents[WORKERS[1]].process.send_signal(frozen)
    assert gang.finish(WORKERS[0])[0] < AT_ONCE_S


def test_who_is_lost_before_holds_the_others_no_longer_than_it_could_be_late(start, python, tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as accepts_and_says_nothing:
        lost = f"127.0.0.1:{accepts_and_says_nothing.getsockname()[1]}"
        gang = Gang(start, tmp_path, WORKERS[:1])
        gang.begin(WORKERS[0], python("pass"), {wire.ENV_AWAIT: lost})
        stayed_s, record = gang.finish(WORKERS[0])
    lived_s = record.program_finished_s - record.program_started_s
    assert PEERS_MAY_BE_LATE_S - lived_s - 0.2 < stayed_s < PEERS_MAY_BE_LATE_S + AT_ONCE_S


def test_sigterm_ends_the_stay(start, python, tmp_path, eventually) -> None:
    with socket.create_server(("127.0.0.1", 0)) as accepts_and_says_nothing:
        lost = f"127.0.0.1:{accepts_and_says_nothing.getsockname()[1]}"
        gang = Gang(start, tmp_path, WORKERS[:1])
        gang.begin(WORKERS[0], python("open('over', 'w')"), {wire.ENV_AWAIT: lost})
        eventually((tmp_path / "over").exists)
        agent = gang.agents[WORKERS[0]].process
        eventually(lambda: not Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text())
        agent.terminate()
        assert gang.finish(WORKERS[0])[0] < AT_ONCE_S

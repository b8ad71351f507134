"""The agent from beginning to end: serve, wait for the gang, run the program, leave the record."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from shapebench.agent import environment, events, exposition, http, record, rendezvous, sources, supervisor
from shapebench.agent.record import Ending
from shapebench.agent.sampler import Sampler
from shapebench.agent.settings import Settings
from shapebench.agent.wakeups import Wakeups
from shapebench.api import wire

PEERS_MAY_BE_LATE_S = 5.0
"""Peers look for each other once a second at least; that and a slow name server's answer fit in here."""


class World(NamedTuple):
    """All that the agent touches outside itself."""

    env: dict[str, str]
    paths: sources.Paths
    termination_log: Path
    clock: Callable[[], float]


def log(message: str) -> None:
    """A line for the person who reads the pod's log; if nobody reads any more, that is no error."""
    with contextlib.suppress(OSError):
        os.write(2, f"shapebench-agent: {message}\n".encode(errors="replace"))


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never jump: the wall's time at the start, then the monotonic clock."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


class Agent:
    """One program's agent; `run` is called once."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._clock = world.clock
        self._tree = sources.own_tree(world.paths)
        self._source = sources.find(settings.counters, world.paths, self._tree)
        self._sampler = Sampler(self._source, world.clock, settings.sample_interval_s, log)
        self._story = events.Story()

    def run(self, argv: list[str]) -> int:
        """Run the program; returns the exit code for the agent's own process."""
        with Wakeups() as wakeups:
            server = self._serve()
            ending = self._await_peers(wakeups) or self._run_program(argv, wakeups)
            self._stay_for_peers(ending, wakeups)
            self._leave_record(ending)
            if server is not None:
                server.close()
        return ending.exit_code

    def _stay_for_peers(self, ending: Ending, wakeups: Wakeups) -> None:
        """Listen a little longer after a very short program: a peer that has not found us yet would wait in vain."""
        if not self._settings.peers or ending.program_started_s is None:
            return
        until_s = ending.program_started_s + PEERS_MAY_BE_LATE_S
        while (left_s := until_s - self._clock()) > 0:
            select.select([wakeups], [], [], left_s)
            if any(number in (signal.SIGTERM, signal.SIGINT) for number in wakeups.signals()):
                return

    def _serve(self) -> http.Server | None:
        """Listen before all else: the gang's other agents wait for this port."""
        collector = exposition.PodCollector(self._settings.labels, lambda: self._sampler.latest)
        pages = {"/metrics": http.Page(exposition.CONTENT_TYPE, lambda: exposition.render(collector)),
                 "/healthz": http.Page("text/plain; charset=utf-8", lambda: b"ok\n")}
        try:
            server = http.Server(self._settings.metrics_port, pages)
        except OSError as error:
            log(f"no /metrics: port {self._settings.metrics_port}: {error.strerror}")
            return None
        server.start()
        if self._settings.metrics_port == 0:
            log(f"metrics on port {server.port}")
        return server

    def _await_peers(self, wakeups: Wakeups) -> Ending | None:
        """None when all peers are there; the ending if one never comes, or SIGTERM does."""
        if not self._settings.peers:
            return None
        timeout_s = self._settings.await_timeout_s
        meeting = rendezvous.Rendezvous(self._settings.peers, timeout_s, self._clock, wakeups.poke)
        meeting.start()
        while meeting.running:
            select.select([wakeups], [], [], self._sampler.due_in_s())
            stops = [n for n in wakeups.signals() if n in (signal.SIGTERM, signal.SIGINT)]
            if stops:
                meeting.stop()
                waited = rendezvous.names(meeting.missing)
                return Ending(128 + stops[0], int(stops[0]),
                              f"stopped by {stops[0].name} while waiting for {waited}")
            self._sampler.sample_if_due()
        if not meeting.missing:
            return None
        return Ending(wire.EXIT_AWAIT_TIMEOUT,
                      message=f"gave up after {timeout_s:g} s: no connection to "
                              f"{rendezvous.names(meeting.missing)}")

    def _run_program(self, argv: list[str], wakeups: Wakeups) -> Ending:
        supervisor.become_subreaper()
        with events.EventPipe(events.directories(self._world.env), log) as pipe:
            env = dict(self._world.env)
            env.pop(wire.ENV_EVENTS_FILE, None)
            if pipe.path is not None:
                env[wire.ENV_EVENTS_FILE] = str(pipe.path)
            started_s = self._clock()
            try:
                pid = supervisor.start(argv, env)
            except supervisor.CannotStartError as error:
                log(str(error))
                return Ending(wire.EXIT_CANNOT_START, message=str(error))
            duty = supervisor.Duty([pipe.fileno()] if pipe.path else [], lambda: self._listen(pipe),
                                   self._sampler.due_in_s, self._sampler.sample_if_due)
            warden = supervisor.Supervisor(wakeups, self._tree, self._clock)
            ended = warden.watch(pid, duty)
            finished_s = self._clock()
            self._listen(pipe)
            left = warden.sweep()
            if left:
                log(f"the program left {left} processes behind; they were ended")
        self._sampler.finish()
        return Ending(ended.code, ended.signal, self._message(ended), started_s, finished_s)

    def _listen(self, pipe: events.EventPipe) -> None:
        """Take the job's lines; read the counters at the ends of the measured part."""
        for event in pipe.read():
            self._story.tell(event, self._clock())
            if event["event"] == wire.EVENT_MEASURED_STARTED:
                self._sampler.open_measured()
            elif event["event"] == wire.EVENT_MEASURED_FINISHED:
                self._sampler.close_measured()

    def _message(self, ended: supervisor.Exit) -> str:
        """One sentence on an end that was not a good one."""
        kills = self._sampler.oom_kills
        if ended.code == 0:
            return ""
        if ended.signal == signal.SIGKILL and kills:
            return "the kernel killed the program: out of memory"
        if ended.signal is not None:
            text = f"the program was ended by {signal.Signals(ended.signal).name}"
        else:
            text = f"the program ended with exit code {ended.code}"
        return f"{text}; the kernel killed {kills} of its processes for memory" if kills else text

    def _leave_record(self, ending: Ending) -> None:
        settings, kind = self._settings, self._source.kind
        if ending.program_started_s is None:
            self._sampler.finish()
        facts = environment.describe(self._world.paths.proc, kind, settings.node)
        whole = record.assemble(settings, kind, self._sampler, self._story, ending, facts)
        if settings.record_file is not None:
            try:
                record.write_file(whole, settings.record_file)
            except OSError as error:
                log(f"cannot write {settings.record_file}: {error.strerror}; the record follows")
            else:
                return
        record.write_termination_log(whole, self._world.termination_log, wire.TERMINATION_LOG_LIMIT_BYTES)
        record.print_lines(whole, 1)


def run(settings: Settings, argv: list[str], world: World) -> int:
    """Run the program under an agent; returns the exit code."""
    agent = Agent(settings, world)
    return agent.run(argv)


def real_world(cgroup_root: Path, termination_log: Path) -> World:
    """The machine as it is."""
    return World(dict(os.environ), sources.Paths(cgroup=cgroup_root), termination_log, steady_clock())

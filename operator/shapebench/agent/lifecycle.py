"""The agent from beginning to end: serve, wait for the gang, run the program, leave the record."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from shapebench.agent import environment, events, exposition, http, moments, record, software, sources, supervisor
from shapebench.agent.announcer import Announcer
from shapebench.agent.descriptors import OpenFiles
from shapebench.agent.gang import Gang, GatheringError
from shapebench.agent.measured import MeasuredPart
from shapebench.agent.record import Ending
from shapebench.agent.sampler import Sampler
from shapebench.agent.settings import Settings
from shapebench.agent.surroundings import Survey
from shapebench.agent.wakeups import Wakeups
from shapebench.api import wire

CHECKPOINT_EVERY_S = 1.0
"""The totals of at most so much time are lost when the kernel or the kubelet kills the agent too."""
FRESH_S = 0.2
"""A sample that young does for a checkpoint."""


class World(NamedTuple):
    """All that the agent touches outside itself."""

    env: dict[str, str]
    paths: sources.Paths
    termination_log: Path
    clock: Callable[[], float]
    wall: Callable[[], float] = time.time
    """The clock that the program reads: it may jump."""


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
        self._survey = Survey(world.paths.proc, self._source, world.clock)
        self._announcer = Announcer(world.clock)
        self._measured = MeasuredPart(self._sampler, self._survey, None if settings.leader else self._announcer,
                                      world.clock, log)
        self._wakeups = Wakeups()
        self._gang = Gang(settings, world.clock, self._wakeups)
        self._served_out = False
        self._is_crowded = False
        self._open_files = OpenFiles()
        self._story = events.Story(log)
        # Until the program tells what it really runs.
        for name, version in software.installed(settings.role, world.env).items():
            self._story.learn(name, version)
        self._wall_clock = moments.WallClock(log)
        self._facts = environment.describe(world.paths, self._source.kind, settings.node)
        self._leaves_checkpoints = settings.record_file is not None or world.termination_log.exists()
        self._checkpoint_due_s = 0.0

    def run(self, argv: list[str]) -> int:
        """Run the program; returns the exit code for the agent's own process."""
        self._open_files.most()
        with self._wakeups:
            server = self._serve()
            self._gang.start()
            ending = self._gather() or self._run_program(argv)
            if ending.program_started_s is not None:
                self._gang.stay(ending.program_started_s)
            self._leave_record(ending)
            if server is not None:
                server.close()
            self._announcer.close()
        return ending.exit_code

    def _serve(self) -> http.Server | None:
        """Listen before all else: the gang's other agents wait for this port."""
        collector = exposition.PodCollector(self._settings.labels, lambda: self._sampler.latest)
        pages = {"/metrics": http.Page(exposition.CONTENT_TYPE, lambda: exposition.render(collector)),
                 "/healthz": http.Page("text/plain; charset=utf-8", lambda: b"ok\n")}
        try:
            server = http.Server(self._settings.metrics_port, pages,
                                 {wire.MEASURED_PATH: self._announcer.follow, **self._gang.streams}, self._makes_room)
        except OSError as error:
            log(f"no /metrics: port {self._settings.metrics_port}: {error.strerror}")
            return None
        server.start()
        if self._settings.metrics_port == 0:
            log(f"metrics on port {server.port}")
        return server

    def _makes_room(self, error: OSError) -> None:
        """Called in the server's thread when a connection cannot be taken."""
        self._announcer.let_closed_go()
        if not self._is_crowded:
            self._is_crowded = True
            log(f"a connection could not be taken ({error.strerror}); this is said once")

    def _gather(self) -> Ending | None:
        """None when all peers are there; the ending if one never comes, or SIGTERM does."""
        try:
            self._gang.gather()
        except GatheringError as error:
            if error.signal is None:
                return Ending(wire.EXIT_AWAIT_TIMEOUT, message=str(error))
            return Ending(128 + error.signal, int(error.signal), str(error))
        return None

    def _run_program(self, argv: list[str]) -> Ending:
        supervisor.become_subreaper()
        with events.EventPipe(events.directories(self._world.env), log) as pipe:
            env = dict(self._world.env)
            env.pop(wire.ENV_EVENTS_FILE, None)
            if pipe.path is not None:
                env[wire.ENV_EVENTS_FILE] = str(pipe.path)
            self._measured.program_starts()
            started_s = self._clock()
            try:
                with self._open_files.as_before():
                    pid = supervisor.start(argv, env)
            except supervisor.CannotStartError as error:
                log(str(error))
                self._sampler.forget_measured()
                self._announcer.tell(wire.EVENT_PROGRAM_OVER)
                return Ending(wire.EXIT_CANNOT_START, message=str(error))
            warden = supervisor.Supervisor(self._wakeups, self._tree, self._clock)
            ended = warden.watch(pid, self._duty(pipe, started_s))
            finished_s = self._clock()
            self._listen(pipe, finished_s)
            self._measured.program_ends()
            self._announcer.tell(wire.EVENT_PROGRAM_OVER)
            left = warden.sweep()
            if left:
                log(f"the program left {left} processes behind; they were ended")
            self._sampler.finish()  # before the pipe's folder goes: that is written to disk, too
        if self._served_out and ended.asked:
            return Ending(0, program_started_s=started_s, program_finished_s=finished_s)
        return Ending(ended.code, ended.signal, self._message(ended), started_s, finished_s)

    def _duty(self, pipe: events.EventPipe, started_s: float) -> supervisor.Duty:
        """What is to be done while the program runs."""
        def on_time() -> None:
            self._hear()
            self._sampler.sample_if_due()
            self._checkpoint_if_due(started_s)

        def due_in_s() -> float:
            return min(self._sampler.due_in_s(), max(0.0, self._checkpoint_due_s - self._clock()))

        on_time()
        return supervisor.Duty([pipe.fileno()] if pipe.path else [], lambda: self._listen(pipe), due_in_s, on_time)

    def _hear(self) -> None:
        """Take what other agents told; end a program that serves theirs when all of them have ended."""
        for mark in self._gang.marks():
            if self._measured.hears(mark):
                self._story.mark(mark.event, mark.at_s)
        if self._gang.served_out and not self._served_out:
            self._served_out = True
            os.kill(os.getpid(), signal.SIGTERM)  # the same way as if the kubelet asked

    def _listen(self, pipe: events.EventPipe, ended_s: float = math.inf) -> None:
        """Take the job's lines; the counters are read at the ends of the measured part. `ended_s`: the program has
        ended then, so these lines are its last."""
        for event in pipe.read(last=ended_s < math.inf):
            try:
                self._take(event, ended_s)
            except Exception as error:  # the agent must outlive a line's oddities, or the program ends with it
                log(f"an event could not be taken, left out: {error!r}")

    def _take(self, event: dict[str, Any], latest_s: float) -> None:
        name = event["event"]
        if name not in (wire.EVENT_MEASURED_STARTED, wire.EVENT_MEASURED_FINISHED):
            self._story.tell(event)
            return
        heard = moments.now(self._clock, self._world.wall)
        at_s = min(moments.made_at(event, heard, self._measured.earliest_s(name)), latest_s)
        if self._measured.says(name, at_s):
            self._story.mark(name, at_s)
            self._wall_clock.compare(event, at_s)

    def _checkpoint_if_due(self, started_s: float) -> None:
        """Leave the totals so far: an out-of-memory kill of the whole group, or an eviction, ends the agent too."""
        now_s = self._clock()
        if now_s < self._checkpoint_due_s:
            return
        self._checkpoint_due_s = now_s + CHECKPOINT_EVERY_S if self._leaves_checkpoints else float("inf")
        if not self._leaves_checkpoints:
            return
        if now_s - self._sampler.latest.time_s > FRESH_S:
            self._sampler.refresh()
        short = self._record(record.unfinished(started_s))
        with self._tree.apart():
            if self._settings.record_file is None:
                record.write_termination_log(short, self._world.termination_log, wire.TERMINATION_LOG_LIMIT_BYTES)
            else:
                with contextlib.suppress(OSError):
                    record.write_file(short, self._settings.record_file)

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

    def _record(self, ending: Ending) -> dict[str, Any]:
        around = self._survey.report(self._sampler.window, goes_on=not ending.complete)
        return record.assemble(self._settings, self._sampler, self._story, ending, self._facts, around)

    def _leave_record(self, ending: Ending) -> None:
        if ending.program_started_s is None:
            self._sampler.finish()
        whole = self._record(ending)
        if self._settings.record_file is not None:
            try:
                record.write_file(whole, self._settings.record_file)
            except OSError as error:
                log(f"cannot write {self._settings.record_file}: {error.strerror}; the record follows")
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

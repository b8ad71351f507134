"""The agent as people run it: the zipapp, in a process of its own, without site-packages."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exactness
import pytest

from shapebench.agent import framing, package
from shapebench.api.record import PodRecord

TREES = Path(__file__).parent / "trees"


@pytest.fixture(scope="session")
def trees() -> Path:
    return TREES


@pytest.fixture(scope="session")
def agent_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("agent") / "agent.pyz"
    package.build(out)
    return out


def _record(stdout: str) -> PodRecord | None:
    found = framing.decode(stdout)
    return None if found is None else PodRecord.model_validate(found)


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str

    @property
    def record(self) -> PodRecord:
        record = _record(self.stdout)
        assert record is not None, self.stdout + self.stderr
        return record


class Running:
    """An agent that runs in the background."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def wait_for(self, text: str) -> str:
        """The first line of standard output or error that holds the text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(f"the agent ended without saying {text!r}")

    def finish(self) -> Result:
        stdout, stderr = self.process.communicate(timeout=90)
        return Result(self.process.returncode, stdout, stderr or "")


@pytest.fixture
def start(agent_file: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a program under the agent; both outputs come as one stream, so that a test can wait for either."""
    started: list[subprocess.Popen[str]] = []

    def begin(*argv: str, env: dict[str, str] | None = None, options: tuple[str, ...] = (),
              prefix: tuple[str, ...] = ()) -> Running:
        variables = {k: v for k, v in os.environ.items() if not k.startswith("SHAPEBENCH_")}
        variables |= {"SHAPEBENCH_METRICS_PORT": "0"} | (env or {})
        process = subprocess.Popen([*prefix, sys.executable, "-I", str(agent_file), *options, "--", *argv],
                                   env=variables, cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        started.append(process)
        return Running(process)

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        with contextlib.suppress(ValueError):
            process.communicate()


@pytest.fixture
def run(start: Callable[..., Running]) -> Callable[..., Result]:
    return lambda *argv, **options: start(*argv, **options).finish()


@pytest.fixture
def run_heard_in_time(run: Callable[..., Result]) -> Callable[..., Result]:
    """Like `run`, for what a measured part used: again, a few times, where the agent says that it heard of it late."""
    def lived(*argv: str, **options: Any) -> Result:
        return exactness.heard_in_time(lambda: run(*argv, **options), lambda one: exactness.HEARD_LATE in one.stdout)

    return lived


@pytest.fixture
def python() -> Callable[[str], tuple[str, ...]]:
    """The command that runs a snippet."""
    return lambda code: (sys.executable, "-I", "-S", "-c", textwrap.dedent(code))


WITH_ANOTHER_WALL_CLOCK = """
import pathlib, runpy, sys, time
real, ahead = time.time, pathlib.Path("ahead")
time.time = lambda: real() + float(ahead.read_text())
sys.argv = sys.argv[3:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def another_wall_clock(tmp_path: Path) -> tuple[str, ...]:
    """What an agent is started with so that its wall clock is as many seconds ahead as the file `ahead` says."""
    (tmp_path / "ahead").write_text("0")
    (tmp_path / "another-wall-clock.py").write_text(WITH_ANOTHER_WALL_CLOCK)
    return (sys.executable, "-I", "another-wall-clock.py")


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    def wait(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.02)

    return wait

"""The lines that the job's harness writes: a named pipe behind the file that it appends to, and what the lines say.

A pipe, not a file that is looked at now and then: the agent wakes up with the line itself, so the counters are
read within a millisecond of "the measured part starts", and a program that says nothing costs nothing. To the
harness it is a file: it opens it to append and writes lines. The agent holds the pipe open both ways, so the
harness never waits for a reader and the agent sees no end of file between two writers.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shapebench.agent import framing
from shapebench.agent.moments import is_number
from shapebench.api import wire

if TYPE_CHECKING:
    from types import TracebackType

_READ_BYTES, _READS = 65536, 16
_LONGEST_LINE_BYTES = 1 << 20


class EventPipe:
    """The pipe; `path` is None where no directory can hold one, and then there are no events."""

    def __init__(self, directories: tuple[str, ...], log: Callable[[str], None]) -> None:
        self.path: Path | None = None
        self._directories = directories
        self._log = log
        self._fd = -1
        self._rest = b""

    def __enter__(self) -> EventPipe:
        for directory in self._directories:
            with contextlib.suppress(OSError):
                path = _new_folder(Path(directory)) / "events"
                os.mkfifo(path, 0o600)
                self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
                self.path = path
                return self
        self._log(f"no events from the job: no pipe can be made in {' or '.join(self._directories)}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self.path is not None:
            os.close(self._fd)
            with contextlib.suppress(OSError):
                self.path.unlink()
                self.path.parent.rmdir()

    def fileno(self) -> int:
        """For select; -1 without a pipe."""
        return self._fd

    def read(self, *, last: bool = False) -> Iterator[dict[str, Any]]:
        """The events of lines that are complete by now; of the `last` one, too, whose end was never written. Of a
        program that writes without pause a megabyte is read, all that a pipe holds: other duties wait. A line that is
        no JSON object is logged and left out."""
        for _ in range(_READS):
            text = self._available() or (b"\n" if last and self._rest else b"")
            if not text:
                return
            *lines, self._rest = (self._rest + text).split(b"\n")
            if len(self._rest) > _LONGEST_LINE_BYTES:
                self._log("an event line is longer than 1 MiB: left out")
                self._rest = b""
            yield from (event for event in map(self._parse, filter(bytes.strip, lines)) if event is not None)

    def _available(self) -> bytes:
        if self.path is not None:
            with contextlib.suppress(BlockingIOError):
                return os.read(self._fd, _READ_BYTES)
        return b""

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        try:
            event = framing.loads(line.decode(errors="replace"))
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            return event
        self._log(f"not an event, left out: {line[:120]!r}")
        return None


def directories(env: Mapping[str, str]) -> tuple[str, ...]:
    """Where the pipe may lie: the usual place, or memory where the file system is read-only."""
    return tuple(dict.fromkeys((env.get("TMPDIR") or "/tmp", "/tmp", "/dev/shm")))


def _new_folder(directory: Path) -> Path:
    """A folder that nobody else may enter. (tempfile and shutil would cost 30 ms and 1 MB in every pod.)"""
    folder = directory / f"shapebench-{os.getpid()}-{time.time_ns()}"
    folder.mkdir(mode=0o700)
    return folder


class Room(NamedTuple):
    """How much is held of what a program tells: it is in the pod's memory, and the operator takes no more."""

    rows: int = 10_000
    rows_bytes: int = 2 * 2**20
    facts_bytes: int = 128 * 2**10
    message_chars: int = 4096


ROOM = Room()


class Story:
    """What the job has said so far. `measurements`: rows as JSON, since a checkpoint writes some of them every second;
    those for which there was no room are counted."""

    def __init__(self, log: Callable[[str], None], room: Room = ROOM) -> None:
        self.measured_started_s: float | None = None
        self.measured_finished_s: float | None = None
        self.measured_parts = 0
        self.wrong_answer: str | None = None
        self.measurements: list[str] = []
        self.measurements_left_out = 0
        self.environment: dict[str, str] = {}
        self._log = log
        self._room = room
        self._rows_bytes = 0
        self._facts_bytes = 0
        self._facts_are_full = False

    def mark(self, name: str, at_s: float) -> None:
        """The measured part started or ended, by this agent's clock."""
        if name == wire.EVENT_MEASURED_STARTED:
            self.measured_started_s, self.measured_finished_s = at_s, None
            self.measured_parts += 1
        elif name == wire.EVENT_MEASURED_FINISHED:
            self.measured_finished_s = at_s

    def tell(self, event: dict[str, Any]) -> None:
        """Take an event that is no mark. One of an unknown name is passed over: a newer harness may say more."""
        name = event["event"]
        if name == wire.EVENT_MEASUREMENT:
            self._measure(event)
        elif name == wire.EVENT_ENVIRONMENT:
            for key, value in _mapping(event.get("values")).items():
                self.learn(key, str(value))
        elif name == wire.EVENT_WRONG_ANSWER and self.wrong_answer is None:
            message = str(event.get("message") or "the job says its answer is wrong")
            self.wrong_answer = message[:self._room.message_chars]

    def _measure(self, event: dict[str, Any]) -> None:
        if not self.measurements_left_out and len(self.measurements) < self._room.rows:
            row = framing.dumps({"parameters": _scalars(event.get("parameters")),
                                 "values": _numbers(event.get("values"))})
            self._rows_bytes += len(row)
            if self._rows_bytes <= self._room.rows_bytes:
                self.measurements.append(row)
                return
        if not self.measurements_left_out:
            self._log(f"the record holds {len(self.measurements)} measurements and no more; the others are counted")
        self.measurements_left_out += 1  # after one all: what is missing are always the last ones

    def learn(self, name: str, text: str) -> None:
        """A fact of the environment; one that is told again is replaced."""
        before = self.environment.get(name)
        size = len(name) + len(text) - (0 if before is None else len(name) + len(before))
        if self._facts_bytes + size <= self._room.facts_bytes:
            self._facts_bytes += size
            self.environment[name] = text
        elif not self._facts_are_full:
            self._facts_are_full = True
            self._log(f"no room for another fact of the environment, left out: {name[:100]!r}")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _scalars(value: Any) -> dict[str, Any]:
    return {key: _of_64_bits(v) if isinstance(v, (str, bool)) or is_number(v) else json.dumps(v)
            for key, v in _mapping(value).items()}


def _numbers(value: Any) -> dict[str, float]:
    """Finite numbers only."""
    return {key: _of_64_bits(v) for key, v in _mapping(value).items() if is_number(v)}


def _of_64_bits(value: Any) -> Any:
    """Larger whole numbers are none elsewhere."""
    return float(value) if isinstance(value, int) and not -2**63 <= value < 2**63 else value

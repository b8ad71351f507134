"""How a shipped job speaks: events for the agent, exit codes for the shell, plain lines for a person.

A job knows its arguments, its environment and files, and nothing of where it runs. What it measures goes, one JSON
object a line, to the file named by SHAPEBENCH_EVENTS_FILE (often a FIFO that the agent reads, so it is only ever
appended to); without that variable the same events are printed to stderr for the person who started it by hand.

The names below are this package's own copy of the contract in `shapebench.api.wire`: the jobs also run where Shapebench
is not installed. A test holds the two equal.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

ENV_EVENTS_FILE = "SHAPEBENCH_EVENTS_FILE"
ENV_RUN = "SHAPEBENCH_RUN"
ENV_WORKERS = "SHAPEBENCH_WORKERS"
ENV_CPU = "SHAPEBENCH_CPU"
ENV_SEED = "SHAPEBENCH_SEED"

EVENT_MEASURED_STARTED = "measured-started"
EVENT_MEASURED_FINISHED = "measured-finished"
EVENT_MEASUREMENT = "measurement"
EVENT_ENVIRONMENT = "environment"
EVENT_WRONG_ANSWER = "wrong-answer"

EXIT_BAD_ARGUMENTS = 2
EXIT_WRONG_ANSWER = 65

Scalar = str | int | float | bool
Event = dict[str, Any]


class WrongAnswerError(Exception):
    """The job ran to its end, and what it computed is wrong: the run must not be counted."""


class BadArgumentsError(Exception):
    """The arguments cannot work, found out only once the job looked at its surroundings."""


class Sink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> None:
        """Take one event."""

    def close(self) -> None:
        """Take no more; say what there is to say at the end."""


class EventFile:
    """Events as JSON lines, one write each, for a reader that follows the file while it grows."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def emit(self, event: Event) -> None:
        """Append one line; raises OSError when the reader is gone."""
        rest = memoryview((json.dumps(event, allow_nan=False) + "\n").encode())
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Console:
    """Events as lines for a person, with a summary of the measurements at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._started_s = 0.0
        self._duration_s: float | None = None
        self._rows: list[Event] = []

    def emit(self, event: Event) -> None:
        """Print one event."""
        kind = event["event"]
        if kind == EVENT_MEASURED_STARTED:
            self._started_s = event["monotonic_s"]
            self._say("clock started")
        elif kind == EVENT_MEASURED_FINISHED:
            self._duration_s = event["monotonic_s"] - self._started_s
            self._say(f"clock stopped after {self._duration_s:.3f} s")
        elif kind == EVENT_MEASUREMENT:
            self._rows.append(event)
            self._say(f"measured  {_pairs(event['parameters'])}: {_pairs(event['values'])}")
        elif kind == EVENT_ENVIRONMENT:
            for name, value in event["values"].items():
                self._say(f"{name} = {value}")

    def close(self) -> None:
        """Print the summary."""
        if self._duration_s is None:
            return
        self._say(f"summary: {self._duration_s:.3f} s measured, {len(self._rows)} measurements")
        for row in self._rows:
            self._say(f"  {_pairs(row['parameters'])}: {_pairs(row['values'])}")

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def _pairs(values: Mapping[str, Scalar]) -> str:
    return "  ".join(f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
                     for name, value in values.items())


class Run:
    """What a job holds while it works: its one way to say what it measured."""

    def __init__(self, sink: Sink, names: Collection[str] | None = None) -> None:
        self._sink = sink
        self._names = names

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Bound the measured part. A part that raises has no end: its time means nothing."""
        self._mark(EVENT_MEASURED_STARTED)
        yield
        self._mark(EVENT_MEASURED_FINISHED)

    def _mark(self, event: str) -> None:
        """Durations come from the steady clock, one for all processes of a machine: the wall's may be set meanwhile."""
        self._sink.emit({"event": event, "time_s": time.time(), "monotonic_s": time.monotonic()})

    def measurement(self, parameters: Mapping[str, Scalar], values: Mapping[str, float]) -> None:
        """Write one row; ValueError when a value is not a finite number, or has a name that the job does not tell."""
        for name, value in values.items():
            if self._names is not None and name not in self._names:
                raise ValueError(f"measurement {name} is not in the job's MEASURED: a Benchmark could not name it")
            if not math.isfinite(value):
                raise ValueError(f"measurement {name} is {value}: only finite numbers can be recorded")
        self._sink.emit({"event": EVENT_MEASUREMENT, "parameters": dict(parameters), "values": dict(values)})

    def environment(self, values: Mapping[str, str]) -> None:
        """Record versions and settings that explain the numbers."""
        self._sink.emit({"event": EVENT_ENVIRONMENT, "values": dict(values)})

    def wrong_answer(self, message: str) -> None:
        """Record that the answer is wrong; jobs raise WrongAnswerError instead of calling this."""
        self._sink.emit({"event": EVENT_WRONG_ANSWER, "message": message})


def perform(job: Callable[[Run], None], environ: Mapping[str, str] = os.environ,
            measured: Collection[str] | None = None) -> int:
    """Run a job and return its exit code: 0, 2 (arguments cannot work) or 65 (wrong answer).

    `measured`: the names of the values that its rows may have. Any other exception passes through, so that its
    traceback is in the log and Python exits with 1.
    """
    path = environ.get(ENV_EVENTS_FILE)
    sink: Sink = EventFile(path) if path else Console(sys.stderr)
    run = Run(sink, measured)
    try:
        job(run)
    except WrongAnswerError as wrong:
        run.wrong_answer(str(wrong))
        print(f"WRONG ANSWER: {wrong}", file=sys.stderr, flush=True)
        return EXIT_WRONG_ANSWER
    except BadArgumentsError as bad:
        print(f"error: {bad}", file=sys.stderr, flush=True)
        return EXIT_BAD_ARGUMENTS
    finally:
        sink.close()
    return 0


def note(message: str) -> None:
    """Tell the person who reads the log something that is no measurement."""
    print(message, file=sys.stderr, flush=True)

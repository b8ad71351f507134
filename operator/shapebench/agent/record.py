"""Puts the PodRecord together (the JSON that api.record.PodRecord describes) and leaves it where it is looked for."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shapebench.agent import framing
from shapebench.api import wire

if TYPE_CHECKING:
    from shapebench.agent.events import Story
    from shapebench.agent.sampler import Sampler
    from shapebench.agent.settings import Settings
    from shapebench.agent.surroundings import Surroundings

VERSION = "shapebench.dev/pod-record/v1"
_SHORTEST_MESSAGE = 200
_FILE_CHECKPOINT_BYTES = 65536
"""Written every second."""


class Ending(NamedTuple):
    """How the program, or the wait for its peers, went. Not `complete`: it still goes on."""

    exit_code: int
    signal: int | None = None
    message: str = ""
    program_started_s: float | None = None
    program_finished_s: float | None = None
    complete: bool = True


def unfinished(program_started_s: float) -> Ending:
    """What a checkpoint says: it is read only if nobody could write what comes after it."""
    return Ending(128 + signal.SIGKILL, int(signal.SIGKILL), wire.CUT_SHORT, program_started_s, complete=False)


def assemble(settings: Settings, sampler: Sampler, story: Story, ending: Ending, facts: dict[str, str],
             around: Surroundings) -> dict[str, Any]:
    """The whole record; a checkpoint is without its series. `facts` are the agent's own: verdicts rest on them, so what
    a program tells by these names does not count."""
    measured = sampler.measured_usage()
    told = {**story.environment, **facts}
    time_s, columns = sampler.series.columns() if ending.complete else ([], {})
    return {
        "version": VERSION,
        "pod": settings.pod,
        "role": settings.role,
        "index": settings.pod_index,
        "counters": facts["agent_counters"],
        "agent_started_s": _moment(sampler.started_s),
        "program_started_s": _moment(ending.program_started_s),
        "program_finished_s": _moment(ending.program_finished_s),
        "measured_started_s": _moment(story.measured_started_s),
        "measured_finished_s": _moment(story.measured_finished_s),
        "measured_parts": story.measured_parts,
        "complete": ending.complete,
        "last_reading_s": _moment(sampler.latest.time_s),
        "exit_code": ending.exit_code,
        "signal": ending.signal,
        "oom_killed": ending.complete and ending.signal == signal.SIGKILL and sampler.oom_kills > 0,
        "message": ending.message,
        "wrong_answer": story.wrong_answer,
        "usage": sampler.usage()._asdict(),
        "measured_usage": None if measured is None else measured._asdict(),
        "memory_peak_is_sampled": sampler.peak_is_sampled,
        "measured_memory_peak_is_sampled": sampler.measured_peak_is_sampled,
        "surroundings": around._asdict(),
        "measurements": story.measurements,
        "measurements_left_out": story.measurements_left_out,
        "environment": {name: text for name, text in told.items() if text or name not in facts},
        "series": {"time_s": time_s, "columns": columns},
    }


def _moment(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s, 6)


def as_json(record: dict[str, Any]) -> str:
    """The record as JSON; its measurements are JSON already."""
    rest = framing.dumps({key: value for key, value in record.items() if key != "measurements"})
    return f'{rest[:-1]},"measurements":[{",".join(record["measurements"])}]}}'


def totals(record: dict[str, Any], limit_bytes: int) -> str:
    """The record without its series as JSON of at most so many bytes.

    What does not fit goes in this order: measurements from the last, the environment, the message's end.
    environment["truncated"] says what is missing, and measurements_left_out how many rows.
    """
    short = {key: value for key, value in record.items() if key != "series"}
    rows: list[str] = record["measurements"]
    ends = list(itertools.takewhile(lambda end: end <= limit_bytes, itertools.accumulate(len(row) + 1 for row in rows)))
    if len(ends) == len(rows) and len(whole := as_json(short)) <= limit_bytes:
        return whole

    def cut(kept: int, facts: dict[str, Any]) -> dict[str, Any]:
        left_out = len(rows) - kept + record.get("measurements_left_out", 0)
        note = f"{left_out} of {kept + left_out} measurements" + ("" if facts else ", environment, message")
        return {**short, "measurements": rows[:kept], "measurements_left_out": left_out,
                "environment": {**facts, "truncated": note}}

    room_bytes = limit_bytes - len(as_json(cut(0, record["environment"])))  # with the longest note
    if room_bytes >= 0:
        return as_json(cut(bisect.bisect(ends, room_bytes), record["environment"]))
    bare = cut(0, {})
    if len(as_json(bare)) > limit_bytes:
        bare.update({key: str(bare[key])[:_SHORTEST_MESSAGE] for key in ("message", "wrong_answer") if bare[key]})
    return as_json(bare)


def write_file(record: dict[str, Any], path: Path) -> None:
    """Write the record whole or not at all, of a checkpoint little more than the totals; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text((as_json(record) if record["complete"] else totals(record, _FILE_CHECKPOINT_BYTES)) + "\n")
    partial.replace(path)


def print_lines(record: dict[str, Any], fd: int) -> None:
    """Write the record's lines to the log. A log that nobody reads any more is no error."""
    # An empty line first: the program's last output may have had no line end.
    text = "\n" + "\n".join(framing.encode(as_json(record))) + "\n"
    rest = memoryview(text.encode())
    with contextlib.suppress(OSError):
        # Programs such as Node leave a shared pipe non-blocking, and half a record would be lost.
        os.set_blocking(fd, True)
        while rest:
            rest = rest[os.write(fd, rest):]


def write_termination_log(record: dict[str, Any], path: Path, limit_bytes: int) -> bool:
    """Write the totals where the kubelet looks for them; False where there is no such file."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # In one piece over what is there, and the rest made blank: whoever is killed here leaves a whole record.
        text = totals(record, limit_bytes).encode()
        os.pwrite(fd, text.ljust(min(limit_bytes, os.fstat(fd).st_size)), 0)
        if record["complete"]:
            os.ftruncate(fd, len(text))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True

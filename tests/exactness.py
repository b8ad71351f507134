"""What an agent counts in a place of its own, beside what the program knows that it used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import known_life
import own_pod

from shapebench.agent import framing
from shapebench.api.record import PodRecord
from shapebench.api.usage import Usage

T = TypeVar("T")

BOUNDS = {"cpu": 0.01, "measured cpu": 0.01, "network bytes": 0.01, "network packets": 0.01, "disk read": 0.01,
          "disk written": 0.01, "memory peak": 0.02}
"""Issue and bench hold the agent to these, as shares of what is known."""


DISK_MIB = 64
DATAGRAMS = 1500
_LIVES = 5
HEARD_LATE = "late: its usage is not known"
"""An agent says so of a measured part whose ends it heard of too late, as a busy machine woke it up too late."""


def heard_in_time(live: Callable[[], T], is_late: Callable[[T], bool]) -> T:
    """A life of whose measured part its agents heard in time. A busy machine wakes one up too late now and then: such a
    life tells nothing, and another is lived; the last one of a few, whatever it is."""
    for _ in range(_LIVES):
        found = live()
        if not is_late(found):
            break
    return found


@dataclass(frozen=True)
class Figure:
    """One counter: what the program knows, and what the agent's record says (None: this source does not tell)."""

    name: str
    known: float
    counted: float | None

    @property
    def error(self) -> float | None:
        """Share of what is known."""
        return None if self.counted is None else self.counted / self.known - 1

    @property
    def holds(self) -> bool:
        """Whether it is within its bound, or not told."""
        return self.error is None or abs(self.error) <= BOUNDS[self.name]


def live(agent: Path, seconds: float, folder: Path, version: str | None) -> tuple[PodRecord, list[Figure]]:
    """One life of so many CPU seconds in a place of its own; raises RuntimeError if it ended badly."""
    def lived() -> tuple[PodRecord, str]:
        with own_pod.place(version, network=version is not None) as place, ExitStack() as stack:
            port = stack.enter_context(own_pod.echo(place.outside)) if place.outside else 0
            words = (str(seconds), str(folder), str(DISK_MIB), place.outside, str(port), str(DATAGRAMS))
            return _run(agent, place, words, version)

    record, _ = heard_in_time(lived, lambda found: HEARD_LATE in found[1])
    return record, figures(record, record.usage)


def _run(agent: Path, place: own_pod.Place, words: Sequence[str], version: str | None) -> tuple[PodRecord, str]:
    env = {"PATH": os.environ["PATH"], "SHAPEBENCH_METRICS_PORT": "0",
           "SHAPEBENCH_COUNTERS": "processes" if version is None else "cgroup"}
    if place.memory_group is not None and (place.memory_group / "memory.stat").exists():
        env["KNOWN_GROUP"] = str(place.memory_group)
    command = (*place.prefix, sys.executable, "-I", str(agent), "--cgroup-root", str(place.cgroup_root), "--",
               sys.executable, "-I", "-S", str(Path(known_life.__file__)), *words)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    found = framing.decode(done.stdout)
    if done.returncode or found is None:
        raise RuntimeError(done.stdout + done.stderr)
    return PodRecord.model_validate(found), done.stderr


def figures(record: PodRecord, usage: Usage) -> list[Figure]:
    """What the program knows beside one of its record's two usages; of both for CPU, memory is the whole life's."""
    [known] = [row.values for row in record.measurements]
    measured = record.measured_usage
    assert measured is not None
    pages = known["pages" if usage is record.usage else "measured_pages"]
    found = [
        Figure("cpu", known["cpu"], record.usage.cpu_seconds),
        Figure("measured cpu", known["measured_cpu"], measured.cpu_seconds),
        Figure("disk read", known["disk"] + pages, usage.disk_read_bytes),
        Figure("disk written", known["disk"], usage.disk_written_bytes),
        Figure("memory peak", known["memory"], record.usage.memory_peak_bytes),
    ]
    if known["datagrams"]:
        packets, each = 2 * known["datagrams"], known_life.PAYLOAD_BYTES + own_pod.FRAME_BYTES
        found += [Figure("network bytes", packets * each, _sum(usage.network_receive_bytes,
                                                               usage.network_transmit_bytes)),
                  Figure("network packets", packets, _sum(usage.network_receive_packets,
                                                          usage.network_transmit_packets))]
    return found


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other

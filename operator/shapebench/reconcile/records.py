"""From a finished attempt's logs to the records of its pods, and to how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from shapebench.agent import framing
from shapebench.api import assemble, thinning, wire
from shapebench.api.record import PodRecord, Reason
from shapebench.reconcile.facts import PodFact

SAMPLES_IN_MEMORY = 60_000
"""Of all pods of a run together: 600 for each of a hundred. A thousand pods' series whole would take a quarter of a
gigabyte; the results store gets them one pod at a time."""
_TAIL_LINES, _TAIL_CHARS = 15, 1500


def pod_records(pods: Sequence[PodFact], logs: Mapping[str, str]) -> tuple[PodRecord, ...]:
    """What the agents left: from the log, else (without series) from the termination message."""
    return tuple(each_pod(pods, logs, samples=SAMPLES_IN_MEMORY // max(1, len(pods))))


def each_pod(pods: Sequence[PodFact], logs: Mapping[str, str], samples: int | None) -> Iterator[PodRecord]:
    """As `pod_records`, one by one, with at most so many samples in each series (None: all)."""
    for pod in sorted(pods, key=lambda pod: pod.name):
        record = _pod_record(pod, logs.get(pod.name, ""))
        if record is not None:
            yield record if samples is None else record.model_copy(
                update={"series": thinning.thinned(record.series, samples)})


def _pod_record(pod: PodFact, log: str) -> PodRecord | None:
    for read, text in ((framing.decode, log), (json.loads, pod.totals)):
        try:
            given = read(text)
            if given is not None:
                record = PodRecord.model_validate(given)
                return record if record.complete else _cut_short(record, pod)
        except (ValueError, ValidationError, RecursionError):
            continue
    return None


def _cut_short(record: PodRecord, pod: PodFact) -> PodRecord:
    """A checkpoint with the end that the kubelet saw, which took the agent too: how much of it is missing."""
    if pod.finished_s is None or record.last_reading_s is None:
        return record
    # The kubelet tells whole seconds.
    lost_s = max(0.0, pod.finished_s - record.last_reading_s)
    return record.model_copy(update={"message": f"{record.message}, {lost_s:.0f} s before"})


def outcome(number: int, failure_reason: Reason | None, message: str, pods: Sequence[PodRecord],
            logs: Mapping[str, str]) -> assemble.Outcome:
    """The attempt's end with what the records and logs add: a memory kill, and a failed program's last words."""
    if failure_reason is not Reason.PROGRAM_FAILED:
        return assemble.Outcome(number, failure_reason, message)
    killed = [pod for pod in pods if pod.oom_killed]
    if killed:
        return assemble.Outcome(number, Reason.OUT_OF_MEMORY, f"pod {killed[0].pod}: {killed[0].message}")
    failed = next((pod for pod in pods if pod.role in assemble.DECIDING_ROLES and pod.exit_code != 0), None)
    if failed is None:
        return assemble.Outcome(number, failure_reason, message)
    said = [message, *([failed.message] if failed.message else []), log_tail(logs.get(failed.pod, ""))]
    return assemble.Outcome(number, failure_reason, "\n".join(filter(None, said)))


def log_tail(log: str) -> str:
    """A program's last lines, without the agent's own and without a Java trace's frames, which hide its causes."""
    lines = [line for line in log.splitlines() if line.strip() and wire.RECORD_LINE_PREFIX not in line
             and not line.startswith(("\tat ", "\t... "))]
    return "\n".join(lines[-_TAIL_LINES:])[-_TAIL_CHARS:]

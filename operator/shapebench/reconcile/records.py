"""From a finished attempt's logs to the records of its pods, and to how it ended."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from shapebench.agent import framing
from shapebench.api import assemble
from shapebench.api.record import PodRecord, Reason
from shapebench.reconcile.facts import PodFact
from shapebench.reconcile.pod_logs import PodLog

_WHY_CHARS = 200


def pod_records(pods: Iterable[PodFact], logs: Mapping[str, PodLog]) -> tuple[PodRecord, ...]:
    """What the agents left: from the log, else (without series) from the termination message."""
    found = (_pod_record(pod, logs.get(pod.name, PodLog())) for pod in sorted(pods, key=lambda pod: pod.name))
    return tuple(record for record in found if record is not None)


def _pod_record(pod: PodFact, log: PodLog) -> PodRecord | None:
    record = log.record or _from_termination_message(pod.totals)
    if record is None:
        return None
    if not record.complete:
        return _cut_short(record, pod)
    return record if log.record else record.model_copy(update={"left_out": _left_out(record, log)})


def _left_out(record: PodRecord, log: PodLog) -> str:
    """What a termination message has no room for: the series always, and the last rows."""
    rows = record.measurements_left_out
    missing = f" and {rows} of {rows + len(record.measurements)} measurements" if rows else ""
    why = f"its log could not be read: {log.unread[:_WHY_CHARS]}" if log.unread else "its log has no whole record"
    return f"the samples over time{missing}: {why}"


def _from_termination_message(text: str) -> PodRecord | None:
    try:
        return PodRecord.model_validate(framing.loads(text))
    except (ValueError, RecursionError):
        return None


def _cut_short(record: PodRecord, pod: PodFact) -> PodRecord:
    """A checkpoint with the end that the kubelet saw, which took the agent too: how much of it is missing."""
    if pod.finished_s is None or record.last_reading_s is None:
        return record
    # The kubelet tells whole seconds.
    lost_s = max(0.0, pod.finished_s - record.last_reading_s)
    return record.model_copy(update={"message": f"{record.message}, {lost_s:.0f} s before"})


def medians(pods: Iterable[PodRecord], logs: Mapping[str, PodLog]) -> dict[str, float]:
    """Of each measured value over all rows, where some of them are not in the pods' records; none where nobody knows
    these: their log was not read, or there was no room for their values either."""
    deciding = [pod for pod in pods if pod.role in assemble.DECIDING_ROLES]
    cut = [(pod, logs.get(pod.pod, PodLog()).rest) for pod in deciding if pod.measurements_left_out]
    if not cut or not all(rest for _, rest in cut):
        return {}
    values: dict[str, list[float]] = {}
    for name, value in ((name, value) for pod in deciding for row in pod.measurements
                        for name, value in row.values.items()):
        values.setdefault(name, []).append(value)
    for _, rest in cut:
        for name, more in rest.items():
            values.setdefault(name, []).extend(more)
    return {name: statistics.median(found) for name, found in values.items()}


def outcome(number: int, failure_reason: Reason | None, message: str, pods: Sequence[PodRecord],
            logs: Mapping[str, PodLog]) -> assemble.Outcome:
    """The attempt's end with what the records and logs add: a memory kill, and a failed program's last words."""
    if failure_reason is not Reason.PROGRAM_FAILED:
        return assemble.Outcome(number, failure_reason, message)
    killed = [pod for pod in pods if pod.oom_killed]
    if killed:
        return assemble.Outcome(number, Reason.OUT_OF_MEMORY, f"pod {killed[0].pod}: {killed[0].message}")
    failed = next((pod for pod in pods if pod.role in assemble.DECIDING_ROLES and pod.exit_code != 0), None)
    if failed is None:
        return assemble.Outcome(number, failure_reason, message)
    said = [message, *([failed.message] if failed.message else []), logs.get(failed.pod, PodLog()).tail]
    return assemble.Outcome(number, failure_reason, "\n".join(filter(None, said)))

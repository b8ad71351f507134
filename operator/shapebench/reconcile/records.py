"""From a finished attempt's logs to the run's record, and the config map that keeps it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from shapebench.agent import framing
from shapebench.api import assemble, keys, wire
from shapebench.api.record import PodRecord, Reason, RunRecord, Series
from shapebench.build.attempt import Attempt, KubeObject
from shapebench.reconcile.facts import PodFact

CONFIG_MAP_LIMIT_BYTES = 900_000
"""Of the 1 MiB that a config map may hold."""
_TAIL_LINES, _TAIL_CHARS = 15, 1500


def pod_records(pods: Sequence[PodFact], logs: Mapping[str, str]) -> tuple[PodRecord, ...]:
    """What the agents left: from the log, else (without series) from the termination message."""
    found = (_pod_record(pod, logs.get(pod.name, "")) for pod in sorted(pods, key=lambda pod: pod.name))
    return tuple(record for record in found if record is not None)


def _pod_record(pod: PodFact, log: str) -> PodRecord | None:
    for read, text in ((framing.decode, log), (json.loads, pod.totals)):
        try:
            given = read(text)
            if given is not None:
                return PodRecord.model_validate(given)
        except (ValueError, ValidationError):
            continue
    return None


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


def config_map(attempt: Attempt, record: RunRecord) -> KubeObject:
    """The record as an object, owned by its run. Series are left out when they would not fit."""
    packed = _packed(record)
    if len(packed) > CONFIG_MAP_LIMIT_BYTES:
        bare = tuple(pod.model_copy(update={"series": Series()}) for pod in record.pods)
        note = {"series": f"left out: {len(packed)} bytes are too many for a config map"}
        packed = _packed(record.model_copy(update={"pods": bare, "environment": record.environment | note}))
    name = keys.record_name(record.run)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": attempt.metadata(name, {keys.LABEL_RECORD: "true"}),
        "binaryData": {keys.RECORD_KEY: base64.b64encode(packed).decode()},
    }


def _packed(record: RunRecord) -> bytes:
    # mtime=0: the same record is the same bytes, whoever writes it.
    return gzip.compress(record.model_dump_json(exclude_none=True).encode(), mtime=0)

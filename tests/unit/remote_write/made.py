"""Records of runs, made by hand."""

from __future__ import annotations

from typing import Any

from shapebench.api.record import PodRecord, RunRecord
from shapebench.api.usage import Usage


def pod(index: int = 0, role: str = "worker", start_s: float = 100.0, **fields: Any) -> PodRecord:
    """Eight seconds of a pod that uses half a core and receives a byte a second, its measured part from 2.5 to 6.5."""
    times = tuple(start_s + second for second in range(9))
    given = {
        "pod": f"{role}-{index}", "role": role, "index": index, "counters": "cgroup-v2", "agent_started_s": start_s,
        "program_started_s": start_s + 0.5, "program_finished_s": start_s + 8, "exit_code": 0,
        "measured_started_s": start_s + 2.5, "measured_finished_s": start_s + 6.5,
        "series": {"time_s": times, "columns": {
            "cpu_seconds": tuple(second / 2 for second in range(9)),
            "network_receive_bytes": tuple(range(9)),
            "memory_bytes": (100,) * 9}}}
    return PodRecord.model_validate({**given, **fields})


def run(*pods: PodRecord, **fields: Any) -> RunRecord:
    """A run of these pods."""
    given = {
        "benchmark": "read", "namespace": "lab", "run": "read-1-2", "backend": "kubernetes", "workers": 2, "cpu": 1.0,
        "memory_bytes": 1 << 30, "block": 1, "repetition": 1, "position": 2, "attempt": 1, "phase": "Succeeded",
        "cell": {"shape": "2x1", "parameters": {"batchSize": 4, "cached": True}}, "verdict": "Valid",
        "times": {"started_s": 102.5, "finished_s": 106.5}, "duration_s": 4.0, "pods": pods}
    return RunRecord.model_validate({**given, **fields})


USAGE = Usage(cpu_seconds=2.1, network_receive_bytes=5)
"""What one pod used in its measured part, as its agent read it: a little more than its samples tell."""

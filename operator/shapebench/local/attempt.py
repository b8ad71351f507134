"""One run on this machine, from its gang to its record."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from shapebench.agent import framing
from shapebench.agent.counters import Network, grown
from shapebench.agent.network import NetworkCounters
from shapebench.api import assemble, cost, losses
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import PodRecord, RunRecord, Times
from shapebench.build import configured
from shapebench.local import gang, outcome, spark, tensorflow
from shapebench.local.context import NAMESPACE, Attempt, Machine
from shapebench.plan import expand

_GANGS: Mapping[str, Callable[[Attempt], tuple[gang.Member, ...]]] = MappingProxyType({
    "spark": spark.gang,
    "tensorflow": tensorflow.gang,
})
_Moved = Mapping[str, int | None]
"""Bytes and packets, by the names that they have in a record's usage."""


@dataclass(frozen=True)
class Place:
    """Where runs happen: the machine, and the folder of logs that stay."""

    machine: Machine
    logs: Path


def execute(benchmark: Benchmark, planned: expand.PlannedRun, place: Place,
            tick: Callable[[float], None]) -> RunRecord:
    """Make the run. There is no second attempt: no node can be lost here, and no pod evicted."""
    with tempfile.TemporaryDirectory(prefix="shapebench-", ignore_cleanup_errors=True) as scratch:
        attempt = Attempt(benchmark, planned, place.machine, Path(scratch), place.logs)
        created_s, begun_s = time.time(), time.monotonic()
        killed_before = outcome.oom_kills()
        interfaces = NetworkCounters(Path("/proc"), with_loopback=True)
        network_before = interfaces.read()
        members = _GANGS[benchmark.spec.workload.kind](attempt)
        try:
            ending = gang.run(members, attempt.timeout_s, tick)
        finally:
            spark.keep_executor_logs(attempt)
        moved = _moved(network_before, interfaces.read())
        found = {(member.role, member.index): _record(member.record) for member in members}
        pods = [pod for pod in found.values() if pod is not None]
        failed = ending.failed and found[ending.failed.role, ending.failed.index]
        result = outcome.judge(ending, attempt.timeout_s, outcome.oom_kills() > killed_before,
                               failed.message if failed else "")
        context = expand.context(benchmark, planned, "local", NAMESPACE)
        rows = sum(pod.measurements_left_out for pod in pods)
        if rows and result.reason is None:
            result = replace(result, message=losses.missing(rows, has_medians=False))
        result = replace(result, cost_spent=cost.of_time(context.price_per_hour, time.monotonic() - begun_s))
        started = [pod.program_started_s for pod in pods if pod.program_started_s is not None]
        times = Times(created_s=created_s, scheduled_s=created_s, running_s=max(started, default=None))
        record = assemble.run_record(context, one_network(pods, moved), result, times)
        lost = tuple(f"{planned.name}-{role}-{index}" for (role, index), pod in found.items()
                     if pod is None or not pod.complete)
        return record.model_copy(update={"lost_pods": lost, "environment": _configured(attempt) | record.environment})


def _configured(attempt: Attempt) -> dict[str, str]:
    """How Spark was set up, for a program that does not say."""
    workload = attempt.benchmark.spec.workload.spark
    return configured.told(spark.configuration(attempt, workload)) if workload is not None else {}


def one_network(pods: Sequence[PodRecord], moved: _Moved) -> tuple[PodRecord, ...]:
    """The records with the network counted once: without namespaces each agent reads the whole machine's.

    Each does so while its own program runs, or is measured, and would miss some of the others'. So the first of
    several tells what was `moved` during the whole run.
    """
    if len(pods) < 2:
        return tuple(pods)
    nothing = dict.fromkeys(moved)
    return tuple(_with_network(pod, nothing if number else moved) for number, pod in enumerate(pods))


def _moved(before: Network, after: Network) -> _Moved:
    return {f"network_{name}": grown(*values) for name, *values in zip(Network._fields, before, after, strict=True)}


def _with_network(pod: PodRecord, moved: _Moved) -> PodRecord:
    columns = {name: column for name, column in pod.series.columns.items() if moved.get(name, 0) is not None}
    return pod.model_copy(update={
        "usage": pod.usage.model_copy(update=moved),
        "measured_usage": pod.measured_usage and pod.measured_usage.model_copy(update=moved),
        "series": pod.series.model_copy(update={"columns": columns}),
    })


def _record(path: Path) -> PodRecord | None:
    """What an agent left; None when it was killed before it could."""
    try:
        return PodRecord.model_validate(framing.loads(path.read_text()))
    except (OSError, ValueError, RecursionError):
        return None

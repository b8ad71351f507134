"""From the records of a run's pods to the record of the run: one pure function for both backends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shapebench.api import cost, quantity, wire
from shapebench.api.benchmark import Objective, Shape
from shapebench.api.fields import MOST_COUNTED
from shapebench.api.record import Cell, Phase, PodRecord, Reason, RunRecord, Times, Verdict
from shapebench.api.usage import Usage

DECIDING_ROLES = (wire.ROLE_DRIVER, wire.ROLE_WORKER)
"""Whose programs are the run: executors and parameter servers only serve them."""


@dataclass(frozen=True)
class RunContext:
    """What was known of the run before it started."""

    benchmark: str
    namespace: str
    run: str
    backend: Literal["kubernetes", "local"]
    cell: Cell
    shape: Shape
    block: int
    repetition: int
    position: int
    price_per_hour: float | None = None
    """Of the whole gang; None: not priced."""
    objective: Objective | None = None


@dataclass(frozen=True)
class Outcome:
    """How the attempt ended, as seen from outside the pods. `reason` None: it succeeded."""

    attempt: int
    reason: Reason | None = None
    message: str = ""
    cost_spent: float | None = None
    """By this attempt and all before it."""


def run_record(context: RunContext, pods: Sequence[PodRecord], outcome: Outcome, times: Times) -> RunRecord:
    """The run's record. `times` has the moments seen from outside; start and finish come from the pods.

    The duration is the longest measured part of any deciding pod, each by its own clock: nodes' clocks differ. Where
    some of them marked theirs, those alone say it: a chief may mark for all.
    """
    pods = _by_marks(pods)
    deciding = [pod for pod in pods if pod.role in DECIDING_ROLES]
    reason, message = _judged(outcome, deciding)
    marking = [pod for pod in deciding if is_marked(pod)] or deciding
    windows = [window for window in map(_window, marking) if window is not None]
    duration_s = max((finish - start for start, finish in windows), default=None)
    return RunRecord(
        benchmark=context.benchmark,
        namespace=context.namespace,
        run=context.run,
        backend=context.backend,
        objective=context.objective,
        cell=context.cell,
        workers=context.shape.workers,
        cpu=quantity.cpu_cores(context.shape.cpu),
        memory_bytes=quantity.memory_bytes(context.shape.memory),
        block=context.block,
        repetition=context.repetition,
        position=context.position,
        attempt=outcome.attempt,
        phase=Phase.FAILED if reason else Phase.SUCCEEDED,
        reason=reason,
        message=message,
        verdict=_verdict(context.block, outcome.attempt, reason),
        times=_with_measured_part(times, windows),
        duration_s=duration_s,
        cost=cost.of_time(context.price_per_hour, duration_s),
        cost_spent=outcome.cost_spent,
        **_usages(pods),
        measurements=tuple(row for pod in deciding for row in pod.measurements),
        measurements_left_out=sum(pod.measurements_left_out for pod in deciding),
        environment={key: value for pod in reversed(deciding) for key, value in pod.environment.items()},
        pods=tuple(pods),
    )


def is_marked(pod: PodRecord) -> bool:
    """Whether its program marked the measured part; agents take no end without a start."""
    return pod.measured_started_s is not None


def _by_marks(pods: Sequence[PodRecord]) -> Sequence[PodRecord]:
    """Where some deciding pods marked the measured part, what the others used in it is not known: they have told of
    their whole lives. Pods that serve heard the first one's."""
    deciding = [pod for pod in pods if pod.role in DECIDING_ROLES]
    silent = [pod for pod in deciding if not is_marked(pod)]
    if len(silent) in (0, len(deciding)):
        return pods
    leader_is_silent = any(pod.index == 0 for pod in silent)
    nothing = dict.fromkeys(("measured_started_s", "measured_finished_s", "measured_usage",
                             "measured_memory_peak_is_sampled"))

    def is_known(pod: PodRecord) -> bool:
        return is_marked(pod) if pod.role in DECIDING_ROLES else not leader_is_silent

    return [pod if is_known(pod) else pod.model_copy(update=nothing) for pod in pods]


def total(usages: Iterable[Usage]) -> Usage:
    """The sum, counter by counter; None where no pod could read it, or the sum cannot be."""
    listed = list(usages)
    summed = {}
    for name in Usage.model_fields:
        known = [value for value in (getattr(usage, name) for usage in listed) if value is not None]
        summed[name] = sum(known) if known and abs(sum(known)) < MOST_COUNTED else None
    return Usage.model_validate(summed)


def lost_usage(record: RunRecord) -> Usage | None:
    """Of all attempts together that were lost; None where no pod of them told any."""
    told = [one.usage for one in record.lost_attempts if one.usage != Usage()]
    return total(told) if told else None


def _usages(pods: Sequence[PodRecord]) -> dict[str, Any]:
    """What the pods used, all together and by role, and how well it is known."""
    by_role = {role: [pod for pod in pods if pod.role == role] for role in sorted({pod.role for pod in pods})}
    return {
        "usage": total(pod.usage for pod in pods),
        "usage_by_role": {role: total(pod.usage for pod in its) for role, its in by_role.items()},
        "measured_usage": _measured(pods),
        "measured_usage_by_role": {role: known for role, its in by_role.items()
                                   if (known := _measured(its)) is not None},
        "memory_peak_is_sampled": _any([pod.memory_peak_is_sampled for pod in pods]),
        "measured_memory_peak_is_sampled": _any([pod.measured_memory_peak_is_sampled for pod in pods]),
    }


def _measured(pods: Sequence[PodRecord]) -> Usage | None:
    """The sum over the measured part; None where one of the pods does not know it, for the sum would be too small."""
    known = [pod.measured_usage for pod in pods if pod.measured_usage is not None]
    return total(known) if known and len(known) == len(pods) else None


def _any(told: Sequence[bool | None]) -> bool | None:
    """Whether it is so of a pod; None where that is not known."""
    return True if True in told else None if None in told or not told else False


def _window(pod: PodRecord) -> tuple[float, float] | None:
    """The measured part: what was marked, else the program's first instruction to its last."""
    start = pod.measured_started_s or pod.program_started_s
    finish = pod.measured_finished_s or pod.program_finished_s
    return (start, finish) if start is not None and finish is not None else None


def _with_measured_part(times: Times, windows: Sequence[tuple[float, float]]) -> Times:
    return times.model_copy(update={"started_s": min((start for start, _ in windows), default=None),
                                    "finished_s": max((finish for _, finish in windows), default=None)})


def _judged(outcome: Outcome, deciding: Sequence[PodRecord]) -> tuple[Reason | None, str]:
    """A job that found its answer wrong says so itself; from outside it only looks like a failed program."""
    wrong = [pod.wrong_answer for pod in deciding if pod.wrong_answer]
    if wrong and outcome.reason in (None, Reason.PROGRAM_FAILED):
        return Reason.WRONG_ANSWER, wrong[0]
    said = () if outcome.reason else _marked_again(deciding)
    return outcome.reason, "\n".join(filter(None, (outcome.message, *said)))


def _marked_again(deciding: Iterable[PodRecord]) -> Iterator[str]:
    most = max(deciding, key=lambda pod: pod.measured_parts, default=None)
    if most is not None and most.measured_parts > 1:
        yield (f"pod {most.pod}: the program marked {most.measured_parts} measured parts; the last one counts, the "
               "others are in no number of this run")


def _verdict(block: int, attempt: int, reason: Reason | None) -> Verdict:
    if reason is not None:
        return Verdict.FAILED
    if block == 0:
        return Verdict.WARMUP
    return Verdict.RETRIED if attempt > 1 else Verdict.VALID

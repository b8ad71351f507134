"""A Benchmark's status, computed anew from its runs each time: phase, conditions, counts, best cell, time left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from shapebench.analysis import expectation, prices, summary
from shapebench.analysis.budget import Ledger, Stop
from shapebench.api import moments
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import OVER, Phase, Verdict
from shapebench.api.run import BenchmarkRun
from shapebench.api.status import (
    BenchmarkPhase,
    BenchmarkStatus,
    Best,
    CellCounts,
    Condition,
    ConditionType,
    RunCounts,
)
from shapebench.plan.actions import KubeObject
from shapebench.plan.expand import PlannedRun
from shapebench.reconcile import ledger, wording
from shapebench.reconcile.acceptance import Judged

BUDGET_REACHED = "BudgetReached"
EXCLUDED_NEXT = ("; apply it under another name, with validity.policy: Flag to count such runs or with "
                 "isolation: Node to keep others off their nodes (docs/concepts/validity.md)")
OTHER_NODE_NEXT = ("; runs on another type of node than the first that counts are not compared: give all shapes the "
                   "same nodeSelector, or each its own (docs/concepts/validity.md)")


def parse(body: KubeObject) -> BenchmarkStatus | None:
    """The status as it was written; None when there is none, or one that this version cannot read."""
    try:
        return BenchmarkStatus.model_validate(body["status"])
    except (KeyError, ValidationError):
        return None


@dataclass(frozen=True)
class Tally:
    """The plan and its runs, counted."""

    plan: Sequence[PlannedRun]
    runs: Mapping[str, BenchmarkRun]
    left: Sequence[PlannedRun]
    infeasible: int
    money: Ledger
    stop: Stop | None = None
    """Why no run starts any more although some are left; these count as skipped."""
    cost_expected: float | None = None

    @classmethod
    def of(cls, plan: Sequence[PlannedRun], runs: Mapping[str, BenchmarkRun], waiting: Sequence[PlannedRun],
           infeasible: int, money: Ledger, stop: Stop | None) -> Tally:
        """Only runs of the plan count: others were left by an earlier spec."""
        by_name = {one.name: one for one in plan}
        ours = {name: run for name, run in runs.items() if name in by_name}
        going = [by_name[name] for name, run in ours.items() if run.status.phase not in OVER]
        left = () if stop else tuple(waiting)
        return cls(plan, ours, left, infeasible, money, stop, ledger.expected(money, (*going, *left)))

    def count(self, *phases: Phase) -> int:
        """How many runs are in one of the phases."""
        return sum(run.status.phase in phases for run in self.runs.values())

    @property
    def over(self) -> int:
        """How many runs have their result."""
        return self.count(*OVER)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to run."""
        return self.over == len(self.runs) and not self.left

    @property
    def valid(self) -> int:
        """How many runs are in the statistics."""
        return sum(run.status.verdict is Verdict.VALID for run in self.runs.values())

    @property
    def excluded(self) -> Counter[Verdict]:
        """How many runs did their work and are not in the statistics, by why."""
        return Counter(verdict for run in self.runs.values() if (verdict := run.status.verdict) not in (
            None, Verdict.VALID, Verdict.WARMUP, Verdict.FAILED))

    @property
    def flagged(self) -> int:
        """How many runs are doubtful and in the statistics."""
        return sum(run.status.verdict is Verdict.VALID and bool(run.status.flags) for run in self.runs.values())


def rejected(body: KubeObject, old: BenchmarkStatus | None, judged: Judged, now_s: float) -> BenchmarkStatus:
    """The status of a Benchmark that cannot be run. What its runs left before stays."""
    generation = body["metadata"].get("generation", 0)
    base = old or BenchmarkStatus()
    conditions = _conditions(base, generation, now_s, [
        (ConditionType.ACCEPTED, False, judged.reason, judged.message),
        (ConditionType.FINISHED, True, judged.reason, judged.message)])
    return base.model_copy(update={"phase": BenchmarkPhase.REJECTED, "observed_generation": generation,
                                   "conditions": conditions})


def current(benchmark: Benchmark, old: BenchmarkStatus | None, tally: Tally, accepted: str,
            now_s: float) -> BenchmarkStatus:
    """The status of an accepted Benchmark."""
    before = old or BenchmarkStatus()
    phase = _phase(benchmark, tally)
    finished = phase in (BenchmarkPhase.SUCCEEDED, BenchmarkPhase.FAILED)
    started_at = before.started_at or (moments.timestamp(now_s) if tally.runs else None)
    cost_spent, unpriced = _spent(benchmark, tally)
    best = _best(benchmark, tally)
    ending = _ending(tally, best, finished)
    states = [
        (ConditionType.ACCEPTED, True, "Accepted", accepted),
        (ConditionType.PROGRESSING, phase is BenchmarkPhase.RUNNING, str(phase), _progress_text(tally) + unpriced),
        (ConditionType.SUCCEEDED, phase is BenchmarkPhase.SUCCEEDED, *ending),
        (ConditionType.FAILED, phase is BenchmarkPhase.FAILED, *ending),
        (ConditionType.FINISHED, finished, *ending),
    ]
    return BenchmarkStatus(
        phase=phase,
        observed_generation=benchmark.metadata.generation,
        conditions=_conditions(before, benchmark.metadata.generation, now_s, states),
        cells=CellCounts(total=len({summary.key(one.cell) for one in tally.plan}), measured=_measured(tally),
                         infeasible=tally.infeasible),
        runs=RunCounts(planned=len(tally.plan), created=len(tally.runs),
                       active=len(tally.runs) - tally.over, succeeded=tally.count(Phase.SUCCEEDED),
                       failed=tally.count(Phase.FAILED),
                       skipped=len(tally.plan) - len(tally.runs) - len(tally.left),
                       excluded=sum(tally.excluded.values()), flagged=tally.flagged),
        progress=f"{tally.over}/{len(tally.plan)}",
        best=best,
        cost_spent=cost_spent,
        cost_expected=round(tally.cost_expected, 6) if tally.cost_expected is not None and not finished else None,
        time_left_s=_time_left_s(benchmark, tally, now_s),
        started_at=started_at,
        finished_at=(before.finished_at or moments.timestamp(now_s)) if finished else None,
        results=f"shapebench report {benchmark.metadata.name} -n {benchmark.metadata.namespace}",
    )


def _spent(benchmark: Benchmark, tally: Tally) -> tuple[float | None, str]:
    """What was spent on all runs; where some are not priced, None and why: a part would be taken for the whole."""
    without = prices.missing(benchmark.spec)
    if without:
        return None, f"; what is spent is not known: no pricePerHour in {', '.join(without)}"
    costs = [cost for run in tally.runs.values() if (cost := expectation.spent(run.status)) is not None]
    return (round(sum(costs), 6) if costs else None), ""


def _phase(benchmark: Benchmark, tally: Tally) -> BenchmarkPhase:
    if tally.finished:
        return BenchmarkPhase.SUCCEEDED if tally.valid else BenchmarkPhase.FAILED
    if benchmark.spec.suspend and tally.over == len(tally.runs):
        return BenchmarkPhase.SUSPENDED
    return BenchmarkPhase.RUNNING if tally.runs else BenchmarkPhase.PENDING


def _progress_text(tally: Tally) -> str:
    failed, flagged, out = tally.count(Phase.FAILED), tally.flagged, tally.excluded
    kinds = ", ".join(f"{verdict} {count}" for verdict, count in out.most_common())
    money = tally.money.progress()
    return "".join([f"{tally.over} of {len(tally.plan)} runs ended", f", {failed} failed" if failed else "",
                    f", {out.total()} excluded as doubtful ({kinds})" if out else "",
                    f", {flagged} flagged as doubtful and counted" if flagged else "", f"; {money}" if money else "",
                    OTHER_NODE_NEXT if out[Verdict.OTHER_NODE] else ""])


def _ending(tally: Tally, best: Best | None, finished: bool) -> tuple[str, str]:
    """Reason and message of the Succeeded, Failed and Finished conditions."""
    if not finished:
        return "InProgress", _progress_text(tally)
    if not tally.valid:
        reasons = sorted({str(run.status.reason) for run in tally.runs.values() if run.status.reason})
        text = (f"no run can be compared: {', '.join([*reasons, *map(str, tally.excluded)]) or 'none was valid'}"
                + (EXCLUDED_NEXT if set(tally.excluded) - {Verdict.CLOCK} else ""))
        return (BUDGET_REACHED, f"{text}; {tally.stop.text}") if tally.stop else ("NoValidRun", text)
    failed = tally.count(Phase.FAILED)
    text = f"best: {best.summary}" if best else "the objective has no value in any run"
    if tally.stop:
        return BUDGET_REACHED, f"{text}; {_progress_text(tally)}; {tally.stop.text}"
    reason = "SomeRunsFailed" if failed else "SomeRunsExcluded" if tally.excluded else "AllRunsSucceeded"
    return reason, f"{text}; {_progress_text(tally)}"


def _conditions(old: BenchmarkStatus, generation: int, now_s: float,
                states: Sequence[tuple[ConditionType, bool, str, str]]) -> tuple[Condition, ...]:
    """Conditions that keep the time of their last change of status."""
    before = {condition.type: condition for condition in old.conditions}
    made = []
    for kind, true, reason, message in states:
        status = "True" if true else "False"
        known = before.get(kind)
        since = known.last_transition_time if known and known.status == status else moments.timestamp(now_s)
        made.append(Condition(type=kind, status=status, observed_generation=generation,
                              last_transition_time=since, reason=reason, message=message[:30_000]))
    return tuple(made)


def _observations(tally: Tally) -> list[summary.Observation]:
    by_name = {planned.name: planned for planned in tally.plan}
    return [summary.Observation(
        by_name[name].cell, run.status.objective, run.status.verdict, run.status.reason)
        for name, run in tally.runs.items() if run.status.verdict is not None]


def _measured(tally: Tally) -> int:
    by_name = {planned.name: planned for planned in tally.plan}
    return len({summary.key(by_name[name].cell) for name, run in tally.runs.items()
                if run.status.verdict is Verdict.VALID})


def _best(benchmark: Benchmark, tally: Tally) -> Best | None:
    aim = benchmark.spec.objective
    found = summary.best(summary.cells(_observations(tally)), aim.goal)
    if found is None or found.median is None:
        return None
    value = wording.duration_text(found.median) if aim.metric == "duration" else f"{found.median:.4g}"
    return Best(shape=found.cell.shape, parameters=dict(found.cell.parameters), metric=aim.metric,
                objective=found.median, runs=found.n, interval=found.interval,
                summary=f"{summary.cell_text(found.cell)} ({value}, n={found.n})"[:512])


def _time_left_s(benchmark: Benchmark, tally: Tally, now_s: float) -> int | None:
    """By runs that have ended, as `shapebench plan` says it; to ten seconds, so that the status is not written for
    nothing. None where nothing is known of one: what the limits allow at most says little."""
    if not tally.over or tally.finished or benchmark.spec.suspend:
        return None
    going = {name: run.status.times.running_s for name, run in tally.runs.items() if run.status.phase not in OVER}
    pending = [*(one for one in tally.plan if one.name in going), *tally.left]
    expected = [(one.name, tally.money.experience.expected(one)) for one in pending]
    if any(one.basis is expectation.Basis.LIMITS for _, one in expected):
        return None
    left_s = (max(0.0, one.wall_s - max(0.0, now_s - (going.get(name) or now_s))) for name, one in expected)
    return round(expectation.by_the_clock_s(left_s, benchmark.spec.limits.concurrency) / 10) * 10

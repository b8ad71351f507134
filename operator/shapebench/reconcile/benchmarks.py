"""Decide: one Benchmark, from everything that is known of it to what to do next. Pure.

Runs that exist are advanced; where there is room, the next planned run is created; the Benchmark's status is written
once nothing else is left to do at this moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from shapebench.analysis import summary
from shapebench.analysis.budget import Ledger
from shapebench.api import moments, places
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Phase, RunRecord
from shapebench.api.run import BenchmarkRun
from shapebench.api.settings import Settings
from shapebench.api.status import BenchmarkPhase, BenchmarkStatus, ConditionType
from shapebench.build import run as run_builder
from shapebench.plan import expand
from shapebench.plan.actions import Action, Create, Delete, Emit, Kept, KubeObject, Offer, PatchStatus
from shapebench.reconcile import acceptance, ending, ledger, merge_patch, runs, status
from shapebench.reconcile.engines import EngineFact
from shapebench.reconcile.facts import Failure, PodFact
from shapebench.reconcile.pod_logs import PodLog
from shapebench.reconcile.run_view import RunView
from shapebench.reconcile.steps import NOTHING, Needs, Step


@dataclass(frozen=True)
class View:
    """One Benchmark as it was found. `logs` by pod, `lost` by config map, `refusals` and `kept` by run: what this
    reconciliation learnt.

    `engines`: the SparkApplications or TFJobs that its runs are launched through, if they are.
    """

    body: KubeObject
    runs: Mapping[str, BenchmarkRun]
    pods: Sequence[PodFact]
    settings: Settings
    driver_account_exists: bool = True
    engines: Sequence[EngineFact] = ()
    engine_offer: Offer = Offer.READY
    queue_offer: Offer = Offer.READY
    logs: Mapping[str, PodLog] = field(default_factory=dict)
    lost: Mapping[str, RunRecord | None] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Kept] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What to do. `again`: look at once, the actions open the way to more. `needs`: what is to be read first, of one
    of the runs.

    `over`: an attempt is done with by these actions; what was read for it is not needed any more.
    """

    actions: tuple[Action, ...] = ()
    needs: Needs = NOTHING
    wake_after_s: float | None = None
    again: bool = False
    over: bool = False


def decide(view: View, now_s: float) -> Decision:
    """The next actions for the Benchmark."""
    if "deletionTimestamp" in view.body["metadata"]:
        return Decision()
    # What goes missing later is told by the run that needs it: what ran already keeps its results.
    provided = acceptance.Provided() if view.runs else acceptance.Provided(
        view.driver_account_exists, view.engine_offer, view.queue_offer)
    judged = acceptance.judge(view.body, provided, view.settings)
    if judged.benchmark is None:
        return _reject(view, judged, now_s)
    plan = expand.runs(judged.benchmark.metadata.name, judged.benchmark.spec)
    made = _made(view, judged.benchmark, plan)
    taken = _advance(judged.benchmark, made, now_s)
    actions = tuple(action for step in taken for action in step.actions)
    needs = next((step.needs for step in taken if any(step.needs)), NOTHING)
    if any(needs) or any(step.again for step in taken):
        return Decision(actions, needs, again=True, over=any(step.over for step in taken))
    given_up = summary.given_up((one.planned.cell for one in made if one.run.status.phase is Phase.FAILED),
                                judged.benchmark.spec.limits.failures_per_cell)
    waiting = [planned for planned in plan
               if planned.name not in view.runs and summary.key(planned.cell) not in given_up]
    money = ledger.of(judged.benchmark, made, now_s)
    busy = _busy(view)
    created = _next_runs(judged.benchmark, busy, waiting, money)
    if created:
        return Decision((*actions, *created), again=True)
    stop = None if busy or judged.benchmark.spec.suspend else money.stop(waiting)
    counted = status.Tally.of(plan, view.runs, waiting, len(given_up), money, stop)
    wakes = [step.wake_after_s for step in taken if step.wake_after_s is not None]
    return _conclude(view, judged, counted, Decision(actions, wake_after_s=min(wakes, default=None)), now_s)


def _made(view: View, benchmark: Benchmark, plan: Sequence[expand.PlannedRun]) -> list[RunView]:
    """The plan's runs that exist, in its order."""
    pods: dict[str, list[PodFact]] = {}
    for pod in view.pods:
        pods.setdefault(pod.run, []).append(pod)
    engines: dict[str, list[EngineFact]] = {}
    for engine in view.engines:
        engines.setdefault(engine.run, []).append(engine)
    return [RunView(
        benchmark, planned, view.runs[planned.name], tuple(pods.get(planned.name, ())), view.settings, view.logs,
        view.refusals.get(planned.name, ""), tuple(engines.get(planned.name, ())),
        view.kept.get(planned.name), others=view.runs, lost=view.lost) for planned in plan if planned.name in view.runs]


def _advance(benchmark: Benchmark, made: Sequence[RunView], now_s: float) -> list[Step]:
    """Runs that end in the same moment conclude one after the other, or neither would be held to the other.

    The others' logs are not even read before it is their turn: a run's record takes seconds to put together.
    """
    taken: list[Step] = []

    def end(view: RunView, failure: Failure | None) -> Step:
        return ending.end(view, failure, now_s, may_conclude=not any(step.concludes for step in taken),
                          no_retry=lambda one: ledger.no_retry(benchmark, made, one, now_s))

    for one in made:
        if not runs.is_over(one.run) or one.pods or one.engines:
            taken.append(runs.advance(one, now_s, end))
    return taken


def _busy(view: View) -> set[str]:
    """The runs that take room. One that is over but whose pods still work has not left its room."""
    return {pod.run for pod in view.pods if not pod.ended and pod.run in view.runs} | {
        name for name, run in view.runs.items() if not runs.is_over(run)}


def _next_runs(benchmark: Benchmark, busy: Collection[str], waiting: Sequence[expand.PlannedRun],
               money: Ledger) -> tuple[Action, ...]:
    """Creations for which there is room and money."""
    if benchmark.spec.suspend:
        return ()
    first = waiting[:max(0, benchmark.spec.limits.concurrency - len(busy))]
    return tuple(Create(run_builder.benchmark_run(benchmark, planned)) for planned in first[:money.affordable(first)])


def _reject(view: View, judged: acceptance.Judged, now_s: float) -> Decision:
    old = status.parse(view.body)
    new = status.rejected(view.body, old, judged, now_s)
    # What is missing may be made at any moment, and nothing watches for it.
    wake_after_s = None if judged.reason == acceptance.INVALID else 15.0
    known = old is not None and old.phase is BenchmarkPhase.REJECTED and old.conditions == new.conditions
    told = () if known else (Emit(view.body, "Warning", judged.reason, judged.message),)
    return Decision((*_patch(view, new), *told), wake_after_s=wake_after_s)


def _conclude(view: View, judged: acceptance.Judged, counted: status.Tally, so_far: Decision,
              now_s: float) -> Decision:
    benchmark = judged.benchmark
    assert benchmark is not None
    old = status.parse(view.body)
    new = status.current(benchmark, old, counted, judged.message, now_s).model_copy(
        update={"records_path": _records_path(benchmark, view.settings)})
    actions = (*so_far.actions, *_patch(view, new), *_told(view, old, new))
    if new.finished_at is None or benchmark.spec.ttl_seconds_after_finished is None:
        return Decision(actions, wake_after_s=so_far.wake_after_s)
    left_s = moments.unix_s(new.finished_at) + benchmark.spec.ttl_seconds_after_finished - now_s
    if left_s > 0:
        return Decision(actions, wake_after_s=left_s)
    return Decision((*actions, Delete("Benchmark", benchmark.metadata.namespace, benchmark.metadata.name)))


def _records_path(benchmark: Benchmark, settings: Settings) -> str:
    """Only a volume is out of reach without the operator: buckets have their own doors."""
    metadata = benchmark.metadata
    if places.folder_of(settings.results_url) is None or not settings.results_service:
        return ""
    return places.served(settings.results_service, metadata.namespace, metadata.name, metadata.uid)


def _told(view: View, old: BenchmarkStatus | None, new: BenchmarkStatus) -> tuple[Action, ...]:
    if old is not None and old.phase is new.phase:
        return ()
    message = next((one.message for one in new.conditions if one.type == ConditionType.SUCCEEDED), "")
    if new.phase is BenchmarkPhase.SUCCEEDED:
        return (Emit(view.body, "Normal", str(new.phase), message),)
    if new.phase is BenchmarkPhase.FAILED:
        return (Emit(view.body, "Warning", str(new.phase), message),)
    if new.phase is BenchmarkPhase.SUSPENDED:
        return (Emit(view.body, "Normal", "Suspended", "no new run starts until spec.suspend is false"),)
    return ()


def _patch(view: View, new: BenchmarkStatus) -> tuple[Action, ...]:
    metadata = view.body["metadata"]
    wanted = new.model_dump(mode="json", by_alias=True, exclude_none=True)
    changes = merge_patch.between(view.body.get("status") or {}, wanted)
    return (PatchStatus("Benchmark", metadata["namespace"], metadata["name"], changes),) if changes else ()

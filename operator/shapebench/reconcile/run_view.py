"""One run as it was found: its Benchmark and plan, its own status, its pods, and the object that holds it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shapebench.api.benchmark import Benchmark
from shapebench.api.record import RunRecord
from shapebench.api.run import BenchmarkRun
from shapebench.api.settings import Settings
from shapebench.build.attempt import Attempt
from shapebench.plan.actions import Kept
from shapebench.plan.expand import PlannedRun
from shapebench.reconcile.engines import WORKLOAD, EngineFact
from shapebench.reconcile.facts import PodFact
from shapebench.reconcile.pod_logs import PodLog


@dataclass(frozen=True)
class RunView:
    """A run that exists, and everything that is known of it."""

    benchmark: Benchmark
    planned: PlannedRun
    run: BenchmarkRun
    pods: tuple[PodFact, ...]
    settings: Settings
    logs: Mapping[str, PodLog]
    """What is kept of the pods' logs read so far; a run's last step needs those of all its pods that ended."""
    lost: Mapping[str, RunRecord | None] = field(default_factory=dict, kw_only=True)
    """What is kept of earlier attempts, by their config maps, as far as it was read; None: nothing (any more)."""
    refusal: str = ""
    engines: tuple[EngineFact, ...] = ()
    """The objects of all its attempts that another operator makes pods from, or admits pods of ours by."""
    others: Mapping[str, BenchmarkRun] = field(default_factory=dict, kw_only=True)
    """All runs of the Benchmark, this one too: what a verdict compares with."""
    kept: Kept | None = None
    """What came of putting its record into the results store, during this reconciliation."""

    @property
    def attempt(self) -> Attempt:
        """The current attempt."""
        return Attempt(self.benchmark, self.planned, self.number, self.run.metadata.uid, self.settings,
                       self.engine.placements if self.engine else {})

    @property
    def number(self) -> int:
        """The current attempt's, from 1."""
        return max(1, self.run.status.attempt)

    @property
    def current(self) -> tuple[PodFact, ...]:
        """The current attempt's pods; an earlier one's may linger on a node that is gone."""
        return tuple(pod for pod in self.pods if pod.attempt >= self.number)

    @property
    def engine(self) -> EngineFact | None:
        """The current attempt's object of another operator."""
        return next((one for one in self.engines if one.attempt >= self.number), None)

    @property
    def launched_by(self) -> str:
        """That object's kind and name, whether or not it is there; empty where we make the pods."""
        kind = self.benchmark.spec.workload.engine
        return f"{kind} {self.attempt.gang}" if kind else ""

    @property
    def held_by(self) -> str:
        """The kind and name of the object without which the attempt has no pods, whether or not it is there."""
        queued = self.benchmark.spec.queue_name is not None
        return self.launched_by or (f"{WORKLOAD} {self.attempt.gang}" if queued else "")

    @property
    def unplaced(self) -> bool:
        """Whether pods that we make still wait for a place in a queue."""
        return bool(self.held_by) and not self.launched_by and (self.engine is None or self.engine.held)

    @property
    def newly_free(self) -> bool:
        """Whether what held the attempt back lets it go, and its status does not say so yet."""
        return self.engine is not None and not self.engine.held and self.run.status.times.admitted_s is None

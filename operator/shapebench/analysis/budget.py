"""Whether the budget lets the next run start. Pure, the same rule and the same words for both backends.

A run starts only when what was spent, what the runs that go on are expected to cost, and what it is expected to cost
itself are together no more than the budget. A run that goes on is never cut short: its result is paid for. Runs start
in the plan's order or not at all, so that a dear cell is not passed over for cheap ones and blocks stay whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shapebench.analysis import expectation, summary
from shapebench.analysis.expectation import Basis, Expected, Experience
from shapebench.api.benchmark import BenchmarkSpec
from shapebench.api.record import RunRecord
from shapebench.plan.expand import PlannedRun

_ROUNDING = 2e-5
"""Of the budget: ten runs of 0.1 fit into 1.0, whatever binary fractions and the six digits of a status say."""


@dataclass(frozen=True)
class Stop:
    """The budget let no further run start: why, in words for a person, and how many were not made."""

    unmade: int
    text: str


@dataclass(frozen=True)
class Ledger:
    """The money of a Benchmark. `spent`: on all that has ended; `reserved`: expected of what goes on."""

    budget: float | None
    spent: float
    reserved: float
    experience: Experience

    @classmethod
    def of_records(cls, spec: BenchmarkSpec, records: Iterable[RunRecord]) -> Ledger:
        """Of runs that have all ended."""
        listed = list(records)
        past = (expectation.of_record(spec, record) for record in listed)
        return cls(
            budget=limit(spec),
            spent=sum(expectation.spent(record) or 0.0 for record in listed),
            reserved=0.0,
            experience=Experience.of(spec, (one for one in past if one is not None)),
        )

    def affordable(self, waiting: Sequence[PlannedRun]) -> int:
        """How many of these runs, from the first on, may start now, all together."""
        if self.budget is None:
            return len(waiting)
        left = self.budget * (1 + _ROUNDING) - self.spent - self.reserved
        for number, run in enumerate(waiting):
            left -= self.experience.expected(run).cost or 0.0
            if left < 0:
                return number
        return len(waiting)

    def stop(self, waiting: Sequence[PlannedRun]) -> Stop | None:
        """Why no run starts any more, where none goes on; None where one may, or none is left."""
        if not waiting or self.affordable(waiting[:1]):
            return None
        return Stop(len(waiting), self._words(waiting[0], self.experience.expected(waiting[0]), len(waiting)))

    def no_retry(self, run: PlannedRun) -> str:
        """Why the run has no other attempt, though its limits allow one; empty where the budget covers it."""
        if self.affordable([run]):
            return ""
        expected = self.experience.expected(run)
        return (f"limits.budget: {self.progress()}, and another attempt is expected to cost {money(expected.cost)} by "
                f"{expected.basis.value}: it was not made")

    def progress(self) -> str:
        """`0.0412 of 0.05 spent`; empty without a budget."""
        return "" if self.budget is None else f"{money(self.spent)} of {money(self.budget)} spent"

    def _words(self, run: PlannedRun, expected: Expected, unmade: int) -> str:
        left = f"{unmade} {'run was' if unmade == 1 else 'runs were'} not made"
        next_one = summary.cell_text(run.cell)
        if expected.basis is Basis.LIMITS:
            return (f"limits.budget: {self.progress()}; no run of any cell has succeeded, so the next one ({next_one}) "
                    f"is taken to cost what {Basis.LIMITS.value} allow, {money(expected.cost)}: {left}; "
                    "raise limits.budget, or give runs less time")
        return (f"limits.budget: {self.progress()}, and the next run ({next_one}) is expected to cost "
                f"{money(expected.cost)} by {expected.basis.value}: {left}; raise limits.budget to go on")


def limit(spec: BenchmarkSpec) -> float | None:
    """The budget as a number."""
    return None if spec.limits.budget is None else float(spec.limits.budget)


def money(value: float | None) -> str:
    """As many digits as tell amounts apart: `0.0412`, `12.5`."""
    return "0" if not value else f"{value:.4g}"

"""The result in words: which cell was best, by how much, and what to bear in mind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shapebench.analysis import expectation, objective, summary
from shapebench.analysis.summary import CellSummary
from shapebench.api.record import Phase, RunRecord, Verdict
from shapebench.api.status import BenchmarkPhase
from shapebench.report import doubts, shared_cores, units, unmarked
from shapebench.report.subject import Subject


def headline(subject: Subject, records: Sequence[RunRecord]) -> str:
    """The answer in one or two sentences; of a Benchmark that has runs to come, this first."""
    shared = shared_cores.warning(records)
    found = " ".join(filter(None, (f"{shared} Here," if shared else "", _found(subject, records),
                                   doubts.not_compared(records, subject.cells), doubts.warning(records))))
    if not subject.unfinished:
        return found
    of_planned = f" of {subject.planned}" if subject.planned is not None else ""
    return f"{subject.unfinished} ({len(records)}{of_planned} runs ended), so this is provisional: {found}"


def answered(metric: str, records: Sequence[RunRecord]) -> bool:
    """Whether a valid run has the objective's number."""
    return any(one.verdict is Verdict.VALID and one.value is not None
               for one in objective.observations(records, metric))


def _found(subject: Subject, records: Sequence[RunRecord]) -> str:
    ranked = summary.ranked(summary.cells(objective.observations(records, subject.metric)), subject.goal)
    best = summary.best(ranked, subject.goal)
    if best is None:
        return _no_answer(subject, records)
    first = f"{words(best)} {superlative(subject)}: median {_with_spread(best, subject.metric)}."
    others = [one for one in ranked[1:] if one.median is not None]
    if not others:
        return first
    second, last = others[0], others[-1]
    text = f"{first[:-1]}; {_times(second, best, subject)} {words(second)}"
    if last is not second:
        text += f", the next, and {_times(last, best, subject)} {words(last)}, the last"
    return f"{text}.{_overlap(best, second)}"


def _no_answer(subject: Subject, records: Sequence[RunRecord]) -> str:
    valid = [record for record in records if record.verdict is Verdict.VALID]
    if not valid:
        out = doubts.left_out(records)
        words = "no run is valid yet, so there is no answer yet" if subject.unfinished else (
            "no run was valid, so there is no answer")
        return f"{words}{f': {doubts.verdicts(out)}' if out else ''}."
    there = sorted({name for record in valid for row in record.measurements for name in row.values})
    measured = f"they measured {', '.join(there)}" if there else "they measured nothing"
    return (f"{len(valid)} of the runs are valid, but none has {subject.metric}, so there is no answer: {measured}. "
            "Give one of these in objective.metric.")


def words(one: CellSummary) -> str:
    """The cell inside a sentence: `4x1 with format=tfrecord`."""
    shape, _, parameters = summary.cell_text(one.cell).partition(" ")
    return f"{shape} with {parameters.replace(' ', ', ')}" if parameters else shape


def metric_name(metric: str) -> str:
    """The objective in words: `images per second`."""
    return metric.removeprefix(objective.MEASUREMENT_PREFIX).replace("_", " ")


def superlative(subject: Subject) -> str:
    """What the best cell was."""
    if subject.goal == "Minimize":
        return {"duration": "was fastest", "cost": "was cheapest"}.get(
            subject.metric, f"had the least {metric_name(subject.metric)}")
    return f"had the most {metric_name(subject.metric)}"


def counts(by_reason: Mapping[str, int]) -> str:
    """`2 × RunTimeout, 1 × WrongAnswer`; empty without any."""
    return ", ".join(f"{count} × {reason}" for reason, count in by_reason.items())


def caveats(subject: Subject, records: Sequence[RunRecord]) -> tuple[str, ...]:
    """What the reader must bear in mind, the gravest first."""
    cells = summary.cells(objective.observations(records, subject.metric))
    failed = sum(record.phase is Phase.FAILED for record in records)
    smallest = min((one.n for one in cells if one.n), default=0)
    found = []
    if failed:
        found.append(f"{failed} of {len(records)} runs failed; they are counted, and kept out of the numbers.")
    found += [*doubts.caveats(records), *filter(None, [unmarked.caveat(records)])]
    if subject.planned is not None and len(records) < subject.planned:
        found.append(f"{len(records)} of {subject.planned} planned runs are there; the rest {_rest(subject)}.")
    if 0 < smallest < summary.MINIMUM_FOR_INTERVAL:
        shown = "the range is shown" if smallest > 1 else "a single run has no spread to show"
        found.append(f"{units.count(smallest, 'valid run')} of a cell {'are' if smallest > 1 else 'is'} too few for a "
                     f"95 % interval of its median (that needs {summary.MINIMUM_FOR_INTERVAL}): {shown}, and small "
                     "differences mean nothing yet.")
    return (*found, *_money(subject, records), *subject.remarks)


def _rest(subject: Subject) -> str:
    """What became of the planned runs that have not ended."""
    if subject.phase is BenchmarkPhase.SUSPENDED:
        return "follows when spec.suspend is false again, and may change the answer"
    return "is still to come, and may change the answer" if subject.unfinished else "was not made or skipped"


def _money(subject: Subject, records: Sequence[RunRecord]) -> tuple[str, ...]:
    """What all of it cost. It is more than the sum of the runs' costs, and people ask why."""
    known, unknown = spending(records)
    if known is None:
        return ()
    of_budget = "" if subject.budget is None else f" of limits.budget {units.money(subject.budget)}"
    which = "these runs" if not unknown else (
        f"{len(records) - len(unknown)} of these {len(records)} runs, and more on the others, which have no price (of "
        f"{', '.join(sorted({record.cell.shape for record in unknown}))})")
    return (f"{units.money(known)}{of_budget} was spent on {which}: nodes held, with start-up, warm-ups, "
            "failed runs and lost attempts; cost in the table is that of the measured part alone.",)


def spending(records: Iterable[RunRecord]) -> tuple[float | None, tuple[RunRecord, ...]]:
    """What the runs cost together as far as that is known (None: of none), and the runs of which it is not."""
    told = [(record, expectation.spent(record)) for record in records]
    known = [spent for _, spent in told if spent is not None]
    return sum(known) if known else None, tuple(record for record, spent in told if spent is None)


def _with_spread(one: CellSummary, metric: str) -> str:
    write = units.of_metric(metric)
    if one.interval is not None:
        spread = f"95 % interval {write(one.interval.low)} to {write(one.interval.high)}, "
    else:
        spread = f"range {write(one.minimum)} to {write(one.maximum)}, " if one.n > 1 else ""
    return f"{write(one.median)} ({spread}{units.count(one.n, 'run')})"


def _times(other: CellSummary, best: CellSummary, subject: Subject) -> str:
    """`1.4× faster than`, in words that fit the objective; only of two numbers above 0 one is so many times another."""
    assert other.median is not None
    assert best.median is not None
    small, large = sorted((other.median, best.median))
    if small == large:
        return "no better than"
    if small <= 0:
        return "better than"
    factor = f"{large / small:.2g}×" if large / small < 99.5 else "far"
    if large / small < 1.05:
        return f"{(large / small - 1) * 100:.0f} % better than"
    comparative = {"duration": "faster", "cost": "cheaper"}.get(subject.metric, "less")
    return f"{factor} {comparative if subject.goal == 'Minimize' else 'more'} than"


def _overlap(best: CellSummary, second: CellSummary) -> str:
    """A warning where the runs of the two best cells mingle, or are too few to do so."""
    if min(best.n, second.n) == 1:
        return " A single run says little: repeat before choosing."
    assert best.minimum is not None
    assert best.maximum is not None
    assert second.minimum is not None
    assert second.maximum is not None
    if best.minimum <= second.maximum and second.minimum <= best.maximum:
        return " The runs of these first two overlap: take them as equal until more runs tell."
    return ""

"""Doubtful runs: which were left out of the numbers and which count all the same, how many, and why. Never silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from shapebench.analysis import summary
from shapebench.api.record import Cell, RunRecord, Verdict
from shapebench.report import markup

SHOWN_IN_TERMINAL = 10
_CELLS_NAMED = 3
_NO_DOUBT = (Verdict.VALID, Verdict.WARMUP, Verdict.FAILED)


def left_out(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Runs that did their work and are not in the numbers, because of what was around them."""
    return [record for record in records if record.verdict not in _NO_DOUBT]


def counted(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Flagged runs that are in the numbers."""
    return [record for record in records if record.flags and record.verdict is Verdict.VALID]


def kinds(records: Iterable[RunRecord]) -> str:
    """How many runs have each kind of flag: `Neighbour 2, Steal 1`."""
    found = Counter(kind for record in records for kind in dict.fromkeys(flag.kind for flag in record.flags))
    return ", ".join(f"{kind} {count}" for kind, count in found.most_common())


def verdicts(records: Iterable[RunRecord]) -> str:
    """How many runs have each verdict: `Neighbour 2, Steal 1`."""
    found = Counter(record.verdict for record in records)
    return ", ".join(f"{verdict} {count}" for verdict, count in found.most_common())


def in_cell(records: Iterable[RunRecord], cell: summary.CellSummary) -> list[RunRecord]:
    """Those of one cell."""
    key = summary.key(cell.cell)
    return [record for record in records if summary.key(record.cell) == key]


def caveats(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """What the reader must know of doubtful runs, in sentences."""
    out, flagged = left_out(records), counted(records)
    found = []
    if out:
        timed = any(record.verdict is not Verdict.CLOCK for record in out)
        counting = ", and validity.policy: Flag would count those that have a time" if timed else ""
        found.append(f"{len(out)} of {len(records)} runs were left out of the numbers ({verdicts(out)}): doubtful runs "
                     f"are told one by one{counting}.")
    if flagged and not warning(records):
        found.append(f"{len(flagged)} of {len(records)} runs are flagged and count all the same ({kinds(flagged)}).")
    return (*found, *_elsewhere(records))


def warning(records: Iterable[RunRecord]) -> str:
    """A sentence for beside the answer where at least half of the runs that it is of are flagged; else empty."""
    counting = [record for record in records if record.verdict is Verdict.VALID]
    flagged = counted(counting)
    if not flagged or 2 * len(flagged) < len(counting):
        return ""
    return f"Beware: {len(flagged)} of the {len(counting)} runs that count are flagged as doubtful ({kinds(flagged)})."


def not_compared(records: Sequence[RunRecord], planned: Sequence[Cell] = ()) -> str:
    """Sentences on the cells of which no run counts: because all were doubtful, or because none of those that were
    planned has ended. Empty where there is no such cell, or no other."""
    by_cell: dict[summary.CellKey, list[RunRecord]] = {}
    for record in records:
        by_cell.setdefault(summary.key(record.cell), []).append(record)
    lost = [f"{summary.cell_text(runs[0].cell)} ({verdicts(left_out(runs))})" for runs in by_cell.values()
            if left_out(runs) and not any(record.verdict is Verdict.VALID for record in runs)]
    never = [summary.cell_text(cell) for cell in planned if summary.key(cell) not in by_cell] if by_cell else []
    found = [f"Not compared, because all runs were left out: {_some(lost)}."] if 0 < len(lost) < len(by_cell) else []
    if never:
        found.append(f"Not compared, because no run has ended: {_some(never)}.")
    return " ".join(found)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _CELLS_NAMED} more" if len(names) > _CELLS_NAMED else ""
    return f"{', '.join(names[:_CELLS_NAMED])}{more}"


def _elsewhere(records: Iterable[RunRecord]) -> Iterator[str]:
    """What to do about runs on other nodes: of each other flag the cluster is the cause, of this one the file."""
    runs = [record for record in records if record.backend == "kubernetes"
            and any(flag.kind is Verdict.OTHER_NODE for flag in record.flags)]
    if runs:
        shapes = ", ".join(sorted({record.cell.shape for record in runs}))
        yield (f"{len(runs)} runs of {shapes} were on another type of node than those that they are compared with: "
               "give all shapes the same nodeSelector to compare them on one type of node (and "
               "podTemplate.nodeSelector for the driver), or each its own to choose among types too.")


def state(record: RunRecord) -> str:
    """What became of a flagged run."""
    named = {Verdict.VALID: "counts", Verdict.WARMUP: "warm-up", Verdict.FAILED: "failed"}
    return named.get(record.verdict, "left out")


def section(records: Sequence[RunRecord]) -> str:
    """The section of the HTML report; empty where no run is flagged."""
    lines = [(record.run, summary.cell_text(record.cell), state(record), str(flag.kind), flag.message)
             for record in _ordered(records) for flag in record.flags]
    if not lines:
        return ""
    titles = (("run", True), ("cell", True), ("in the numbers", True), ("flag", True), ("why", True))
    return markup.section("Doubtful runs", markup.rows(titles, lines))


def terminal(records: Sequence[RunRecord]) -> list[Text]:
    """A line for each of the first flagged runs, those left out before those that count. What was around a run that
    failed is not why it failed."""
    flagged = sorted((record for record in _ordered(records) if record.flags and record.verdict is not Verdict.FAILED),
                     key=lambda one: state(one) != "left out")
    lines = [Text(f"  {record.run} {state(record)}: {record.flags[0].kind}: {record.flags[0].message}"
                  + (f" (and {len(record.flags) - 1} more flags)" if len(record.flags) > 1 else ""), style="yellow")
             for record in flagged[:SHOWN_IN_TERMINAL]]
    more = len(flagged) - len(lines)
    return [*lines, Text(f"  … and {more} more flagged runs: the HTML report and the CSV have all", style="yellow")] \
        if more > 0 else lines


def _ordered(records: Iterable[RunRecord]) -> list[RunRecord]:
    return sorted(records, key=lambda record: (record.block, record.position))

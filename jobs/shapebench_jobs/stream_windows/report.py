"""A stream's batches as measurements: the total by the clock, and a row for single batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shapebench_jobs.harness import lag
from shapebench_jobs.harness.lag import Lag
from shapebench_jobs.stream_windows.query import Batch


@dataclass(frozen=True)
class Clock:
    """When the measured part began and ended, in Unix seconds, and how many rows were made within."""

    start_s: float
    end_s: float
    rows_made: int

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end_s - self.start_s


def within(batches: Sequence[Batch], clock: Clock) -> tuple[Batch, ...]:
    """The batches that were committed by the clock."""
    return tuple(batch for batch in batches if clock.start_s < batch.committed_s <= clock.end_s)


def lag_at(batches: Sequence[Batch], time_s: float) -> Lag:
    """How old the newest row counted by then was; from the stream's beginning where none was counted yet."""
    known = [batch.newest_s for batch in batches if batch.committed_s <= time_s]
    begun_s = min(batch.oldest_s for batch in batches)
    return Lag(time_s, max(0.0, time_s - max(known, default=begun_s)))


def total(batches: Sequence[Batch], clock: Clock, longest_lag_s: float) -> dict[str, float]:
    """The whole measured part. Percentiles only where a batch was committed in it."""
    mine = within(batches, clock)
    trend = lag.trend([Lag(batch.committed_s, batch.committed_s - batch.newest_s) for batch in mine],
                             lag_at(batches, clock.start_s), lag_at(batches, clock.end_s))
    values = {
        "keeps_up": float(lag.keeps_up(trend, longest_lag_s)),
        "processed_rows_per_second": _pace(batches, mine),
        "input_rows_per_second": clock.rows_made / clock.seconds,
        "lag_slope": trend.slope,
        "last_lag_s": trend.last_s,
        "batches": len(mine),
        "rows": sum(batch.rows for batch in mine),
        "rows_late": sum(batch.rows_late for batch in mine),
        "busy_share": sum(batch.seconds for batch in mine) / clock.seconds,
    }
    if mine:
        for percent in (50, 95, 99):
            duration_s = lag.percentile([batch.seconds for batch in mine], percent)
            latency_s = lag.percentile_of_spans([batch.latencies for batch in mine], percent)
            values[f"batch_duration_p{percent}_ms"] = 1000 * duration_s
            values[f"latency_p{percent}_ms"] = 1000 * latency_s
    return values


def _pace(batches: Sequence[Batch], mine: Sequence[Batch]) -> float:
    """Rows per second between commits: of each batch, from the commit before it to its own, waiting included."""
    if not mine:
        return 0.0
    before = {later.number: earlier.committed_s for earlier, later in pairwise(batches)}
    begun_s = before.get(mine[0].number, mine[0].started_s)
    return sum(batch.rows for batch in mine) / (mine[-1].committed_s - begun_s)


def of_batch(batch: Batch) -> dict[str, float]:
    """One batch's row, in names that the total has not: an objective takes the median over all rows with its name."""
    return {
        "batch_rows": batch.rows,
        "batch_ms": 1000 * batch.seconds,
        "batch_rows_per_second": batch.rows / batch.seconds,
        "batch_lag_s": batch.committed_s - batch.newest_s,
        "batch_state_rows": batch.state_rows,
    }

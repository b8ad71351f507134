"""The streaming query: rows into windowed totals by key, one micro-batch after the other, and what each batch took.

What leaves the query is small (the totals that a batch changed) and goes to the driver, which keeps the last ones: so
the answer can be checked, and writing results somewhere is no part of what is measured. A batch's times are Spark's own
(StreamingQueryProgress), by the wall clock, and not to be put right by a steady one: Spark takes its durations by the
wall clock, too, and its rate source makes rows by it, so a clock that is set changes the stream itself.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from shapebench_jobs.harness.lag import Span
from shapebench_jobs.stream_windows.rows import INCREMENT, MODULUS, MULTIPLIER, Rows, Totals
from shapebench_jobs.stream_windows.source import Source, Stream

_PROGRESS_UPDATES = 100_000
"""How many batches' progress Spark keeps; its default of 100 is less than two minutes of a stream."""


@dataclass(frozen=True)
class Batch:
    """One committed micro-batch that had rows. Times are Unix seconds of the driver's clock."""

    number: int
    started_s: float
    seconds: float
    """From looking for new rows to the commit."""
    rows: int
    oldest_s: float
    newest_s: float
    """When its first and last row were created."""
    state_rows: int
    rows_late: int
    """Rows that were dropped because the watermark had passed their window."""

    @property
    def committed_s(self) -> float:
        """When its result was there."""
        return self.started_s + self.seconds

    @property
    def latencies(self) -> Span:
        """From a row's creation to the commit; rows are created at an even pace."""
        return Span(self.rows, self.committed_s - self.newest_s, self.committed_s - self.oldest_s)


def configure(session: Any, slots: int) -> None:
    """Settings of a small, steady stream, where the user's own conf does not say otherwise."""
    own = {name for name, _ in session.sparkContext.getConf().getAll()}
    wanted = {
        "spark.sql.adaptive.enabled": "false",  # as a stateful query has it anyway, with a warning
        # A state store, a task and a file for each partition of each batch: 200 of them drown a small stream.
        "spark.sql.shuffle.partitions": str(slots),
        # Without rows there is nothing to time; old state goes with the next batch.
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
        "spark.sql.streaming.numRecentProgressUpdates": str(_PROGRESS_UPDATES),
        # Else a batch that is cut off by the end of the query (see Answer.take) is an error in the log.
        "spark.sql.streaming.stateStore.commitValidation.enabled": "false",
    }
    for name, value in wanted.items():
        if name not in own:
            session.conf.set(name, value)


def stay_in_place(session: Any) -> None:
    """Have every state store stay on the executor where it began, unless the user's own conf decides.

    State is kept below the checkpoint folder. Where each executor has that folder on its own disk, another executor
    would not find it there, and the run would fail; a task that waits for its executor always finds it. Spark reads
    this setting for each stage from the context's live configuration, which has no public name.
    """
    session.sparkContext._jsc.sc().conf().setIfMissing("spark.locality.wait.process", "1h")


def windowed(stream: Any, rows: Rows, watermark_s: int) -> Any:
    """Totals of each key in each window; `stream` has value (long) and timestamp."""
    from pyspark.sql import functions as f

    value = f.col("value")
    worked = value % MODULUS
    if rows.work:
        worked = f.aggregate(f.sequence(f.lit(1), f.lit(rows.work)), worked,
                             lambda sofar, _: (sofar * MULTIPLIER + INCREMENT) % MODULUS)
    marked = stream.withWatermark("timestamp", f"{watermark_s} seconds").select(
        "timestamp", value, (value % rows.keys).alias("key"), worked.alias("worked"))
    return marked.groupBy(f.window("timestamp", f"{rows.window_s} seconds"), "key").agg(
        f.count("*"), f.sum("value"), f.sum("worked"), f.min("value"), f.max("value"))


class Answer:
    """The sink: the newest totals of every key in every window, up to the last batch that it took whole."""

    def __init__(self) -> None:
        self._windows: dict[int, dict[int, Totals]] = {}
        self._number = -1
        self._changed: list[Any] = []
        self._closed = False

    def take(self, batch: Any, number: int) -> None:
        """Called by Spark with each batch, in order. That there is a next one says that the last one is committed.

        A batch that is cut off because the query is stopped is left out here, not raised: Spark 4.3 searches the text
        of a failure for its own cancellation, with a pattern that overflows the stack on a Python traceback.
        """
        from pyspark.sql import functions as f

        if self._closed:
            return
        try:
            changed = batch.select(f.unix_millis("window.start"), "key", *batch.columns[2:]).collect()
        except Exception:
            if self._closed:
                return
            raise
        self._fold()
        self._number, self._changed = number, changed

    def close(self) -> None:
        """The query is about to be stopped."""
        self._closed = True

    def whole(self, batches: Iterable[Batch]) -> tuple[Batch, ...]:
        """Those of the committed batches that were taken whole: all but one that was cut off."""
        return tuple(batch for batch in batches if batch.number <= self._number)

    def windows(self, last: int) -> Mapping[int, Mapping[int, Totals]]:
        """The totals after batch `last`, the last one that was committed."""
        if self._number <= last:
            self._fold()
        return self._windows

    def _fold(self) -> None:
        for start_ms, key, *totals in self._changed:
            self._windows.setdefault(start_ms, {})[key] = Totals(*totals)
        self._changed = []


@dataclass(frozen=True)
class Running:
    """A query that runs, what feeds it, and what comes out."""

    query: Any
    stream: Stream
    answer: Answer

    def go_on(self, seconds: float) -> None:
        """Let it run so long; raises what it died of."""
        if seconds and self.query.awaitTermination(seconds):
            raise RuntimeError("the streaming query ended by itself")

    def batches(self) -> tuple[Batch, ...]:
        """What is committed so far."""
        return self.answer.whole(batches(self.query.recentProgress))


@dataclass(frozen=True)
class Pipeline:
    """Source, aggregation and where the query keeps its log: all but the query itself."""

    source: Source
    rows: Rows
    watermark_s: int
    trigger_s: float
    checkpoint: str

    def at_most(self, per_second: int) -> Pipeline:
        """The same with so many rows per second, or fewer."""
        return replace(self, source=self.source.at_most(per_second))

    @contextmanager
    def running(self, name: str) -> Iterator[Running]:
        """A query over the stream from its beginning; it is stopped at the end. Each needs a name of its own."""
        answer = Answer()
        with self.source.opened() as stream:
            writer = windowed(stream.frame, self.rows, self.watermark_s).writeStream.outputMode("update")
            query = (writer.foreachBatch(answer.take).option("checkpointLocation", f"{self.checkpoint}/{name}")
                     .trigger(processingTime=f"{round(self.trigger_s * 1000)} milliseconds").start())
            try:
                yield Running(query, stream, answer)
            finally:
                answer.close()
                query.stop()


def batches(progress: Iterable[Any]) -> tuple[Batch, ...]:
    """Spark's progress as batches, without those that had no rows."""
    found = (json.loads(one.json) for one in progress)
    return tuple(_batch(one) for one in found if one["numInputRows"])


def _batch(progress: Mapping[str, Any]) -> Batch:
    operators = progress["stateOperators"]
    return Batch(
        number=progress["batchId"],
        started_s=_unix_s(progress["timestamp"]),
        seconds=progress["durationMs"]["triggerExecution"] / 1000,
        rows=progress["numInputRows"],
        oldest_s=_unix_s(progress["eventTime"]["min"]),
        newest_s=_unix_s(progress["eventTime"]["max"]),
        state_rows=sum(operator["numRowsTotal"] for operator in operators),
        rows_late=sum(operator["numRowsDroppedByWatermark"] for operator in operators),
    )


def _unix_s(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()



"""stream-windows: with which input rate does this Spark cluster keep up, summing a stream in windows of time?"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapebench_jobs.files import data_folder
from shapebench_jobs.harness import arguments, lag
from shapebench_jobs.harness.run import BadArgumentsError, Run, WrongAnswerError, note, perform
from shapebench_jobs.stream_windows import report as stream_report
from shapebench_jobs.stream_windows.report import Clock
from shapebench_jobs.stream_windows.rows import Rows, check

if TYPE_CHECKING:
    from shapebench_jobs.stream_windows.query import Answer, Batch, Pipeline
    from shapebench_jobs.stream_windows.source import Source

DESCRIPTION = """\
Sum a stream of rows by key in windows of time with Spark Structured Streaming, and measure whether the
cluster keeps up: rows per second, duration of the micro-batches, and latency of a row from its
creation to the commit of the batch that counted it.

Before the clock starts: all executors have registered (SHAPEBENCH_WORKERS of them), a first query
of the same kind has loaded classes, made its batches and ended, and the measured query has run for
--warm-up seconds. The measured part is --duration seconds of that query.

keeps_up is 1 where the lag (age of the newest row counted, at each commit) has no upward trend to
speak of (it gains at most 0.05 seconds a second) and is at most --max-lag at the end.

The answer is checked: no row came too late for its window, the windows hold all rows that were
taken in, none missing and none twice, and each key's count and sums are those of a plain
recomputation. A wrong answer ends with exit code 65. Not keeping up is no wrong answer."""
MEASURED = (
    "keeps_up", "sustained_rows_per_second", "processed_rows_per_second", "input_rows_per_second", "lag_slope",
    "last_lag_s", "batch_duration_p50_ms", "batch_duration_p95_ms", "batch_duration_p99_ms", "latency_p50_ms",
    "latency_p95_ms", "latency_p99_ms", "busy_share", "batches", "rows", "rows_late", "batch_rows", "batch_ms",
    "batch_rows_per_second", "batch_lag_s", "batch_state_rows",
)
"""The names of all values that its rows may have."""

_WARM_BATCHES = 2
_WARM_ROWS_PER_SECOND = 100
_WARM_TIMEOUT_S = 120.0
_SMALLEST_SHARE_FED = 0.95


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = arguments.new_parser("stream_windows", DESCRIPTION)
    group = result.add_argument_group("stream")
    group.add_argument("--source", choices=("rate", "files"), default="rate",
                       help="rate: rows made by Spark's own rate source; files: CSV files that the driver writes while "
                       "the stream is read (default %(default)s)")
    group.add_argument("--rows-per-second", type=arguments.integer(1), default=1000, metavar="N",
                       help="input rate (default %(default)s)")
    group.add_argument("--folder", default="", metavar="URL",
                       help="where --source=files has its files: a folder that every pod mounts, or a bucket "
                       "(s3a://...); a new folder below it is made and removed (default: the data folder, "
                       "which is enough on one machine)")
    group.add_argument("--file-every", type=arguments.positive, default=1.0, metavar="SECONDS",
                       help="--source=files: time between files; a row waits for its file (default %(default)g)")
    group = result.add_argument_group("query")
    group.add_argument("--keys", type=arguments.integer(1, 1000), default=10, metavar="N",
                       help="groups in a window (default %(default)s)")
    group.add_argument("--window", type=arguments.integer(1), default=10, metavar="SECONDS",
                       help="length of a window (default %(default)s)")
    group.add_argument("--watermark", type=arguments.integer(0), default=10, metavar="SECONDS",
                       help="how long a window waits for late rows (default %(default)s)")
    group.add_argument("--work", type=arguments.integer(0, 100_000), default=100, metavar="N",
                       help="rounds of arithmetic on each row, to set the load (default %(default)s)")
    group.add_argument("--trigger", type=arguments.not_negative, default=0.0, metavar="SECONDS",
                       help="time between starts of batches; 0: as soon as there are rows (default %(default)g)")
    group.add_argument("--checkpoint", default="", metavar="URL",
                       help="folder or bucket for the query's log and state; a new folder below it is made and removed "
                       "(default: the data folder of each machine, which is enough as long as no executor is lost)")
    _add_clock_options(result)
    arguments.add_cluster_options(result)
    return result


def _add_clock_options(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("clock")
    group.add_argument("--warm-up", type=arguments.not_negative, default=10.0, metavar="SECONDS",
                       help="how long the query runs before the clock starts (default %(default)g)")
    group.add_argument("--duration", type=arguments.positive, default=60.0, metavar="SECONDS",
                       help="the measured part; a window at least (default %(default)g)")
    group.add_argument("--max-lag", type=arguments.positive, default=10.0, metavar="SECONDS",
                       help="how far behind the stream the last batch may be to keep up (default %(default)g)")
    data_folder.add_option(group, "the data folder of each machine")


def refuse_impossible(options: argparse.Namespace) -> None:
    """Raise BadArgumentsError where the measured part could not show what it should."""
    if options.duration < options.window:
        raise BadArgumentsError(f"--duration={options.duration:g} is shorter than --window={options.window}: no window "
                                "would be seen from its beginning to its end")
    if options.duration < options.warm_up:
        raise BadArgumentsError(f"--duration={options.duration:g} is shorter than --warm-up={options.warm_up:g}: "
                                "measure at least as long as you warm up")
    for option, seconds in (("--trigger", options.trigger), ("--file-every", options.file_every)):
        if 3 * seconds > options.duration:
            raise BadArgumentsError(f"{option}={seconds:g} leaves fewer than three batches in "
                                    f"--duration={options.duration:g}: no trend can be seen")
    if options.folder and options.source == "rate":
        raise BadArgumentsError("--folder is for --source=files: the rate source has no files")


def stream_windows(options: argparse.Namespace, run: Run, environ: Mapping[str, str]) -> None:
    """The job."""
    from shapebench_jobs.spark import cluster as spark_cluster

    refuse_impossible(options)
    with spark_cluster.connected(environ, options.start_timeout) as session:
        _on_cluster(session, options, run)


def _on_cluster(session: Any, options: argparse.Namespace, run: Run) -> None:
    from shapebench_jobs.spark import cluster as spark_cluster
    from shapebench_jobs.stream_windows import places as stream_places
    from shapebench_jobs.stream_windows import query as stream_query

    slots = spark_cluster.slots(session.sparkContext)
    scratch = data_folder.chosen(options.data_dir)
    rows = Rows(options.rows_per_second, options.keys, options.work, options.window)
    source = _source(session, options, slots, scratch)
    stream_query.configure(session, slots)
    if not options.checkpoint:
        stream_query.stay_in_place(session)
    with stream_places.checkpoint(session, options.checkpoint, scratch) as checkpoint:
        pipeline = stream_query.Pipeline(source, rows, options.watermark, options.trigger, checkpoint)
        note("a first query loads classes")
        _warm_up(pipeline)
        run.environment({**spark_cluster.environment(session.sparkContext), "checkpoint": checkpoint,
                         "dataset": f"{rows.per_second}-rows-per-second-{rows.keys}-keys",
                         "state_partitions": session.conf.get("spark.sql.shuffle.partitions")})
        clock, found = _measured(pipeline, options, run)
    _report(options, clock, found, run)


def _source(session: Any, options: argparse.Namespace, slots: int, scratch: Path) -> Source:
    from shapebench_jobs.stream_windows import places as stream_places
    from shapebench_jobs.stream_windows import source as stream_source

    if options.source == "rate":
        return stream_source.RateSource(session, options.rows_per_second, slots)
    parent = options.folder or str(scratch)
    stream_places.check_seen_by_all(session, parent)
    return stream_source.FilesSource(session, options.rows_per_second, options.file_every, slots,
                                     lambda: stream_source.new_folder(session, parent, "--folder"))


def _warm_up(pipeline: Pipeline) -> None:
    """A slow query that is thrown away: seconds of class loading that say nothing about the cluster's shape."""
    deadline_s = time.monotonic() + _WARM_TIMEOUT_S
    with pipeline.at_most(_WARM_ROWS_PER_SECOND).running("first") as first:
        while len(first.batches()) < _WARM_BATCHES and time.monotonic() < deadline_s:
            first.go_on(0.2)


def _measured(pipeline: Pipeline, options: argparse.Namespace, run: Run) -> tuple[Clock, tuple[Batch, ...]]:
    with pipeline.running("measured") as running:
        running.go_on(options.warm_up)
        with run.measured():
            start_s, fed = time.time(), running.stream.fed()
            running.go_on(options.duration)
            clock = Clock(start_s, time.time(), running.stream.fed() - fed)
    found = running.batches()
    check_answer(pipeline.rows, found, running.answer)
    return clock, found


def check_answer(rows: Rows, found: Sequence[Batch], answer: Answer) -> None:
    """Raise WrongAnswerError unless every row that was taken in is in its window, once."""
    late = sum(batch.rows_late for batch in found)
    if late:
        raise WrongAnswerError(f"{late} rows were dropped as late: they came after the watermark had passed them")
    if not found:
        raise WrongAnswerError("no batch was committed: give a longer --warm-up or --duration, or a lower "
                               "--rows-per-second")
    origin_ms = round(min(batch.oldest_s for batch in found) * 1000)
    check(answer.windows(found[-1].number), rows, sum(batch.rows for batch in found), origin_ms)


def _report(options: argparse.Namespace, clock: Clock, found: Sequence[Batch], run: Run) -> None:
    values = stream_report.total(found, clock, options.max_lag)
    in_the_making = options.rows_per_second * options.file_every
    if clock.rows_made + in_the_making < _SMALLEST_SHARE_FED * options.rows_per_second * clock.seconds:
        raise BadArgumentsError(f"the driver wrote only {values['input_rows_per_second']:.0f} of "
                                f"--rows-per-second={options.rows_per_second}: give it more CPU, or a lower rate")
    varied = {"source": options.source, "rows_per_second": options.rows_per_second}
    values["sustained_rows_per_second"] = values["keeps_up"] * options.rows_per_second
    run.measurement(varied, values)  # first: where only some rows are kept, this one is
    for batch in lag.some(stream_report.within(found, clock)):
        run.measurement({**varied, "batch": batch.number}, stream_report.of_batch(batch))


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    options = parser().parse_args(argv)
    return perform(lambda run: stream_windows(options, run, os.environ), measured=MEASURED)

"""stream-windows on real Spark: every row in its window once, without a disk in common too; and what keeping up is."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench_jobs.harness import lag
from shapebench_jobs.harness.lag import Lag, Span
from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError
from shapebench_jobs.stream_windows import job as stream_windows
from shapebench_jobs.stream_windows import query as stream_query
from shapebench_jobs.stream_windows import report as stream_report
from shapebench_jobs.stream_windows import rows as stream_rows
from shapebench_jobs.stream_windows import source as stream_source
from shapebench_jobs.stream_windows.query import Batch, Pipeline
from shapebench_jobs.stream_windows.report import Clock
from shapebench_jobs.stream_windows.rows import Rows, Totals

from .conftest import local_cluster, read_events

# py4j and pyspark leave sockets to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]

START, END = Lag(100.0, 1.0), Lag(160.0, 1.0)


def _lags(slope: float, *, first_s: float = 1.0, sawtooth_s: float = 0.5) -> list[Lag]:
    return [Lag(100.0 + 2 * number, first_s + slope * 2 * number + (number % 2) * sawtooth_s) for number in range(30)]


@pytest.mark.parametrize(("commits", "end", "slope", "keeps_up"), [
    pytest.param(_lags(0.0), END, 0.0, True, id="steady"),
    pytest.param(_lags(0.3), END, 0.3, False, id="falls-behind"),
    pytest.param(_lags(0.03), END, 0.03, True, id="hardly-falls-behind"),
    pytest.param(_lags(-0.1, first_s=7.0), END, -0.1, True, id="catches-up"),
    pytest.param(_lags(0.0, first_s=30.0), END, 0.0, False, id="steady-but-far-behind"),
    pytest.param(_lags(0.3)[:2], Lag(160.0, 31.0), 0.5, False, id="two-batches-only"),
    pytest.param([], Lag(160.0, 61.0), 1.0, False, id="no-batch"),
    pytest.param([], Lag(160.0, 1.0), 0.0, True, id="no-batch-no-lag"),
])
def test_keeping_up(commits: list[Lag], end: Lag, slope: float, keeps_up: bool) -> None:
    trend = lag.trend(commits, START, end)
    assert trend.slope == pytest.approx(slope, abs=0.003)
    assert lag.keeps_up(trend, longest_lag_s=10.0) is keeps_up


def test_percentiles_of_spans_count_rows() -> None:
    spans = [Span(900, 0.0, 1.0), Span(100, 10.0, 10.0)]
    assert lag.percentile_of_spans(spans, 45) == pytest.approx(0.5, abs=0.02)
    assert lag.percentile_of_spans(spans, 89) == pytest.approx(1.0, abs=0.02)
    assert lag.percentile_of_spans(spans, 95) == 10.0


@pytest.mark.parametrize("find", [lag.percentile, lag.percentile_of_spans])
def test_nothing_has_no_percentile(find: Callable[[Any, float], float]) -> None:
    with pytest.raises(ValueError, match="no percentile"):
        find([], 50)


ROWS = Rows(per_second=3, keys=4, work=5, window_s=10)


def _plain(rows: Rows, numbers: range) -> dict[int, Totals]:
    found: dict[int, Totals] = {}
    for key in {number % rows.keys for number in numbers}:
        mine = [number for number in numbers if number % rows.keys == key]
        worked = []
        for value in mine:
            for _ in range(rows.work):
                value = (value * stream_rows.MULTIPLIER + stream_rows.INCREMENT) % stream_rows.MODULUS
            worked.append(value)
        found[key] = Totals(len(mine), sum(mine), sum(worked), mine[0], mine[-1])
    return found


@given(st.integers(0, 10_000), st.integers(1, 50), st.integers(1, 7), st.integers(0, 9))
def test_recomputed_totals_are_those_of_a_plain_loop(first: int, count: int, keys: int, work: int) -> None:
    rows = Rows(3, keys, work, 10)
    assert stream_rows.recomputed(rows, first, first + count - 1) == _plain(rows, range(first, first + count))


def test_more_rows_than_a_block() -> None:
    found = stream_rows.recomputed(dataclasses.replace(ROWS, work=0), 7, 1_200_006)
    assert sum(one.count for one in found.values()) == 1_200_000
    assert sum(one.sum for one in found.values()) == sum(range(7, 1_200_007))
    assert (min(one.first for one in found.values()), max(one.last for one in found.values())) == (7, 1_200_006)


ORIGIN_MS = 995_500
"""The stream begins half a second before a window's end: rows 0..13 are in the first window."""


def _right() -> dict[int, dict[int, Totals]]:
    return {990_000: _plain(ROWS, range(14)), 1_000_000: _plain(ROWS, range(14, 40))}


def test_the_right_answer() -> None:
    stream_rows.check(_right(), ROWS, 40, ORIGIN_MS)


def _lost_row(windows: dict[int, dict[int, Totals]]) -> None:
    windows[1_000_000] = _plain(ROWS, range(15, 40))


def _row_in_two_windows(windows: dict[int, dict[int, Totals]]) -> None:
    windows[1_000_000] = _plain(ROWS, range(13, 40))


def _row_counted_twice(windows: dict[int, dict[int, Totals]]) -> None:
    one = windows[990_000][1]
    windows[990_000][1] = dataclasses.replace(one, count=one.count + 1, sum=one.sum + 5)


def _wrong_work(windows: dict[int, dict[int, Totals]]) -> None:
    one = windows[990_000][2]
    windows[990_000][2] = dataclasses.replace(one, worked=one.worked + 1)


def _lost_key(windows: dict[int, dict[int, Totals]]) -> None:
    del windows[990_000][1]


def _wrong_window(windows: dict[int, dict[int, Totals]]) -> None:
    windows[990_000], windows[1_000_000] = _plain(ROWS, range(12)), _plain(ROWS, range(12, 40))


def _lost_end(windows: dict[int, dict[int, Totals]]) -> None:
    windows[1_000_000] = _plain(ROWS, range(14, 39))


@pytest.mark.parametrize(("damage", "message"), [
    (_lost_row, "begins with row 15, expected row 14: rows are missing"),
    (_row_in_two_windows, "begins with row 13, expected row 14: rows were counted in two windows"),
    (_row_counted_twice, "key 1 in the window at 990000 ms"),
    (_wrong_work, "key 2 in the window at 990000 ms"),
    (_lost_key, "key 1 in the window at 990000 ms: None, expected"),
    (_wrong_window, r"row 12, created at 999500\.000 ms, is in the window of 10 s at 1000000 ms"),
    (_lost_end, "the windows hold 39 rows, but 40 were ingested"),
])
def test_a_wrong_answer(damage: Callable[[dict[int, dict[int, Totals]]], None], message: str) -> None:
    windows = _right()
    damage(windows)
    with pytest.raises(WrongAnswerError, match=message):
        stream_rows.check(windows, ROWS, 40, ORIGIN_MS)


def _batch(number: int, *, started_s: float, seconds: float = 0.5, rows_late: int = 0) -> Batch:
    """A second of 100 rows each."""
    return Batch(number, started_s, seconds, 100, started_s - 1.0, started_s, 10, rows_late)


def test_values_of_a_steady_stream() -> None:
    batches = [_batch(number, started_s=100.0 + number) for number in range(20)]
    values = stream_report.total(batches, Clock(105.0, 115.0, 1000), longest_lag_s=5.0)
    assert values == pytest.approx({
        "keeps_up": 1, "processed_rows_per_second": 100, "input_rows_per_second": 100, "lag_slope": 0,
        "last_lag_s": 0.5, "batches": 10, "rows": 1000, "rows_late": 0, "busy_share": 0.5,
        "batch_duration_p50_ms": 500, "batch_duration_p95_ms": 500, "batch_duration_p99_ms": 500,
        "latency_p50_ms": 1000, "latency_p95_ms": 1450, "latency_p99_ms": 1490}, abs=10)


def test_values_where_no_batch_ended_in_time() -> None:
    values = stream_report.total([_batch(0, started_s=100.0)], Clock(105.0, 115.0, 1000), longest_lag_s=20.0)
    assert (values["keeps_up"], values["lag_slope"], values["last_lag_s"]) == (0, 1, 15)
    assert values["processed_rows_per_second"] == 0
    assert not any("_p95_" in name for name in values)


def test_rows_of_single_batches_are_bounded() -> None:
    batches = [_batch(number, started_s=float(number)) for number in range(401)]
    kept = lag.some(batches)
    assert 35 <= len(kept) <= 40
    total = stream_report.total(batches, Clock(0.0, 400.0, 40_000), 5.0)
    assert not set(total) & set(stream_report.of_batch(batches[0])), "an objective is the median over all rows"


def _pipeline(session: Any, source: str, tmp_path: Path, rows: Rows) -> Pipeline:
    session = session.newSession()
    stream_query.configure(session, 2)
    made = (stream_source.RateSource(session, rows.per_second, 2) if source == "rate" else
            stream_source.FilesSource(session, rows.per_second, 0.5, 2, lambda: stream_source.new_folder(
                session, str(tmp_path / "in"), "--folder")))
    return Pipeline(made, rows, 10, 0.0, (tmp_path / "checkpoint").as_uri())


@pytest.mark.parametrize("source", ["rate", "files"])
def test_a_stream_is_summed_right(spark: Any, tmp_path: Path, source: str) -> None:
    rows = Rows(per_second=1500, keys=3, work=2, window_s=2)
    with _pipeline(spark, source, tmp_path, rows).running("one") as running:
        deadline_s = time.monotonic() + 300
        while len(running.batches()) < 4 and time.monotonic() < deadline_s:
            running.go_on(0.2)
        fed = running.stream.fed()
    found = running.batches()
    assert len(found) >= 4
    assert fed >= found[-1].rows > 0
    stream_windows.check_answer(rows, found, running.answer)
    windows: Mapping[int, Mapping[int, Totals]] = running.answer.windows(found[-1].number)
    assert {start_ms % 2000 for start_ms in windows} == {0}
    for batch in found:
        assert 0 < batch.latencies.shortest_s <= batch.latencies.longest_s < 60
        assert math.isclose(batch.newest_s - batch.oldest_s, batch.rows / rows.per_second, abs_tol=0.01)
    with pytest.raises(WrongAnswerError, match="7 rows were dropped as late"):
        stream_windows.check_answer(rows, [*found, dataclasses.replace(found[0], rows_late=7)], running.answer)
    assert not list((tmp_path / "in").glob("*"))


def test_a_stopped_feeder_says_why(tmp_path: Path, spark: Any) -> None:
    class Full:
        url = "file:///nowhere"

        def put(self, name: str, text: str) -> None:
            raise OSError(28, "No space left on device")

        def remove(self) -> None:
            pass

    (tmp_path / "empty").mkdir()
    Full.url = (tmp_path / "empty").as_uri()

    def feed(stream: stream_source.Stream) -> None:
        for _ in range(600):
            stream.fed()
            time.sleep(0.1)

    source = stream_source.FilesSource(spark, 10, 0.1, 1, Full)
    with source.opened() as stream, pytest.raises(OSError, match="No space left"):
        feed(stream)


def test_files_hold_all_rows() -> None:
    assert stream_source.file_text(8, 10, 4, 1000) == "8,3000\n9,3250\n10,3500\n"


def _options(*argv: str) -> Any:
    return stream_windows.parser().parse_args(argv)


@pytest.mark.parametrize(("argv", "message"), [
    (["--duration=5"], "--duration=5 is shorter than --window=10"),
    (["--duration=20", "--warm-up=30"], "--duration=20 is shorter than --warm-up=30"),
    (["--duration=20", "--trigger=7"], "--trigger=7 leaves fewer than three batches in --duration=20"),
    (["--duration=20", "--source=files", "--file-every=8"], "--file-every=8 leaves fewer than three batches"),
    (["--folder=/tmp"], "--folder is for --source=files"),
])
def test_impossible_options(argv: list[str], message: str) -> None:
    with pytest.raises(BadArgumentsError, match=message):
        stream_windows.refuse_impossible(_options(*argv))


@pytest.mark.parametrize("argument", ["--rows-per-second=0", "--rows-per-second=-5", "--duration=0", "--keys=0",
                                      "--source=kafka", "--work=-1", "--warm-up=-3", "--window=0.5"])
def test_values_out_of_range(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        _options(argument)
    assert argument.partition("=")[0] in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "0.0", "0.00"])
def test_no_warm_up(text: str) -> None:
    assert _options(f"--warm-up={text}").warm_up == 0


def test_a_folder_that_cannot_be_made(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadArgumentsError, match=r"--folder=.*/file: Not a directory"):
        stream_source.new_folder(spark, str(tmp_path / "file"), "--folder")
    with pytest.raises(BadArgumentsError, match="--checkpoint=nosuch://x: nothing here reads nosuch:// URLs"):
        stream_source.new_folder(spark, "nosuch://x", "--checkpoint")


@pytest.mark.parametrize("prefix", ["", "file:", "file://"], ids=["path", "file", "file-url"])
def test_a_folder_by_any_name(spark: Any, tmp_path: Path, prefix: str) -> None:
    folder = stream_source.new_folder(spark, f"{prefix}{tmp_path}", "--folder")
    (made,) = tmp_path.iterdir()
    assert folder.url == f"file://{made}"


def test_a_folder_through_sparks_file_systems(spark: Any, tmp_path: Path) -> None:
    folder = stream_source.HadoopFolder(spark, f"file://{tmp_path}/through hadoop")
    folder.put("a.csv", "1,2\n")
    assert [path.name for path in (tmp_path / "through hadoop").glob("*.csv")] == ["a.csv"]
    assert (tmp_path / "through hadoop/a.csv").read_text() == "1,2\n"
    folder.remove()
    assert not (tmp_path / "through hadoop").exists()


OWN_DISKS = "--data-dir=/proc/self/cwd/scratch"
"""A path that is another folder in each process: the driver and the executors have no disk in common."""


def test_executors_need_no_disk_in_common(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    process = start("stream_windows", OWN_DISKS, "--rows-per-second=300", "--window=2", "--warm-up=1", "--duration=8",
                    "--work=1", **local_cluster(tmp_path), SHAPEBENCH_EVENTS_FILE=str(events_file))
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    assert "terminated with error" not in said
    environment = read_events(events_file, "environment")[0]["values"]
    assert (environment["executors"], environment["state_partitions"]) == ("2", "2")
    assert environment["spark.locality.wait.process"] == "1h", "state stays where it is"
    total, *single = read_events(events_file, "measurement")
    assert total["parameters"] == {"source": "rate", "rows_per_second": 300}
    assert total["values"]["input_rows_per_second"] == pytest.approx(300, rel=0.1)
    assert total["values"]["rows"] == sum(row["values"]["batch_rows"] for row in single) > 0
    assert not list(tmp_path.glob("scratch/*")), "the driver's own part of the checkpoint is removed"


def test_files_that_executors_cannot_see_are_refused(start: Callable[..., Any], tmp_path: Path) -> None:
    process = start("stream_windows", OWN_DISKS, "--source=files", "--duration=10", **local_cluster(tmp_path))
    _, said = process.communicate(timeout=380)
    assert process.returncode == 2, said
    assert "error: --folder=/proc/self/cwd/scratch: " in said
    assert "cannot see what the driver writes there. Give a folder that every pod mounts" in said

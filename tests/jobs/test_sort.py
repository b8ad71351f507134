"""sort on real Spark: two makers of the same records, the right order, and every wrong one told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shapebench_jobs.harness.run import BadArgumentsError, WrongAnswerError
from shapebench_jobs.sort import frames as sort_frames
from shapebench_jobs.sort import job as sort
from shapebench_jobs.sort import records as sort_records
from shapebench_jobs.sort import storage as sort_storage
from shapebench_jobs.sort.frames import SortedPart
from shapebench_jobs.sort.records import RECORD_BYTES, Share, Tally
from shapebench_jobs.spark import stages as spark_stages

from .conftest import local_cluster, read_events

# py4j and pyspark leave sockets to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
              pytest.mark.timeout(400)]


def _rows(frame: Any) -> list[bytes]:
    return [bytes(row["key"]) + bytes(row["payload"]) for row in frame.collect()]


@pytest.mark.parametrize("seed", [0, 7, (1 << 63) - 1], ids=["zero", "seven", "largest"])
def test_spark_and_numpy_make_the_same_records(spark: Any, seed: int) -> None:
    made = _rows(sort_frames.made(spark, seed, 300, 3))
    assert {len(row) for row in made} == {RECORD_BYTES}
    assert made == [row.tobytes() for row in sort_records.records(seed, 0, 300)]
    assert len({row[:10] for row in made}) == 300


def test_shares_are_the_whole() -> None:
    whole = sort_records.tally(7, 0, 70_000)
    assert whole.count == 70_000
    assert sum(Share(7, 70_000, 3)(range(3)), Tally()) == whole
    assert sort_records.tally(8, 0, 70_000).crc_sum != whole.crc_sum


@pytest.mark.parametrize(("records", "partitions"), [(1, 1), (5, 5), (2000, 3)])
def test_sorted(spark: Any, records: int, partitions: int) -> None:
    storage = sort_storage.Blocks()
    source = storage.keep("input", sort_frames.made(spark, 3, records, 2))
    output = storage.keep("sorted", sort_frames.in_order(source, partitions))
    assert output.rdd.getNumPartitions() == partitions
    assert _rows(output) == sorted(row.tobytes() for row in sort_records.records(3, 0, records))
    parts = sort_frames.looked_at(storage.located(output))
    sort_frames.check(parts, sort.wanted(spark.sparkContext, 3, records, 4))
    assert sum(part.tally.count for part in parts) == records


def test_what_spark_counts(spark: Any) -> None:
    """Of one group alone, and nothing at all rather than a part where Spark has forgotten jobs or stages."""
    context, frame = spark.sparkContext, sort_frames.made(spark, 3, 2000, 2)
    sort_storage.Blocks().keep("elsewhere", sort_frames.in_order(frame, 2))
    with spark_stages.group(context, "counted-sort"):
        sort_storage.Blocks().keep("sorted", sort_frames.in_order(frame, 2))
    with spark_stages.group(context, "counted-nothing"):
        pass
    counted = spark_stages.counted(context, "counted-sort")
    assert 0.9 < counted["shuffle_bytes"] / (2000 * RECORD_BYTES) < 1.2
    assert spark_stages.counted(context, "counted-nothing")["shuffle_bytes"] == 0
    context._jsc.sc().conf().set("spark.ui.retainedStages", "1")
    try:
        assert spark_stages.counted(context, "counted-sort") == {}
    finally:
        context._jsc.sc().conf().remove("spark.ui.retainedStages")


def test_in_a_folder(spark: Any, tmp_path: Path) -> None:
    storage = sort_storage.storage(spark, tmp_path.as_uri())
    source = storage.keep("input", sort_frames.made(spark, 3, 500, 2))
    output = storage.keep("sorted", sort_frames.in_order(source, 3))
    parts = sort_frames.looked_at(storage.located(output))
    assert [part.number for part in parts] == [0, 1, 2]
    sort_frames.check(parts, sort_records.tally(3, 0, 500))
    assert len(list(tmp_path.rglob("sorted/*.parquet"))) == 3
    storage.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(spark: Any) -> None:
    with pytest.raises(BadArgumentsError, match="--storage=file:///proc/none cannot be written: "):
        sort_storage.storage(spark, "file:///proc/none")
    with pytest.raises(BadArgumentsError, match="--storage=here/x is no absolute path: "):
        sort_storage.storage(spark, "here/x")


def test_a_folder_that_executors_do_not_share(spark: Any, tmp_path: Path) -> None:
    class Elsewhere:
        """A table whose executors write to disks of their own: the driver's folder stays as empty as it makes it."""

        write = property(lambda self: self)

        def option(self, *_: str) -> Any:
            return self

        def parquet(self, url: str) -> None:
            Path(url.removeprefix("file://")).mkdir()

    storage = sort_storage.storage(spark, tmp_path.as_uri())
    with pytest.raises(BadArgumentsError, match="the driver does not see what the executors wrote there"):
        storage.keep("input", Elsewhere())


def _unsorted(frame: Any) -> Any:
    return frame.repartitionByRange(2, "key")


def _ranges_mixed(frame: Any) -> Any:
    return frame.repartition(2).sortWithinPartitions("key")


def _descending(frame: Any) -> Any:
    return frame.repartitionByRange(2, frame["key"].desc()).sortWithinPartitions("key")


def _one_lost(frame: Any) -> Any:
    return sort_frames.in_order(frame.limit(199), 2)


def _payloads_swapped(frame: Any) -> Any:
    return sort_frames.in_order(frame.selectExpr("key", "min(payload) over () as payload"), 2)


@pytest.mark.parametrize(("broken", "message"), [
    pytest.param(_unsorted, "partition 0 is not sorted: .* smaller key than the one before", id="unsorted-partition"),
    pytest.param(_ranges_mixed, "partition 0 ends with key .*, after partition 1 begins", id="overlapping-partitions"),
    pytest.param(_descending, "partition 0 ends with key .*, after partition 1 begins", id="partitions-backwards"),
    pytest.param(_one_lost, "199 records came out, 200 went in", id="lost"),
    pytest.param(_payloads_swapped, "other records came out than were made", id="other-payloads"),
])
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_sort_is_found(spark: Any, broken: Callable[[Any], Any], message: str) -> None:
    storage = sort_storage.Blocks()
    output = storage.keep("sorted", broken(sort_frames.made(spark, 3, 200, 2)))
    with pytest.raises(WrongAnswerError, match=message):
        sort_frames.check(sort_frames.looked_at(storage.located(output)), sort_records.tally(3, 0, 200))


def test_equal_keys_may_end_one_partition_and_begin_the_next() -> None:
    part = SortedPart(0, Tally(2, 10), b"a", b"b", 0)
    sort_frames.check((part, replace(part, number=1, first=b"b", last=b"c")), Tally(4, 20))


@pytest.mark.parametrize(("argv", "message"), [
    pytest.param(["--records=3", "--partitions=4"], "--partitions=4 is more than --records=3", id="partitions"),
])
def test_arguments_that_cannot_work(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sort.main(argv) == 2
    assert message in capsys.readouterr().err


def test_no_records(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        sort.main(["--records=0"])
    assert "0 is out of range: give at least 1" in capsys.readouterr().err


def test_on_two_executors(start: Callable[..., Any], tmp_path: Path, events_file: Path) -> None:
    """Executors of processes of their own, one slot each, that spill as if memory were short."""
    cluster = local_cluster(tmp_path, 2, "spark.shuffle.spill.numElementsForceSpillThreshold 5000")
    process = start("sort", "--records=60000", **cluster, SHAPEBENCH_EVENTS_FILE=str(events_file))
    _, said = process.communicate(timeout=380)
    assert process.returncode == 0, said
    assert [event["event"] for event in read_events(events_file)] == [
        "environment", "measured-started", "measured-finished", "measurement"]
    (row,) = read_events(events_file, "measurement")
    assert row["parameters"] == {"partitions": 4}
    values = row["values"]
    assert values["records"] == 60_000
    assert values["records_per_second"] == pytest.approx(60_000 / values["seconds"])
    assert values["shuffle_bytes"] > 0.9 * 60_000 * RECORD_BYTES, "records cannot be compressed"
    assert values["spilled_bytes"] > 0
    assert 15_000 <= values["largest_partition_records"] < 30_000

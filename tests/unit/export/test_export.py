"""What `shapebench export` leaves: the same numbers in every format."""

from __future__ import annotations

import csv
import math
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shapebench.agent import series as agent_series
from shapebench.api.fields import Scalar, scalar_text
from shapebench.api.record import Cell, LostAttempt, Measurement, RunRecord
from shapebench.api.usage import Usage
from shapebench.report import files, runs_csv
from shapebench.report.export import columns, parquet_files, rows, writing
from shapebench.report.export.formats import Format, Table

ALL = frozenset(Table)


def read_csv(place: Path) -> list[dict[str, str]]:
    with place.open(newline="") as lines:
        return list(csv.DictReader(lines))


def read_parquet(place: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as database:
        found = database.execute(f"SELECT * FROM read_parquet('{place}')")
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def told(field: str) -> str:
    """What was told, of a field of CSV."""
    return re.sub(r"^'(?='*[=+\-@\t\r])", "", field)


def as_text(value: Any) -> str:
    """A value of a Parquet file as CSV shows it."""
    return "" if value is None else scalar_text(value)


def same(text: str, value: Any) -> bool:
    text = told(text)
    if isinstance(value, float) and text:
        return float(text) == value or (math.isnan(value) and math.isnan(float(text)))
    return text == as_text(value)


def test_a_run_is_a_row_with_all_that_is_known_of_it(tmp_path: Path, records: list[RunRecord]) -> None:
    assert writing.write(records, tmp_path, Format.CSV, frozenset({Table.RUNS})) == [tmp_path / "runs.csv"]
    first, second, failed = read_csv(tmp_path / "runs.csv")
    expected = {"benchmark": "b", "shape": "2x1", "format": "tfrecord", "batchSize": "64", "verdict": "Throttled",
                "flags": "Throttled Steal", "duration_s": "1.5", "cost": "0.25", "cost_spent": "0.5",
                "cpu_seconds": "3.0", "measured_cpu_seconds": "2.0", "disk_reads": "7", "measured_disk_reads": "",
                "memory_peak_is_sampled": "false", "measured_memory_peak_is_sampled": "true", "startup_s": "11.5",
                "environment_spark": "4.3.0", "environment_conf": 'a=1\n"b"=2, c\r', "image_worker": "sha256:1",
                "measurement_rate": "20.0", "measurement_loss": "0.5"}
    assert {name: first[name] for name in expected} == expected
    assert (second["shape"], second["batchSize"]) == ("1x2", "")
    assert (failed["reason"], failed["message"], failed["measured_cpu_seconds"]) == ("WrongAnswer", "two\nlines", "")


def test_the_report_has_the_same_runs(tmp_path: Path, records: list[RunRecord]) -> None:
    writing.write(records, tmp_path, Format.CSV, frozenset({Table.RUNS}))
    assert (tmp_path / "runs.csv").read_bytes() == runs_csv.text(records).encode()


def test_measurements_tell_the_cell_from_what_the_job_varied(tmp_path: Path, records: list[RunRecord]) -> None:
    writing.write(records, tmp_path, Format.CSV, frozenset({Table.MEASUREMENTS}))
    found = read_csv(tmp_path / "measurements.csv")
    assert [(one["run"], one["row"], one["format"], one["row_format"], one["row_pass"], one["measurement_rate"])
            for one in found] == [
        ("b-1-1", "0", "tfrecord", "x", "1", "10.0"), ("b-1-1", "1", "tfrecord", "x", "2", "30.0"),
        ("b-1-2", "0", "images", "x", "1", "10.0"), ("b-1-2", "1", "images", "x", "2", "30.0")]


def test_measurements_tell_which_worker_wrote_them(tmp_path: Path, make_record: Any) -> None:
    whole = make_record(1)
    theirs = tuple(Measurement(values={"rate": float(number)}) for number in range(2))
    workers = tuple(pod.model_copy(update={"measurements": (theirs[pod.index],)}) for pod in whole.pods)
    server = workers[0].model_copy(update={"role": "ps", "measurements": theirs})
    told = make_record(1, measurements=theirs, pods=(server, *workers))
    writing.write([told, make_record(2, measurements=theirs)], tmp_path, Format.CSV, frozenset({Table.MEASUREMENTS}))
    assert [(one["run"], one["row"], one["role"], one["index"], one["measurement_rate"])
            for one in read_csv(tmp_path / "measurements.csv")] == [
        ("b-1-1", "0", "worker", "0", "0.0"), ("b-1-1", "1", "worker", "1", "1.0"),
        ("b-1-2", "0", "", "", "0.0"), ("b-1-2", "1", "", "", "1.0")]


def test_series_are_long_and_aligned_at_the_measured_start(tmp_path: Path, records: list[RunRecord]) -> None:
    writing.write(records, tmp_path, Format.CSV, frozenset({Table.SERIES}))
    found = read_csv(tmp_path / "series.csv")
    assert len(found) == 12
    assert tuple(found[0]) == tuple(column.name for column in columns.SERIES)
    assert [(one["pod"], one["index"], one["elapsed_s"], one["cpu_seconds"], one["network_receive_bytes"],
             one["disk_reads"]) for one in found[2:4]] == [
        ("b-1-1-a1-worker-0", "0", "1.75", "", str(2**40), ""), ("b-1-1-a1-worker-1", "1", "-0.5", "0.5", "0", "")]


@pytest.mark.parametrize("skew_s", [0.0, 30.0, -3.0])
def test_curves_of_pods_whose_clocks_differ_lie_over_each_other(
        tmp_path: Path, make_record: Callable[..., RunRecord], skew_s: float) -> None:
    """An executor's agent wrote the driver's marks as its own clock has them."""
    driver, executor = (pod.model_copy(update={"role": role, "measured_started_s": 100.0})
                        for pod, role in zip(make_record(1).pods, ("driver", "executor"), strict=True))
    moved = {name: getattr(executor, name) + skew_s for name in ("measured_started_s", "program_started_s")}
    samples = executor.series.model_copy(update={"time_s": tuple(time + skew_s for time in executor.series.time_s)})
    run = make_record(1, pods=(driver, executor.model_copy(update={**moved, "series": samples})))
    writing.write([run], tmp_path, Format.CSV, frozenset({Table.SERIES}))
    found = [one["elapsed_s"] for one in read_csv(tmp_path / "series.csv")]
    assert found == [f"{round(time_s - 100, 3)}" for pod in (driver, executor) for time_s in pod.series.time_s]


def test_lost_attempts_are_told_apart(tmp_path: Path, make_record: Callable[..., RunRecord]) -> None:
    cut = {"measurements": (), "measurements_left_out": 2}
    whole = make_record(attempt=2, **cut)
    lost = LostAttempt(attempt=1, usage=Usage(cpu_seconds=0.75, disk_reads=3), pod_records=(
        whole.pods[0].model_copy(update={"measured_started_s": None}),))
    run = whole.model_copy(update={"lost_attempts": (lost, lost.model_copy(update={"attempt": 2, "usage": Usage()}))})
    writing.write([run], tmp_path, Format.CSV, frozenset(Table))
    (row,) = read_csv(tmp_path / "runs.csv")
    assert (row["cpu_seconds"], row["lost_cpu_seconds"], row["lost_disk_reads"]) == ("3.0", "0.75", "3")
    assert (row["lost_disk_writes"], row["measurements_left_out"]) == ("", "2")
    found = [(one["pod"], one["attempt"], one["elapsed_s"]) for one in read_csv(tmp_path / "series.csv")]
    assert found[0] == ("b-1-1-a1-worker-0", "1", "0.5"), "by its own program's start: not by the run's"
    assert [attempt for _, attempt, _ in found] == ["1"] * 3 + ["2"] * 9
    writing.write([run], tmp_path, Format.JSON, frozenset({Table.RUNS}))
    (bare,) = files.each(tmp_path / "runs.json")
    assert [pod.series.time_s for one in bare.lost_attempts for pod in one.pod_records] == [(), ()]


def test_the_series_have_every_column_that_the_agent_writes() -> None:
    sample = agent_series.Series(10)
    usage = agent_series.Usage(*range(1, len(agent_series.Usage._fields) + 1))
    sample.add(agent_series.Sample(1.0, usage, 5))
    _, found = sample.columns()
    assert set(found) <= {column.name for column in columns.SERIES}
    assert len(found) == len(rows._COUNTERS)


def test_json_comes_back_as_records(tmp_path: Path, records: list[RunRecord]) -> None:
    (place,) = writing.write(records, tmp_path, Format.JSON, ALL)
    assert list(files.each(place)) == records == files.from_json(place.read_text())
    writing.write(records, tmp_path, Format.JSON, frozenset({Table.RUNS}))
    bare = next(files.each(place))
    assert (bare.measurements, bare.pods[0].series.time_s, bare.usage) == ((), (), records[0].usage)


def test_parquet_holds_what_csv_holds_with_types(tmp_path: Path, records: list[RunRecord]) -> None:
    writing.write(records, tmp_path, Format.CSV, ALL)
    writing.write(records, tmp_path, Format.PARQUET, ALL)
    for table in Table:
        texts, typed = read_csv(tmp_path / f"{table}.csv"), read_parquet(tmp_path / f"{table}.parquet")
        assert len(texts) == len(typed) > 0
        for text, row in zip(texts, typed, strict=True):
            assert list(text) == list(row)
            assert [name for name in row if not same(text[name], row[name])] == []
    first = read_parquet(tmp_path / "runs.parquet")[0]
    assert (first["batchSize"], first["cpu"], first["duration_s"], first["block"]) == (64, 0.5, 1.5, 1)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec="utf-8"), max_size=20))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.one_of(NAMES, st.sampled_from(["block", "Block", "row_a", "parameter_block"])),
                                SCALARS, max_size=4), min_size=1, max_size=4),
       st.dictionaries(NAMES, SCALARS, max_size=2), st.floats())
def test_whatever_parameters_are_called_and_hold_they_come_back(tmp_path: Path, make_record, cells, inner,
                                                                measured) -> None:
    measurement = Measurement.model_construct(parameters=inner, values={"x": measured})
    given_records = [make_record(number, cell=Cell.model_construct(shape="s", parameters=cell),
                                 measurements=(measurement,), pods=())
                     for number, cell in enumerate(cells)]
    what = frozenset({Table.RUNS, Table.MEASUREMENTS})
    writing.write(given_records, tmp_path, Format.CSV, what)
    writing.write(given_records, tmp_path, Format.PARQUET, what)
    for table in what:
        texts, typed = read_csv(tmp_path / f"{table}.csv"), read_parquet(tmp_path / f"{table}.parquet")
        assert len(texts) == len(typed) == len(cells)
        for text, row, cell in zip(texts, typed, cells, strict=True):
            assert list(text) == list(row)
            assert len({name.lower() for name in row}) == len(row)
            assert [name for name in row if not same(text[name], row[name])] == []
            for name, value in cell.items():
                plain = [column for column in row if column.removeprefix("parameter_").startswith(name)
                         or column.startswith(f"parameter_{name}")]
                assert any(same(text[column], value) or text[column] == as_text(value) for column in plain), name


@pytest.mark.parametrize(("value", "field"), [
    pytest.param('=HYPERLINK("http://a.example","b")', '\'=HYPERLINK("http://a.example","b")', id="a-link"),
    pytest.param("@SUM(A1)", "'@SUM(A1)", id="a-function"),
    pytest.param("+1+1", "'+1+1", id="a-sum"),
    pytest.param("-O2", "'-O2", id="an-option"),
    pytest.param("\t=1+1", "'\t=1+1", id="behind-a-tab"),
    pytest.param("'=1", "''=1", id="told-with-the-quote-already"),
    pytest.param("'quoted'", "'quoted'", id="a-quote-alone"),
    pytest.param("a=b", "a=b", id="in-the-middle"),
    pytest.param("-1.5e3", "-1.5e3", id="a-number-as-text"),
    pytest.param(-1.5, "-1.5", id="a-number"),
    pytest.param(-2, "-2", id="a-whole-number"),
])
def test_no_text_becomes_a_formula_in_a_spreadsheet(tmp_path: Path, make_record, value: Scalar, field: str) -> None:
    """Also where another value makes its column one of texts."""
    text = str(value)
    both = [make_record(number, cell=Cell(shape="s", parameters={"p": one}), message=text, environment={"x": text},
                        measurements=(Measurement(parameters={"q": one}, values={"a": 1.0}),))
            for number, one in enumerate((value, "text"))]
    writing.write(both, tmp_path, Format.CSV, ALL)
    row, _ = read_csv(tmp_path / "runs.csv")
    assert (row["p"], row["message"], row["environment_x"], told(row["p"])) == (field, field, field, text)
    row, _ = read_csv(tmp_path / "measurements.csv")
    assert (row["p"], row["row_q"]) == (field, field)


def test_titles_never_collide(make_record, tmp_path: Path) -> None:
    odd = {"block": 1, "Block": 2, "parameter_block": 3, "row_a": 4, "measurement_x": 5, "a": 6, "A": 7}
    record = make_record(1, cell=Cell(shape="s", parameters=odd))
    writing.write([record], tmp_path, Format.CSV, frozenset({Table.RUNS}))
    (row,) = read_csv(tmp_path / "runs.csv")
    assert {name: row[name] for name in (
        "block", "parameter_block", "parameter_Block_2", "parameter_parameter_block", "parameter_row_a",
        "parameter_measurement_x", "a", "A_2")} == {
        "block": "1", "parameter_block": "1", "parameter_Block_2": "2", "parameter_parameter_block": "3",
        "parameter_row_a": "4", "parameter_measurement_x": "5", "a": "6", "A_2": "7"}


@pytest.mark.parametrize("form", list(Format))
def test_what_fails_while_reading_leaves_the_files_of_before(tmp_path: Path, records: list[RunRecord],
                                                             form: Format) -> None:
    before = {place: place.read_bytes() for place in writing.write(records, tmp_path, form, ALL)}

    def broken() -> Iterator[RunRecord]:
        yield records[0]
        raise ValueError("a damaged record")

    with pytest.raises(ValueError, match="a damaged record"):
        writing.write(broken(), tmp_path, form, ALL)
    assert {place: place.read_bytes() for place in tmp_path.iterdir()} == before


@pytest.mark.parametrize("form", list(Format))
def test_many_runs_need_no_more_memory_than_few(tmp_path: Path, make_record, form: Format,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "PART_BYTES", 100_000)
    whole = make_record(1)
    long = whole.pods[0].series.model_copy(update={
        "time_s": tuple(float(second) for second in range(600)),
        "columns": {"cpu_seconds": tuple(second * 0.1 for second in range(600))}})
    pods = (whole.pods[0].model_copy(update={"series": long}),)

    def many(count: int) -> Iterator[RunRecord]:
        for number in range(count):
            yield whole.model_copy(update={"run": f"b-1-{number}", "pods": tuple(
                one.model_copy(update={"series": long.model_copy()}) for one in pods)})

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            writing.write(many(count), tmp_path, form, ALL)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # what is imported on the way
    few, lots = peak(5), peak(60)
    assert lots < few * 1.5 + 500_000

"""`shapebench export`, and reading from a results store, as a user meets them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from shapebench.api import packing, places
from shapebench.api.benchmark import Objective
from shapebench.api.record import Cell, Measurement, Phase, RunRecord, Times, Verdict
from shapebench.cli import app
from shapebench.report import files

Invoke = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


def record(block: int, position: int, namespace: str = "lab") -> RunRecord:
    return RunRecord(benchmark="read", namespace=namespace, run=f"read-{block}-{position}", backend="kubernetes",
                     cell=Cell(shape="4x1", parameters={"format": "images"}), workers=4, cpu=1, memory_bytes=1,
                     block=block, repetition=block, position=position, attempt=1, phase=Phase.SUCCEEDED,
                     verdict=Verdict.VALID, times=Times(), duration_s=2.0 + position)


RAN = [record(0, 1), record(1, 1), record(1, 2), record(1, 10), record(2, 1)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of a store: a Benchmark that was applied once, and one that was twice."""
    folder = tmp_path / "store"
    kept = [(one, "uid-1") for one in RAN]
    kept += [(record(1, 1, "other"), "uid-2"), (record(1, 1, "other"), "uid-3")]
    for one, uid in kept:
        place = folder / places.record(one.namespace, one.benchmark, uid, one.run)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(packing.packed(one))
    return folder


@pytest.fixture
def runs_json(tmp_path: Path) -> Path:
    place = tmp_path / "made" / "runs.json"
    place.parent.mkdir()
    place.write_text(files.to_json(RAN))
    return place


def runs(place: Path) -> list[str]:
    with place.open(newline="") as lines:
        return [row["run"] for row in csv.DictReader(lines)]


@pytest.mark.parametrize("arguments", [
    pytest.param(lambda store: ("read", "-n", "lab", "--from", store), id="name-in-a-folder"),
    pytest.param(lambda store: ("read", "-n", "lab", "--from", store.as_uri()), id="name-at-a-url"),
    pytest.param(lambda store: (store / "lab" / "read",), id="folder"),
    pytest.param(lambda store: ((store / "lab" / "read" / "uid-1").as_uri(),), id="url"),
])
def test_a_store_is_read_in_the_order_of_the_runs(invoke: Invoke, store: Path, tmp_path: Path,
                                                  arguments: Callable[[Path], tuple[Any, ...]]) -> None:
    done = invoke("export", *arguments(store), "--output", tmp_path / "out", "--what", "runs")
    assert done.exit_code == 0, done.output
    assert done.output == f"{tmp_path}/out/runs.csv\n"
    assert runs(tmp_path / "out" / "runs.csv") == [one.run for one in RAN]
    table = invoke("report", *arguments(store))
    assert (table.exit_code, "4x1" in table.output) == (0, True)


def test_the_best_cell_is_the_same_from_wherever_the_records_come(invoke: Invoke, tmp_path: Path) -> None:
    """The Benchmark is gone: its records alone know that more images per second are better, and not a short time."""
    kept, place = [], tmp_path / "store" / "lab" / "read" / "uid-1"
    place.mkdir(parents=True)
    for position, (shape, speed) in enumerate((("slow", 1.0), ("quick", 9.0)), start=1):
        kept.append(record(1, position).model_copy(update={
            "cell": Cell(shape=shape), "measurements": (Measurement(values={"images_per_second": speed}),),
            "objective": Objective(metric="measurement.images_per_second", goal="Maximize")}))
        (place / f"read-1-{position}.json.gz").write_bytes(packing.packed(kept[-1]))
    (tmp_path / "runs.json").write_text(files.to_json(kept))
    exported = invoke("export", place.parent, "--format", "json", "--what", "runs,measurements", "--output", tmp_path)
    assert exported.exit_code == 0, exported.output
    for source in ((place.parent,), ("read", "--from", tmp_path / "store"), (tmp_path / "runs.json",), (tmp_path,)):
        told = " ".join(invoke("report", *source).output.split())
        assert told.startswith("read: quick had the most images per second"), told
        assert "compared by duration" not in told


def test_records_that_tell_no_objective_are_said_to_be_compared_by_duration(invoke: Invoke, runs_json: Path) -> None:
    told = " ".join(invoke("report", runs_json).output.split())
    assert "compared by duration, because these records are of an older version" in told


def test_all_tables_of_what_was_run_here(invoke: Invoke, runs_json: Path, tmp_path: Path) -> None:
    for form, names in (("csv", {"runs.csv", "measurements.csv", "series.csv"}), ("json", {"runs.json"}),
                        ("parquet", {"runs.parquet", "measurements.parquet", "series.parquet"})):
        done = invoke("export", runs_json.parent, "--format", form, "--output", tmp_path / form)
        assert done.exit_code == 0, done.output
        assert {place.name for place in (tmp_path / form).iterdir()} == names
    assert json.loads((tmp_path / "json" / "runs.json").read_text())[0]["run"] == "read-0-1"


@pytest.mark.parametrize(("arguments", "message"), [
    pytest.param(lambda store: (store, "--what", "runs,plots"), "--what: there is no table 'plots'; write one or "
                 "more of runs,measurements,series", id="no-such-table"),
    pytest.param(lambda store: (store / "lab" / "read", "--what", "series", "--format", "json"), "--what series: JSON "
                 "holds whole runs, so runs must be among them: write --what runs,series, or take --format csv",
                 id="json-without-runs"),
    pytest.param(lambda store: ("read", "--from", store), "has the records of 3 Benchmarks; give one of their folders",
                 id="several"),
    pytest.param(lambda store: ("write", "--from", store), "has no records of Benchmark write", id="no-such-benchmark"),
    pytest.param(lambda store: ("read", "-n", "mine", "--from", store), "of Benchmark read in namespace mine",
                 id="no-such-namespace"),
    pytest.param(lambda store: ("read", "--from", store / "nowhere"), "there is no such folder", id="no-such-folder"),
    pytest.param(lambda store: ("read", "--from", "ftps://x/y"), "no store for ftps:// URLs", id="no-such-scheme"),
    pytest.param(lambda store: (store / "nothing.json",), "No such file", id="no-such-file"),
    pytest.param(lambda store: (store / "lab" / "read", "--output", "/dev/null/x"), "--output /dev/null/x: Not a "
                 "directory; give a folder", id="no-place-to-write"),
    pytest.param(lambda store: ("http://here/runs.json",), "no store for http:// URLs: a web server does not list its "
                 "files; fetch a runs.json and give its path", id="web-server"),
    pytest.param(lambda store: ("read", "--from", "https://here/x"), "no store for https:// URLs", id="with-tls"),
])
def test_what_cannot_be_read_or_written_is_said_in_a_line(invoke: Invoke, store: Path, message: str,
                                                          arguments: Callable[[Path], tuple[Any, ...]]) -> None:
    done = invoke("export", *arguments(store))
    assert done.exit_code == 2
    assert message in done.output
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize(("content", "words"), [
    pytest.param("{", "is not JSON", id="no-list"),
    pytest.param("[\n{\n]\n", "is not JSON", id="a-broken-record"),
    pytest.param(files.to_json(RAN)[:-2], "is not JSON: it ends in the middle", id="cut-between-records"),
    pytest.param('[\n{"run": 1}\n]\n', "is it a runs.json of this version?", id="no-record"),
])
def test_a_broken_runs_json_is_said_as_report_says_it(invoke: Invoke, tmp_path: Path, content: str,
                                                      words: str) -> None:
    (tmp_path / "runs.json").write_text(content)
    for command, *more in (("report",), ("export", "--output", tmp_path / "out")):
        done = invoke(command, tmp_path, *more)
        assert done.exit_code == 2
        assert f"shapebench: {tmp_path}/runs.json: " in done.output
        assert (words if command == "export" else words.split(":")[0]) in done.output


def test_a_damaged_record_is_named(invoke: Invoke, store: Path, tmp_path: Path) -> None:
    place = store / places.record("lab", "read", "uid-1", "read-1-2")
    place.write_bytes(place.read_bytes()[:-9])
    done = invoke("export", store / "lab", "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert f"{place}: not a record" in done.output
    assert list((tmp_path / "out").iterdir()) == []


def test_without_duckdb_the_extra_is_named_before_anything_is_read(store: Path, tmp_path: Path) -> None:
    (tmp_path / "duckdb.py").write_text("raise ImportError('not here')")
    done = subprocess.run([sys.executable, "-m", "shapebench", "export", "read", "--from", str(store / "nowhere"),
                           "--format", "parquet"], capture_output=True, text=True, check=False, timeout=60,
                          env={"PYTHONPATH": f"{tmp_path}:{Path(files.__file__).parents[2]}"})
    assert (done.returncode, done.stderr) == (
        2, "shapebench: --format parquet: Parquet needs duckdb, which `make setup` installs in .venv (elsewhere: "
           "pip install 'duckdb>=2'); or take --format csv\n")


def test_help_teaches_by_example(invoke: Invoke) -> None:
    done = invoke("export", "--help")
    assert "shapebench export read-speed -n team-a --from s3://bucket/results --format json" in " ".join(
        done.output.replace("│", " ").split())

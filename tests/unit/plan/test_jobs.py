"""What is said of a shipped job's arguments before anything is created is what the job itself would say."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.api import workload
from shapebench.api.benchmark import BenchmarkSpec
from shapebench.plan import acceptance, jobs

ROOT = Path(__file__).parents[3]
ALL = (*get_args(workload.SparkJob), *get_args(workload.TensorFlowJob))
OPTIONS = {job: [option for option in jobs.described(job).arguments if option != "--image-size"] for job in ALL}
"""Those whose values are judged beforehand, too: all but one."""
VALUES = ("0", "1", "2", "07", "-5", "-0.5", "0.5", "1e400", "nan", "11", "1001", "2,3", "2,2", "q1,q3", "q1,q2",
          "images", "images,tfrecord", "tfrecrod", "cold", "memory", "mirrored", "sgd", "skip", "", "-", "a b", "-a b",
          "x=y", f"1{310 * '0'}")


def parser(job: str) -> argparse.ArgumentParser:
    """The job's own, which raises what it would say."""
    found: argparse.ArgumentParser = importlib.import_module(f"{workload.job_module(job)}.job").parser()

    def refuse(message: str) -> NoReturn:
        raise argparse.ArgumentError(None, message)

    found.error = refuse  # type: ignore[method-assign]
    return found


PARSERS = {job: parser(job) for job in ALL}


def spec(job: str = "read-speed", arguments: Sequence[str] = (), metric: str = "duration",
         parameters: dict[str, list[Any]] | None = None, **workload: Any) -> BenchmarkSpec:
    kind = "tensorflow" if job.startswith("train") else "spark"
    return BenchmarkSpec.model_validate({
        "workload": {kind: {"job": job, "arguments": arguments, **workload}}, "objective": {"metric": metric},
        "shapes": [{"name": "4x1", "workers": 4, "cpu": "1", "memory": "1Gi"},
                   {"name": "1x4", "workers": 1, "cpu": "4", "memory": "4Gi"}],
        "parameters": [{"name": name, "values": values} for name, values in (parameters or {}).items()]})


def test_the_descriptions_are_current(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "job_descriptions", str(tmp_path / "jobs.json")], check=True, cwd=ROOT,
                   env=os.environ | {"PYTHONPATH": "operator:jobs:hack"})
    committed = ROOT / "operator/shapebench/plan/jobs.json"
    assert (tmp_path / "jobs.json").read_text() == committed.read_text(), "run make generate"
    assert tuple(json.loads(committed.read_text())) == ALL


@pytest.mark.parametrize("job", ALL)
def test_every_measurement_is_on_the_jobs_page(job: str) -> None:
    page = (ROOT / f"docs/jobs/{job}.md").read_text()
    assert [name for name in jobs.described(job).measured if f"`{name}`" not in page] == []


def accepts(job: str, argv: Sequence[str]) -> bool:
    """Whether the job's own parser does."""
    try:
        PARSERS[job].parse_args(argv)
    except argparse.ArgumentError:
        return False
    return True


@pytest.mark.parametrize("job", ALL)
def test_an_argument_is_refused_where_the_job_would_refuse_it(job: str) -> None:
    for option in OPTIONS[job]:
        for argv in ((option,), *((f"{option}={value}",) for value in VALUES), *((option, value) for value in VALUES)):
            assert (acceptance.problems(spec(job, argv)) == ()) == accepts(job, argv), argv


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A job, and what might be given to it: its options with likely and unlikely values, other jobs' and misspelt."""
    job = draw(st.sampled_from(ALL))
    option, value = st.sampled_from((*OPTIONS[job], "--fromat", "--batch", "-f")), st.sampled_from(VALUES)
    return job, draw(st.lists(option | value | st.builds("{}={}".format, option, value), max_size=4))


@given(command_lines())
def test_a_command_line_is_refused_where_the_job_would_refuse_it(line: tuple[str, list[str]]) -> None:
    job, argv = line
    assert (acceptance.problems(spec(job, argv)) == ()) == accepts(job, argv)


@pytest.mark.parametrize(("given", "problem"), [
    pytest.param(spec(arguments=("--fromat={format}",), parameters={"format": ["images", "tfrecord"]}),
                 "spec.workload.spark.arguments[0]: '--fromat=images', '--fromat=tfrecord' (of '--fromat={format}'): "
                 "read-speed has no argument --fromat; did you mean --format?", id="misspelt"),
    pytest.param(spec("train", ("--epochs=1", "--zzz=1")),
                 "spec.workload.tensorflow.arguments[1]: '--zzz=1': train has no argument --zzz; it takes --strategy, ",
                 id="unlike-any"),
    pytest.param(spec(arguments=("--format={format}",), parameters={"format": ["images", "tfrecrod"]}),
                 "'--format=tfrecrod' (of '--format={format}'): --format is one of images, tfrecord; did you mean "
                 "tfrecord?", id="one-of-a-parameters-values"),
    pytest.param(spec(arguments=("--format", "{format}"), parameters={"format": ["images", "tfrecrod"]}),
                 "spec.workload.spark.arguments[1]: 'tfrecrod' (of '{format}'): --format is one of",
                 id="value-as-an-argument-of-its-own"),
    pytest.param(spec(arguments=("--{cache}",), parameters={"cache": ["decode", "no-decoding"]}),
                 "'--no-decoding' (of '--{cache}'): read-speed has no argument --no-decoding; did you mean "
                 "--no-decode?", id="option-made-of-a-parameter"),
    pytest.param(spec(arguments=("--shards={workers}", "--classes={repetition}")),
                 "arguments[1]: '--classes=0' (of '--classes={repetition}'): --classes is a whole "
                 "number, at least 2 and at most 10", id="what-every-template-knows"),
    pytest.param(spec(arguments=("--classes={workers}",)), "'--classes=1' (of '--classes={workers}')", id="of-a-shape"),
    pytest.param(spec(arguments=("--batch-size={n}",), parameters={"n": [0, -1, -2, -3, -4, 1]}),
                 "'--batch-size=0', '--batch-size=-1', '--batch-size=-2' and more (of", id="not-all-are-listed"),
    pytest.param(spec(arguments=("--format", "--batch-size=8")), "'--format': --format needs a value; write "
                 "--format=VALUE", id="no-value"),
    pytest.param(spec(arguments=("--decode=yes",)), "--decode takes no value; write --decode alone", id="a-flag"),
    pytest.param(spec("read-grid", ("--formats=images, tfrecrod",)), "--formats is one of images, tfrecord, or several "
                 "with commas between them; did you mean tfrecord?", id="one-of-several"),
    pytest.param(spec("train", ("--momentum=1",)), "--momentum is a number, at least 0 and below 1", id="bounds"),
    pytest.param(spec(metric="measurement.images_per_sec"), "spec.objective.metric: read-speed writes no "
                 "images_per_sec; did you mean images_per_second?", id="metric"),
    pytest.param(spec("sql", metric="measurement.loss"), "sql writes no loss; it writes query_seconds, ",
                 id="metric-of-others"),
])
def test_what_is_wrong_is_named_with_the_fix(given: BenchmarkSpec, problem: str) -> None:
    (found,) = acceptance.problems(given)
    assert problem in found
    assert acceptance.remarks(given) == ()


def test_another_image_may_have_another_version_of_the_job() -> None:
    given = spec(arguments=("--fromat=images",), metric="measurement.new", image="example.org/spark:2")
    assert acceptance.problems(given) == ()
    argument, metric = acceptance.remarks(given)
    assert "read-speed has no argument --fromat; did you mean --format?" in argument
    assert "read-speed writes no new" in metric
    assert "not refused: spec.workload.spark.image may have another version" in argument


def test_of_somebody_elses_program_nothing_is_known() -> None:
    own = BenchmarkSpec.model_validate({
        "workload": {"spark": {"application": "/a.py", "arguments": ["--fromat={format}"]}},
        "objective": {"metric": "measurement.anything"}, "parameters": [{"name": "format", "values": ["a"]}],
        "shapes": [{"name": "a", "workers": 1, "cpu": "1", "memory": "1Gi"}]})
    assert acceptance.problems(own) == acceptance.remarks(own) == ()


@pytest.mark.parametrize(("program", "stays"), [
    pytest.param({"job": "train"}, "", id="shipped"),
    pytest.param({"command": ["python", "a.py"], "env": [{"name": "SIZE", "value": "{batchSize}"}]}, "", id="in-env"),
    pytest.param({"command": ["python", "a.py", "--size={batchSize}", "{batchSize}"]},
                 " ({batchSize} in command[2] stays as it is written)", id="in-the-command"),
])
def test_a_parameter_that_no_argument_uses(program: dict[str, Any], stays: str) -> None:
    given = BenchmarkSpec.model_validate({
        "workload": {"tensorflow": program | {"arguments": ["--epochs={epochs}"]}},
        "shapes": [{"name": "a", "workers": 1, "cpu": "1", "memory": "1Gi"}],
        "parameters": [{"name": "epochs", "values": [2]}, {"name": "batchSize", "values": [16, 32]}]})
    assert acceptance.problems(given) == ()
    assert acceptance.remarks(given) == (
        f"spec.parameters[1]: no argument uses batchSize{stays}, so cells that differ in it alone do the same work: "
        "write {batchSize} in spec.workload.tensorflow.arguments",)


def test_more_cells_than_memory_has_room_for() -> None:
    names = "abcdefghij"
    for image in ({}, {"image": "example.org/spark:2"}):
        given = spec(arguments=["--data=" + "".join(f"{{{name}}}" for name in names)],
                     parameters={name: list(range(50)) for name in names}, **image)
        (found,) = acceptance.problems(given)
        assert "at most 10000 are possible" in found
        assert acceptance.remarks(given) == ()


def test_very_many_cells_with_long_arguments_are_judged_quickly_and_told_briefly() -> None:
    parameters = {name: [f"{name}{number}" for number in range(5)] for name in "abcd"}
    given = spec(arguments=["--fromat={a}{b}{c}{d}" + 900 * "x"] * 60, parameters=parameters)
    began_s = time.process_time()
    found = acceptance.problems(given)
    assert time.process_time() - began_s < 1
    assert len(found) == acceptance.ARGUMENTS_TOLD + 1
    assert sum(map(len, found)) < 5000
    assert "did you mean --format?" in found[0]
    assert "arguments[5]: wrong, too" in found[-1]


def test_of_too_many_combinations_every_value_is_judged() -> None:
    parameters = {name: [*range(1, 6)] for name in "abc"} | {"d": [1, 2, "none"]}
    (found,) = acceptance.problems(spec(arguments=["--images={a}{b}{c}{d}"], parameters=parameters))
    assert "'--images=111none' (of" in found


@pytest.mark.parametrize("argument", [
    pytest.param("--dat=" + 330 * "{a}", id="long-value"), pytest.param("--dat" + 330 * "{a}", id="long-option"),
    pytest.param(1000 * "x" + "{y}", id="unknown-parameter"),
    pytest.param("{" + 1000 * "y" + "}", id="long-unknown-parameter"),
    pytest.param("{" + 1000 * "-" + "}", id="no-name"), pytest.param(1000 * "x" + "{", id="no-template"),
])
def test_what_is_wrong_can_be_read_however_much_it_is(argument: str) -> None:
    found = acceptance.problems(spec(arguments=[argument] * 64, parameters={"a": ["v" * 250]}))
    assert [line.partition(": ")[0] for line in found] == [f"spec.workload.spark.arguments[{at}]" for at in range(6)]
    assert max(map(len, found)) < 800

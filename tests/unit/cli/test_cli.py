"""The command line as a user meets it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shapebench import __version__
from shapebench.cli import app

OPERATOR = str(Path(__file__).parents[3] / "operator")


@pytest.fixture
def invoke():
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def manifest(tmp_path: Path):
    def write(name: str = "tiny", program: str = "pass", **spec) -> Path:
        file = tmp_path / f"{name}.yaml"
        file.write_text(json.dumps({"apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark",
                                    "metadata": {"name": name}, "spec": {
            "workload": {"tensorflow": {"command": [sys.executable, "-c", program]}},
            "shapes": [{"name": "a", "workers": 1, "cpu": "1", "memory": "1Gi"}],
            "repetitions": {"count": 1, "warmups": 0}} | spec}))
        return file
    return write


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_version(invoke, argument) -> None:
    done = invoke(argument)
    assert (done.exit_code, done.output) == (0, f"{__version__}\n")


def test_where_the_budget_ends_the_command_that_goes_on_is_told(invoke, manifest, tmp_path) -> None:
    shape = {"name": "a", "workers": 1, "cpu": "1", "memory": "1Gi", "pricePerHour": "3600"}
    file, output = manifest(shapes=[shape], limits={"budget": "0.01"}), tmp_path / "with space"
    done = invoke("run", file, "--output", output)
    assert done.exit_code == 1
    again = f"shapebench run {file} --output '{output}'"
    assert f"Once limits.budget is raised, this makes the rest: {again}\n" in done.output


def test_after_an_interrupt_the_command_that_goes_on_is_told_and_works(manifest, tmp_path) -> None:
    runs = tmp_path / "runs"
    wait = f"import os, time; os.path.exists({str(runs)!r}) or (open({str(runs)!r}, 'w'), time.sleep(60))"
    file, output = manifest(program=wait), tmp_path / "out"
    started = subprocess.Popen([sys.executable, "-m", "shapebench", "run", str(file), "--output", str(output)],
                               env=os.environ | {"PYTHONPATH": OPERATOR}, stdout=subprocess.PIPE, text=True)
    while not runs.exists():
        assert started.poll() is None
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    told = started.communicate(timeout=60)[0]
    assert started.returncode == 130
    subprocess.run(told.rpartition("to go on: ")[2], shell=True, check=True, timeout=60,
                   env=os.environ | {"PYTHONPATH": OPERATOR})
    assert len(json.loads((output / "tiny" / "runs.json").read_text())) == 1


def test_a_second_command_does_not_write_into_the_folder_of_one_that_runs(invoke, manifest, tmp_path) -> None:
    runs, end = tmp_path / "runs", tmp_path / "end"
    wait = (f"import os, time; open({str(runs)!r}, 'w')\n"
            f"while not os.path.exists({str(end)!r}): time.sleep(0.05)")
    file, output = manifest(program=wait), tmp_path / "out"
    first = subprocess.Popen([sys.executable, "-m", "shapebench", "run", str(file), "--output", str(output)],
                             env=os.environ | {"PYTHONPATH": OPERATOR}, stdout=subprocess.DEVNULL)
    try:
        while not runs.exists():
            assert first.poll() is None
            time.sleep(0.05)
        logs = list((output / "tiny" / "logs").iterdir())
        for files in ((file,), (file, "--fresh"), (manifest("other"), file)):
            done = invoke("run", *files, "--output", output)
            assert (done.exit_code, done.stderr) == (
                2, f"shapebench: {output / 'tiny'}: another `shapebench run` writes there: wait until it has ended, "
                   "or give another --output\n")
        assert list((output / "tiny" / "logs").iterdir()) == logs, "nothing of it was replaced"
        assert not (output / "other" / "records").exists()
    finally:
        first.kill()
        first.wait()
        end.touch()
    for _ in ("the kernel has freed it", "and so has a command that ended"):
        assert invoke("run", file, "--output", output).exit_code == 0


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("report", "--help")])
def test_help_teaches_by_example(invoke, arguments) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 0
    assert "shapebench re" in done.output or "shapebench run" in done.output


def test_run_leaves_the_three_files_and_the_logs_and_goes_on_where_it_stopped(invoke, manifest, tmp_path) -> None:
    file, output = manifest(), tmp_path / "out"
    first = invoke("run", file, "--output", output)
    assert first.exit_code == 0, first.output
    assert "a was fastest: median" in first.output
    assert {"report.html", "runs.csv", "runs.json", "logs"} <= {path.name for path in (output / "tiny").iterdir()}
    rows = list(csv.DictReader((output / "tiny" / "runs.csv").read_text().splitlines()))
    assert [(row["run"], row["phase"], row["verdict"]) for row in rows] == [("tiny-1-1", "Succeeded", "Valid")]
    again = invoke("run", file, "--output", output)
    assert "1 of them made earlier" in again.output

    table = invoke("report", output / "tiny")
    assert (table.exit_code, "affinity" in table.output) == (0, True)
    for told in (table.output, (output / "tiny" / "report.html").read_text()):
        assert told.lower().count("the program marks no measured part, so durations hold its own start too") == 1
    assert invoke("report", output / "tiny" / "runs.json", "--format", "csv").output.startswith("benchmark,shape,")
    assert len(json.loads(invoke("report", output / "tiny", "--format", "json").output)) == 1
    for form, names in (("html", ["report.html"]), ("csv", ["runs.csv"]), ("json", ["runs.json"])):
        written = invoke("report", output / "tiny", "--format", form, "--output", tmp_path / form)
        assert written.exit_code == 0
        assert [path.name for path in (tmp_path / form).iterdir()] == names
    table = invoke("report", output / "tiny", "--format", "table", "--output", tmp_path / "table")
    assert (table.exit_code, "--format table is printed and no file" in table.stderr) == (2, True)
    assert not (tmp_path / "table").exists()
    for form in ([], ["--format", "csv"]):
        no_folder = invoke("report", output / "tiny", *form, "--output", file)
        assert (no_folder.exit_code, f"--output {file}: File exists" in no_folder.stderr) == (2, True)


def test_a_benchmark_without_a_valid_run_exits_with_1_and_tells_why(invoke, manifest, tmp_path) -> None:
    program = "print('reading'); raise ValueError('no such folder')"
    done = invoke("run", manifest(program=program), "--output", tmp_path / "out")
    assert done.exit_code == 1
    assert "ProgramFailed" in done.output
    assert "exit code 1; its log is tiny-1-1-worker-0.log\n      ValueError: no such folder\n" in done.output
    assert "reading" not in done.output, "a line on the terminal is enough: the log has the rest"
    for form in ("table", "json"):
        again = invoke("report", tmp_path / "out" / "tiny", "--format", form)
        assert (again.exit_code, "ProgramFailed" in again.output) == (1, True)


def test_an_objective_that_no_run_has_is_no_answer(invoke, manifest, tmp_path) -> None:
    file = manifest(objective={"metric": "measurement.speed", "goal": "Maximize"})
    done = invoke("run", file, "--output", tmp_path / "out")
    assert done.exit_code == 1
    assert "none has measurement.speed" in " ".join(done.output.split())


@pytest.mark.parametrize(("change", "message"), [
    pytest.param({"shapes": []}, "spec.shapes: ", id="no-shape"),
    pytest.param({"shapes": [{"name": "a", "workers": 0, "cpu": "1", "memory": "1Gi"}]}, "spec.shapes[0].workers: ",
                 id="no-worker"),
    pytest.param({"repetition": {}}, "spec.repetition: no such field; did you mean repetitions?", id="typo"),
])
def test_wrong_input_names_the_field_and_exits_with_2(invoke, manifest, tmp_path, change, message) -> None:
    done = invoke("run", manifest(**change), "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_changed_benchmark_is_refused_with_the_way_out(invoke, manifest, tmp_path) -> None:
    invoke("run", manifest(), "--output", tmp_path / "out")
    done = invoke("run", manifest(program="print()"), "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert "spec.workload changed" in done.stderr
    assert "--fresh" in done.stderr


def test_a_program_that_changes_while_runs_are_made_ends_them(invoke, manifest, tmp_path) -> None:
    script = tmp_path / "own.py"
    script.write_text("open(__file__, 'a').write('# another version')")
    file = manifest(workload={"tensorflow": {"command": [sys.executable, str(script)]}},
                    repetitions={"count": 3, "warmups": 0})
    done = invoke("run", file, "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr == (f"shapebench: {tmp_path}/out/tiny holds runs from before {script} changed, and they can't "
                           "be compared: --fresh replaces them, --output DIR keeps them\n")
    assert [path.name for path in (tmp_path / "out/tiny/records").iterdir()] == ["tiny-1-1.json"]


def test_the_same_name_in_two_files_is_refused(invoke, manifest, tmp_path) -> None:
    first = manifest()
    other = first.rename(tmp_path / "first.yaml")
    again = manifest()
    done = invoke("run", other, again, "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert f"{again}: metadata.name: {other} has a Benchmark tiny too; rename one" in done.stderr


@pytest.mark.parametrize("of_folder", [False, True], ids=["files", "folder"])
def test_all_that_is_wrong_with_any_file_is_said_before_anything_starts(invoke, manifest, tmp_path, of_folder) -> None:
    started = tmp_path / "started"
    good = manifest("aa", f"open({str(started)!r}, 'w')")
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    bad = [manifest("bb", shapes=[]), manifest("cc", repetition={}),
           manifest("dd", workload={"tensorflow": {"command": ["x"], "env": [secret]}})]
    done = invoke("run", *([tmp_path] if of_folder else [good, *bad]), "--output", tmp_path / "out")
    assert done.exit_code == 2
    assert [line.split(": ")[1:3] for line in done.stderr.splitlines()] == [
        [str(bad[0]), "spec.shapes"], [str(bad[1]), "spec.repetition"],
        [str(bad[2]), "spec.workload.tensorflow.env[0].valueFrom"]]
    assert not started.exists()
    assert not (tmp_path / "out").exists()


def test_every_folder_of_results_is_looked_at_before_anything_starts(invoke, manifest, tmp_path) -> None:
    invoke("run", manifest("a"), manifest("b"), "--output", tmp_path / "out")
    done = invoke("run", manifest("new"), manifest("a", "print()"), manifest("b", "print()"), "--output",
                  tmp_path / "out")
    assert done.exit_code == 2
    assert [line.split()[1] for line in done.stderr.splitlines()] == [str(tmp_path / "out" / name) for name in "ab"]
    assert not (tmp_path / "out" / "new").exists()


def test_a_folder_is_all_the_benchmarks_in_it(invoke, manifest, tmp_path) -> None:
    manifest("a"), manifest("b")
    done = invoke("run", tmp_path, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "b"}


def test_a_place_for_results_that_is_none_says_so(invoke, manifest) -> None:
    file = manifest()
    done = invoke("run", file, "--output", file / "out")
    assert done.exit_code == 2
    assert f"--output {file / 'out'}: " in done.stderr
    assert "Not a directory" in done.stderr


@pytest.mark.parametrize(("content", "message"), [
    (None, "No such file or directory"), ("{", "is not JSON"), ('[{"run": 1}]', "is it a runs.json of this version?"),
    ("[]", "nothing to report"),
])
def test_a_report_on_what_is_no_record_says_so(invoke, tmp_path, content, message) -> None:
    file = tmp_path / "runs.json"
    if content is not None:
        file.write_text(content)
    done = invoke("report", file)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_report_from_a_cluster_that_is_not_there_says_so(invoke, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    done = invoke("report", "read-speed", "--context", "nowhere")
    assert done.exit_code == 2
    assert "no cluster" in done.stderr
    assert "build/runs" not in done.stderr


def test_a_name_that_only_this_machine_knows_is_told_where_its_runs_are(invoke, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build/runs/mine").mkdir(parents=True)
    (tmp_path / "build/runs/mine/runs.json").write_text("[]")
    done = invoke("report", "mine")
    assert done.exit_code == 2
    assert "build/runs/mine has runs that this machine made" in done.stderr

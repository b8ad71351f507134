"""`shapebench plan` as a user meets it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bad_benchmarks
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner
from unit.kube import fake_api
from unit.kube.fake_api import FakeApi, found, status

from shapebench.cli import app

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "manifests" / "examples"
Invoke = Callable[..., Result]
Manifest = Callable[..., Path]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Three runs (one a warm-up) of one cell, whose shape costs 3.6 an hour: a thousandth a second."""
    def write(name: str = "tiny", env: list[dict[str, Any]] | None = None, limits: dict[str, Any] | None = None,
              **spec: Any) -> Path:
        file = tmp_path / f"{name}.yaml"
        file.write_text(json.dumps({"apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark",
                                    "metadata": {"name": name}, "spec": {
            "workload": {"tensorflow": {"command": [sys.executable, "-c", "pass"], "env": env or []}},
            "shapes": [{"name": "1x1", "workers": 1, "cpu": "1", "memory": "1Gi", "pricePerHour": "3.6"}],
            "repetitions": {"count": 2, "warmups": 1},
            "limits": {"startTimeout": "10s", "runTimeout": "30s"} | (limits or {})} | spec}))
        return file
    return write


def words(done: Result) -> str:
    return " ".join(done.output.split())


def test_help_teaches_by_example(invoke: Invoke) -> None:
    done = invoke("plan", "--help")
    assert done.exit_code == 0
    assert "shapebench plan my.yaml --from" in words(done)


def test_before_any_run_the_plan_says_what_the_limits_allow_at_most(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("plan", EXAMPLES / "read-speed.yaml")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "read-speed: 8 runs of 4 cells (2 shapes × 2 values of format), one at a time: 2 blocks of 4" in words(done)
    assert "2x500m 2 500m 1Gi 1 CPU, 2Gi 0.0500 4 20m, 0.0167" in words(done)
    assert "besides a driver of 1 CPU and 1Gi, the same for every shape" in words(done)
    assert "time not known before a run has ended; at most 2h40m (5m for each run to start, 15m to end)" in words(done)
    assert "money not known; at most 0.133" in words(done)
    assert "first 2x500m format=tfrecord, then 1x1 format=tfrecord, then" in words(done)
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_every_example_has_a_plan(invoke: Invoke, file: Path) -> None:
    done = invoke("plan", file)
    assert done.exit_code == 0, done.output
    assert "at most" in done.output


def test_the_runs_of_this_machine_tell_what_to_expect(invoke: Invoke, manifest: Manifest, tmp_path: Path) -> None:
    assert invoke("run", manifest()).exit_code == 0
    records = json.loads((tmp_path / "build/runs/tiny/runs.json").read_text())
    longest = max(record["cost_spent"] for record in records)
    (told,) = json.loads(invoke("plan", manifest(), "--format", "json").output)
    assert told["expected"]["basis"] == "3 runs on the local backend (build/runs/tiny)"
    assert told["expected"]["cost"] == pytest.approx(3 * longest)
    assert 3 * longest * 1000 <= told["expected"]["wall_s"] * 1.001 < 4 * longest * 1000
    assert told["at_most"] == {"seconds": 120.0, "cost": pytest.approx(0.12), "wall_s": 120.0}
    assert [one["run"] for one in told["order"]] == ["tiny-0-1", "tiny-1-1", "tiny-2-1"]

    elsewhere = (tmp_path / "build").rename(tmp_path / "elsewhere") / "runs" / "tiny"
    assert "not known" in invoke("plan", manifest()).output
    for source in (elsewhere, elsewhere / "runs.json"):
        done = invoke("plan", manifest(), "--from", source)
        assert "3 runs on the local backend" in words(done)


def test_runs_from_before_a_change_say_so(invoke: Invoke, manifest: Manifest) -> None:
    invoke("run", manifest())
    done = invoke("plan", manifest(env=[{"name": "A", "value": "b"}]))
    assert ("left out: all 3 runs in build/runs/tiny, made before spec.workload.tensorflow.env changed"
            in words(done))
    assert "time not known before a run has ended" in words(done), "they did other work"


def test_runs_of_another_size_are_left_out_and_said_to_be(invoke: Invoke, manifest: Manifest, tmp_path: Path) -> None:
    small = {"name": "1x1", "workers": 1, "cpu": "1", "memory": "1Gi"}
    invoke("run", manifest(shapes=[small | {"cpu": "64"}]))
    done = invoke("plan", manifest(shapes=[small]))
    assert done.exit_code == 0
    assert ("left out: 3 of the 3 runs of build/runs/tiny: 3 of shape 1x1 as 1 × 64 CPU, 1024Mi, which is "
            "1 × 1 CPU, 1024Mi in the file") in words(done)
    assert "time not known before a run has ended" in words(done)

    done = invoke("plan", manifest(shapes=[small]), "--from", tmp_path / "build/runs/tiny")
    assert done.exit_code == 2
    assert "none of its 3 runs is of a cell of tiny: 3 of shape 1x1 as 1 × 64 CPU" in done.stderr


def test_another_price_is_no_reason_to_leave_runs_out(invoke: Invoke, manifest: Manifest) -> None:
    invoke("run", manifest())
    dear = {"name": "1x1", "workers": 1, "cpu": "1", "memory": "1Gi", "pricePerHour": "36"}
    done = invoke("plan", manifest(shapes=[dear]))
    assert "by 3 runs on the local backend" in words(done)
    assert "made before spec.shapes changed: `shapebench run` will not go on with them" in words(done)


@pytest.mark.parametrize("known", [True, False], ids=["its-file-is-kept", "runs-json-alone"])
def test_runs_of_another_benchmark_count_with_a_remark(
        invoke: Invoke, manifest: Manifest, tmp_path: Path, known: bool) -> None:
    invoke("run", manifest("other", env=[{"name": "A", "value": "b"}]))
    source = tmp_path / "build/runs/other"
    if not known:
        source = source.rename(tmp_path / "copy")
        (source / "benchmark.json").unlink()
    done = invoke("plan", manifest(), "--from", source)
    assert done.exit_code == 0
    assert "by 3 runs on the local backend" in words(done)
    assert ("did other work (spec.workload.tensorflow.env differ)" if known else
            "are of other, and it is not known here whether they did the same work as tiny") in words(done)


@pytest.mark.parametrize(("budget", "exit_code", "told"), [
    pytest.param("0.039", 1, "budget 0.039 lets no run start: the first one may cost 0.0400; raise limits.budget, or "
                 "give runs less time", id="none"),
    pytest.param("0.09", 0, "budget 0.09 is enough for 2 runs of 3, were each to take all the time that it may",
                 id="some"),
    pytest.param("0.12", 0, "budget 0.12 is enough for all of them, whatever they take", id="all"),
])
def test_how_far_the_budget_goes(invoke: Invoke, manifest: Manifest, budget: str, exit_code: int, told: str) -> None:
    done = invoke("plan", manifest(limits={"budget": budget}))
    assert done.exit_code == exit_code
    assert told in words(done)


def test_several_files_are_planned_one_after_the_other(invoke: Invoke, manifest: Manifest) -> None:
    done = invoke("plan", manifest("one"), manifest("two"))
    assert re.findall(r"^(\w+): 3 runs", done.output, re.MULTILINE) == ["one", "two"]


def test_benchmarks_of_one_name_are_planned_with_a_word_on_it(
        invoke: Invoke, manifest: Manifest, tmp_path: Path) -> None:
    first = manifest("tiny").rename(tmp_path / "first.yaml")
    other = manifest("tiny", repetitions={"count": 4, "warmups": 0})
    done = invoke("plan", first, other)
    assert (done.exit_code, done.stderr) == (0, "")
    headlines = re.findall(r"^(\S+\.yaml)\ntiny: (\d) runs", done.output, re.MULTILINE)
    assert headlines == [(f"{first}", "3"), (f"{other}", "4")]
    for one in (first, other):
        assert f"{one} has a Benchmark tiny too: in one namespace" in words(done)
    told = json.loads(invoke("plan", first, other, "--format", "json").output)
    assert [(one["file"], one["benchmark"], one["runs"]["total"]) for one in told] == [
        (f"{first}", "tiny", 3), (f"{other}", "tiny", 4)]


def test_folders_are_planned(invoke: Invoke) -> None:
    done = invoke("plan", EXAMPLES, EXAMPLES / "local", "--format", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    planned = {Path(one["file"]).relative_to(EXAMPLES) for one in json.loads(done.output)}
    assert planned == {file.relative_to(EXAMPLES) for folder in (EXAMPLES, EXAMPLES / "local")
                       for file in folder.glob("*.yaml")}


def test_every_problem_of_every_file_is_said_at_once(invoke: Invoke, manifest: Manifest, tmp_path: Path) -> None:
    done = invoke("plan", manifest("one", shapes=[]), manifest("two", repetition={}, limits={"budget": "much"}),
                  tmp_path / "none.yaml")
    assert done.exit_code == 2
    assert "one.yaml: spec.shapes: " in done.stderr
    assert "two.yaml: spec.repetition: no such field; did you mean repetitions?" in done.stderr
    assert "two.yaml: spec.limits.budget: write a price as a text" in done.stderr
    assert "none.yaml: cannot be read" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in bad_benchmarks.CASES])
def test_what_the_cluster_refuses_is_refused_in_its_words(
        invoke: Invoke, tmp_path: Path, case: bad_benchmarks.Bad) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(case.manifest))
    done = invoke("plan", file)
    assert done.exit_code == 2
    assert case.python_message or case.message in done.stderr, "only what the server words itself is worded better"
    assert re.sub(r"\[\d+\]$", "", case.field) in done.stderr
    assert "Traceback" not in done.stderr


def test_what_only_this_machine_cannot_do_is_a_remark(invoke: Invoke, manifest: Manifest) -> None:
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    done = invoke("plan", manifest(env=[secret]))
    assert done.exit_code == 0
    assert "on this machine: `shapebench run` would refuse it: spec.workload.tensorflow.env[0].valueFrom" in words(done)


@pytest.mark.parametrize(("example", "own"), [
    ("own-pyspark-script.yaml", True), ("own-tensorflow-script.yaml", True), ("train.yaml", False)])
def test_that_durations_of_own_programs_may_hold_their_start_is_said_once(
        invoke: Invoke, example: str, own: bool) -> None:
    told = words(invoke("plan", EXAMPLES / example))
    assert told.count("unless it marks its measured part, durations hold its start too") == own
    if own:
        guide, heading = re.findall(r"\((docs/\S+\.md)#(\S+)\)", told)[0]
        assert f"### {heading.replace('-', ' ').capitalize()}\n" in (ROOT / guide).read_text()


@pytest.mark.parametrize(("example", "field"), [
    ("own-pyspark-script.yaml", "spec.workload.spark.application: /scripts/word_count.py"),
    ("own-tensorflow-script.yaml", "spec.workload.tensorflow.command[1]: /scripts/train.py"),
])
def test_a_script_in_a_volume_is_told_by_the_plan_and_refused_by_the_run(
        invoke: Invoke, tmp_path: Path, example: str, field: str) -> None:
    why = f"{field} is in the volume scripts, and there are no volumes on the local backend"
    done = invoke("plan", EXAMPLES / example)
    assert done.exit_code == 0
    assert f"on this machine: `shapebench run` would refuse it: {why}" in words(done)
    done = invoke("run", EXAMPLES / example)
    assert done.exit_code == 2
    assert why in done.stderr
    assert list(tmp_path.iterdir()) == [], "nothing is started"


@pytest.mark.parametrize(("policy", "remarked"), [("Exclude", True), ("Flag", False)])
def test_what_only_a_cluster_of_several_node_types_does_is_a_remark(
        invoke: Invoke, manifest: Manifest, policy: str, remarked: bool) -> None:
    shapes = [{"name": f"1x{cpu}", "workers": 1, "cpu": cpu, "memory": "1Gi"} for cpu in ("1", "2")]
    done = invoke("plan", manifest(shapes=shapes, validity={"policy": policy}))
    assert done.exit_code == 0
    assert ("workers of different sizes share all nodes" in words(done)) is remarked


def test_a_namespace_without_a_benchmark_in_it_is_refused(invoke: Invoke, manifest: Manifest) -> None:
    done = invoke("plan", manifest(), "-n", "lab")
    assert done.exit_code == 2
    assert "--namespace says where the Benchmark of --from NAME is" in done.stderr


@pytest.mark.parametrize(("content", "message"), [
    (None, "No such file or directory"), ("{", "is not JSON"), ("[]", "nothing to judge by"),
])
def test_earlier_runs_that_cannot_be_read_are_refused(
        invoke: Invoke, manifest: Manifest, tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "runs.json"
    if content is not None:
        file.write_text(content)
    done = invoke("plan", manifest(), "--from", file)
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api.serving() as serving:
        yield serving


@pytest.fixture
def kubeconfig(api: FakeApi, tmp_path: Path) -> Path:
    """Knows the cluster under the context `lab`."""
    config = tmp_path / "kubeconfig"
    config.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "lab", "users": [{"name": "u", "user": {}}],
        "clusters": [{"name": "c", "cluster": {"server": api.url}}],
        "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u"}}]}))
    return config


def planned(kubeconfig: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the client reads KUBECONFIG once, when it is imported."""
    return subprocess.run([sys.executable, "-m", "shapebench", "plan", *map(str, arguments)], text=True, timeout=60,
                          capture_output=True, check=False, cwd=kubeconfig.parent, env={
                              **os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")})


def small_node() -> dict[str, Any]:
    return {"metadata": {"name": "n1"}, "spec": {}, "status": {"allocatable": {"cpu": "900m", "memory": "8Gi"}}}


@pytest.mark.parametrize(("answer", "told", "exit_code"), [
    pytest.param(found({"items": [small_node()], "metadata": {}}),
                 "1 warm-up no room: spec.shapes[0] (1x1): no node fits a pod of 1 CPU and 1Gi: the largest, n1, has "
                 "900m CPU", 1, id="small"),
    pytest.param(status(403, "Forbidden", "nodes is forbidden"),
                 "this account may not list nodes, so it is not known whether every shape has room on one",
                 0, id="no-role"),
])
def test_shapes_that_have_no_room_on_the_clusters_nodes_are_said(
        kubeconfig: Path, manifest: Manifest, api: FakeApi, answer: fake_api.Answer, told: str,
        exit_code: int) -> None:
    api.by_path["/api/v1/nodes"] = answer
    done = planned(kubeconfig, manifest(), "--context", "lab")
    assert done.returncode == exit_code, done.stderr
    assert told in " ".join(done.stdout.split())


def test_a_cluster_that_is_not_there_says_so(
        kubeconfig: Path, manifest: Manifest) -> None:
    done = planned(kubeconfig, manifest(), "--context", "nowhere")
    assert done.returncode == 2
    assert "no cluster" in done.stderr
    assert ".." not in done.stderr


def test_a_from_that_is_neither_a_path_nor_a_benchmark_says_so(
        kubeconfig: Path, manifest: Manifest, api: FakeApi) -> None:
    api.by_path["/api/v1/nodes"] = found({"items": [], "metadata": {}})
    api.by_path["/apis/shapebench.dev/v1alpha1/namespaces/lab/benchmarks/nowhere"] = status(404, "NotFound", "none")
    done = planned(kubeconfig, manifest(), "--from", "nowhere", "-n", "lab")
    assert done.returncode == 2
    assert ("--from nowhere: it is no path here (a path has a / or ends in .json), and it cannot be read as a "
            "Benchmark of a cluster: there is no Benchmark nowhere in namespace lab") in done.stderr
    kubeconfig.write_text("")
    (kubeconfig.parent / "nowhere").mkdir()
    done = planned(kubeconfig, manifest(), "--from", "nowhere")
    assert "--from nowhere: write ./nowhere for what is here by that name, and it cannot be read" in done.stderr
    assert ".." not in done.stderr

"""`shapebench report` of a Benchmark on a cluster: what it says first, and its exit code."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner
from unit.kube import fake_api

from shapebench.api import keys, packing
from shapebench.api.record import Cell, Flag, Phase, RunRecord, Times, Verdict
from shapebench.cli import app

ONE = f"/apis/{keys.GROUP}/{keys.VERSION}/namespaces/lab"


def record(verdict: Verdict) -> RunRecord:
    flags = () if verdict is Verdict.VALID else (Flag(kind=verdict, message="node n1 was busy"),)
    return RunRecord(benchmark="burn", namespace="lab", run="burn-1-1", backend="kubernetes", cell=Cell(shape="a"),
                     workers=1, cpu=1, memory_bytes=1, block=1, repetition=1, position=1, attempt=1,
                     phase=Phase.SUCCEEDED, verdict=verdict, duration_s=4.55, flags=flags, times=Times())


def benchmark(phase: str | None) -> dict[str, Any]:
    said = {"type": "Finished", "status": "True", "reason": f"Why{phase}", "message": "what to do"}
    return {"apiVersion": keys.API_VERSION, "kind": "Benchmark", "metadata": {"name": "burn", "namespace": "lab"},
            "spec": {"workload": {"tensorflow": {"job": "train"}}, "repetitions": {"count": 4, "warmups": 0},
                     "shapes": [{"name": "a", "workers": 1, "cpu": "1", "memory": "1Gi"}]},
            } | ({"status": {"phase": phase, "conditions": [said]}} if phase else {})


def reported(folder: Path, phase: str | None, verdict: Verdict | None, *arguments: str) -> Result:
    """Of the Benchmark with one run of four that ended so; None: without any."""
    with fake_api.serving() as api:
        run = {"metadata": {"name": "burn-1-1"}, "spec": {"block": 1, "position": 1}, "status": {"phase": "Succeeded"}}
        packed = base64.b64encode(packing.packed(record(verdict or Verdict.VALID))).decode()
        api.by_path = {
            f"{ONE}/benchmarks/burn": fake_api.found(benchmark(phase)),
            f"{ONE}/benchmarkruns": fake_api.found({"items": [run] if verdict else []}),
            f"/api/v1/namespaces/lab/configmaps/{keys.record_name('burn-1-1')}": fake_api.found(
                {"binaryData": {keys.RECORD_KEY: packed}})}
        config = folder / "config"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {}}],
            "clusters": [{"name": "c", "cluster": {"server": api.url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(config))
            return CliRunner().invoke(app, ["report", "burn", "-n", "lab", "--context", "c", *arguments])


@pytest.mark.parametrize(("phase", "verdict", "code", "words"), [
    pytest.param("Running", Verdict.NEIGHBOUR, 0,
                 "burn: still running (1 of 4 runs ended), so this is provisional: no run is valid yet", id="running"),
    pytest.param("Running", Verdict.VALID, 0, "so this is provisional: a was fastest", id="running-with-an-answer"),
    pytest.param("Suspended", Verdict.NEIGHBOUR, 0, "burn: suspended (1 of 4 runs ended)", id="suspended"),
    pytest.param("Failed", Verdict.NEIGHBOUR, 1, "burn: no run was valid, so there is no answer", id="failed"),
    pytest.param("Succeeded", Verdict.VALID, 0, "burn: a was fastest", id="succeeded"),
    pytest.param("OfALaterVersion", Verdict.NEIGHBOUR, 1, "burn: no run was valid", id="unknown-phase"),
    pytest.param(None, Verdict.NEIGHBOUR, 1, "burn: no run was valid", id="no-status"),
])
def test_what_it_says_first_and_its_exit_code(tmp_path: Path, phase: str | None, verdict: Verdict, code: int,
                                              words: str) -> None:
    done = reported(tmp_path, phase, verdict)
    assert done.exit_code == code, done.output
    assert words in " ".join(done.output.split())


@pytest.mark.parametrize(("phase", "words"), [
    pytest.param("Succeeded", "The Benchmark is Succeeded: WhySucceeded: what to do", id="without-all-its-runs"),
    pytest.param("Rejected", "The Benchmark is Rejected: WhyRejected: what to do", id="rejected-later"),
    pytest.param("Running", "", id="goes-on"),
])
def test_why_it_ended_without_all_its_runs(tmp_path: Path, phase: str, words: str) -> None:
    said = " ".join(reported(tmp_path, phase, Verdict.VALID).output.split())
    assert "1 of 4 planned runs are there" in said
    assert words in said
    assert ("Why" in said) is bool(words)


@pytest.mark.parametrize(("phase", "words"), [
    pytest.param("Failed", "the Benchmark is Failed: WhyFailed: what to do", id="failed"),
    pytest.param("Rejected", "the Benchmark is Rejected: WhyRejected: what to do", id="rejected"),
    pytest.param(None, "the Benchmark was not seen by an operator yet", id="no-status"),
])
def test_without_any_record_it_says_how_the_benchmark_stands(tmp_path: Path, phase: str | None, words: str) -> None:
    done = reported(tmp_path, phase, None)
    assert done.exit_code == 2
    assert f"burn: there is no record of an ended run; {words}" in done.stderr


def test_other_formats_are_written_whole_before_the_exit_code_tells(tmp_path: Path) -> None:
    done = reported(tmp_path, "Failed", Verdict.NEIGHBOUR, "--format", "json")
    assert done.exit_code == 1
    assert [one["verdict"] for one in json.loads(done.output)] == ["Neighbour"]


def test_help_tells_the_exit_codes() -> None:
    words = " ".join(CliRunner().invoke(app, ["report", "--help"]).output.split())
    assert "Exit code: 0 when there is an answer" in words

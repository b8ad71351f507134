"""Which runs say something of a Benchmark."""

from __future__ import annotations

from typing import Any

import pytest

from shapebench.analysis import likeness
from shapebench.api.benchmark import BenchmarkSpec
from shapebench.api.record import RunRecord


def spec(workload: dict[str, Any] | None = None, **fields: Any) -> BenchmarkSpec:
    return BenchmarkSpec.model_validate({
        "workload": workload or {"spark": {"job": "sort"}},
        "shapes": [{"name": "2x1", "workers": 2, "cpu": "1", "memory": "1Gi"}],
        "parameters": [{"name": "x", "values": [1, 2]}]} | fields)


def record(cell: dict[str, Any] | None = None, **fields: Any) -> RunRecord:
    return RunRecord.model_validate({
        "benchmark": "one", "namespace": "lab", "run": "one-1-1", "backend": "local", "workers": 2, "cpu": 1.0,
        "memory_bytes": 2**30, "block": 1, "repetition": 1, "position": 1, "attempt": 1, "phase": "Succeeded",
        "verdict": "Valid", "times": {}, "cell": cell or {"shape": "2x1", "parameters": {"x": 1}}} | fields)


@pytest.mark.parametrize(("other", "why"), [
    pytest.param(record(), "", id="the-same"),
    pytest.param(record({"shape": "2x1", "parameters": {"x": 2.0}}), "", id="as-an-API-server-writes-it"),
    pytest.param(record(workers=4), "1 of shape 2x1 as 4 × 1 CPU, 1024Mi, which is 2 × 1 CPU, 1024Mi in the file",
                 id="workers"),
    pytest.param(record(cpu=64.0), "1 of shape 2x1 as 2 × 64 CPU, 1024Mi, which is", id="cpu"),
    pytest.param(record(memory_bytes=2**31), "1 of shape 2x1 as 2 × 1 CPU, 2048Mi, which is", id="memory"),
    pytest.param(record({"shape": "1x2", "parameters": {"x": 1}}), "1 of shape 1x2, which the file has not",
                 id="shape"),
    pytest.param(record({"shape": "2x1", "parameters": {"x": 3}}), "1 with parameters that the file has not",
                 id="value"),
    pytest.param(record({"shape": "2x1"}), "1 with parameters that the file has not", id="no-parameters"),
])
def test_only_runs_of_the_files_own_cells_are_kept(other: RunRecord, why: str) -> None:
    found = likeness.sifted(spec(), [record(), other])
    assert (len(found.records), found.left_out) == ((1, 1) if why else (2, 0))
    assert found.why.startswith(why)
    assert bool(found.why) == bool(why)


@pytest.mark.parametrize(("now", "fields"), [
    pytest.param(spec(), (), id="the-same"),
    pytest.param(spec({"spark": {"job": "sort", "driver": {"pricePerHour": "1"}}}), (), id="a-price"),
    pytest.param(spec({"spark": {"job": "sql"}}), ("spec.workload.spark.job",), id="job"),
    pytest.param(spec({"spark": {"job": "sort", "image": "mine:1", "arguments": ["--a"]}}),
                 ("spec.workload.spark.image", "spec.workload.spark.arguments"), id="image-and-arguments"),
    pytest.param(spec({"tensorflow": {"job": "train"}}), ("spec.workload",), id="kind"),
    pytest.param(spec(volumes=[{"name": "d", "mountPath": "/d", "emptyDir": {}}]), ("spec.volumes",), id="volumes"),
    pytest.param(spec(order={"seed": 3}), (), id="order"),
])
def test_in_what_the_work_is_another(now: BenchmarkSpec, fields: tuple[str, ...]) -> None:
    assert likeness.workload_changes(spec(), now) == fields

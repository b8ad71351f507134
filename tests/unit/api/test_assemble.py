"""From the records of pods to the record of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shapebench.api import assemble, wire
from shapebench.api.benchmark import Objective, Shape
from shapebench.api.record import Cell, PodRecord, RunRecord, Times
from shapebench.api.usage import Usage

CONTEXT = assemble.RunContext(
    benchmark="one", namespace="lab", run="one-1-1", backend="kubernetes", cell=Cell(shape="2x1"),
    shape=Shape(name="2x1", workers=2, cpu="1", memory="1Gi"), block=1, repetition=1, position=1)


def pod(role: str, index: int, **fields: Any) -> PodRecord:
    return PodRecord.model_validate({
        "pod": f"{role}-{index}", "role": role, "index": index, "counters": "cgroup-v2", "agent_started_s": 1.0,
        "program_started_s": 2.0, "program_finished_s": 9.0, "exit_code": 0, "usage": Usage(cpu_seconds=10.0)} | fields)


def assembled(*pods: PodRecord) -> RunRecord:
    return assemble.run_record(CONTEXT, pods, assemble.Outcome(1), Times())


def measured(cpu_seconds: float) -> dict[str, Any]:
    return {"measured_usage": Usage(cpu_seconds=cpu_seconds)}


def test_what_cells_are_compared_by_is_in_the_record() -> None:
    context = replace(CONTEXT, objective=Objective(metric="measurement.speed", goal="Maximize"))
    record = assemble.run_record(context, [], assemble.Outcome(1), Times())
    assert record.objective == Objective(metric="measurement.speed", goal="Maximize")


def test_the_measured_part_of_all_pods_is_summed_beside_their_whole_lives() -> None:
    record = assembled(pod(wire.ROLE_DRIVER, 0, **measured(1.0)), pod(wire.ROLE_EXECUTOR, 1, **measured(4.0)),
                       pod(wire.ROLE_EXECUTOR, 2, **measured(5.0)))
    assert record.usage.cpu_seconds == 30.0
    assert record.measured_usage == Usage(cpu_seconds=10.0)
    assert record.measured_usage_by_role == {wire.ROLE_DRIVER: Usage(cpu_seconds=1.0),
                                             wire.ROLE_EXECUTOR: Usage(cpu_seconds=9.0)}


@pytest.mark.parametrize("executors", [
    pytest.param(({}, measured(5.0)), id="one-never-heard-of-it"),
    pytest.param(({}, {}), id="none-heard-of-it"),
])
def test_a_sum_without_one_of_its_pods_is_no_sum(executors: tuple[dict[str, Any], ...]) -> None:
    record = assembled(pod(wire.ROLE_DRIVER, 0, **measured(1.0)),
                       *(pod(wire.ROLE_EXECUTOR, index, **known) for index, known in enumerate(executors, 1)))
    assert record.measured_usage is None
    assert record.measured_usage_by_role == {wire.ROLE_DRIVER: Usage(cpu_seconds=1.0)}
    assert record.usage.cpu_seconds == 30.0


@pytest.mark.parametrize(("marks", "duration_s"), [
    pytest.param({"measured_started_s": 3.0, "measured_finished_s": 7.5}, 4.5, id="marked"),
    pytest.param({}, 7.0, id="the program's life"),
    pytest.param({"measured_started_s": 3.0, "measured_finished_s": 2.0}, -1.0, id="of two clocks: judging tells"),
])
def test_the_duration_is_that_of_the_measured_part(marks: dict[str, float], duration_s: float) -> None:
    served = pod(wire.ROLE_EXECUTOR, 1, measured_started_s=100.0, measured_finished_s=200.0)
    record = assembled(pod(wire.ROLE_DRIVER, 0, **marks), served)
    assert record.duration_s == duration_s, "executors do not decide"


def marks(start_s: float | None, finish_s: float | None) -> dict[str, Any]:
    return {"measured_started_s": start_s, "measured_finished_s": finish_s}


ALL, LATE, NONE, NO_END = marks(3.0, 7.5), marks(103.0, 105.0), marks(None, None), marks(4.0, None)


@pytest.mark.parametrize(("workers", "duration_s", "times", "used", "served"), [
    pytest.param((ALL, LATE), 4.5, (3.0, 105.0), 8.0, 4.0, id="all-mark-by-their-own-clocks"),
    pytest.param((ALL, NONE), 4.5, (3.0, 7.5), None, 4.0, id="the-chief-marks-for-all"),
    pytest.param((NONE, ALL), 4.5, (3.0, 7.5), None, None, id="another-marks-for-all: servers heard the first's life"),
    pytest.param((ALL, NONE, LATE), 4.5, (3.0, 105.0), None, 4.0, id="some-mark"),
    pytest.param((ALL, NO_END), 5.0, (3.0, 9.0), 8.0, 4.0, id="one-marks-no-end: until its program's"),
    pytest.param((NONE, NONE), 7.0, (2.0, 9.0), 8.0, 4.0, id="none-marks"),
])
def test_the_measured_part_of_a_gang_is_that_of_the_workers_that_marked_it(
        workers: tuple[dict[str, Any], ...], duration_s: float, times: tuple[float, float], used: float | None,
        served: float | None) -> None:
    """Who marks nothing has told what it used in all its life; a server heard the first worker's marks, or life."""
    pods = [pod(wire.ROLE_WORKER, index, **its, **measured(4.0)) for index, its in enumerate(workers)]
    record = assembled(*pods, pod(wire.ROLE_PARAMETER_SERVER, 0, **marks(2.0, 9.0), **measured(4.0)))
    assert (record.duration_s, (record.times.started_s, record.times.finished_s)) == (duration_s, times)
    by_role = record.measured_usage_by_role
    assert by_role.get(wire.ROLE_WORKER) == (used and Usage(cpu_seconds=used))
    assert by_role.get(wire.ROLE_PARAMETER_SERVER) == (served and Usage(cpu_seconds=served))
    assert (record.measured_usage is not None) == (used is not None and served is not None)
    assert record.usage.cpu_seconds == 10.0 * (len(workers) + 1)


@pytest.mark.parametrize(("told", "run"), [
    pytest.param((False, False), False, id="exact"),
    pytest.param((False, True), True, id="one is sampled"),
    pytest.param((None, True), True, id="one is, another does not tell"),
    pytest.param((False, None), None, id="one does not tell"),
    pytest.param((), None, id="no pods"),
])
def test_a_runs_memory_peak_is_as_exact_as_its_pods(told: tuple[bool | None, ...], run: bool | None) -> None:
    pods = [pod(wire.ROLE_WORKER, index, memory_peak_is_sampled=one, measured_memory_peak_is_sampled=one)
            for index, one in enumerate(told)]
    record = assembled(*pods)
    assert (record.memory_peak_is_sampled, record.measured_memory_peak_is_sampled) == (run, run)

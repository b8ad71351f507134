"""What Prometheus answers about runs that were written to it, against their records."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from prometheus.lab import Study
from prometheus.server import ROOT, Answered, Prometheus

from shapebench.api.assemble import total
from shapebench.api.record import RunRecord
from shapebench.remote_write import names
from shapebench.remote_write.run import Choice, time_series

EVEN = ("cpu_seconds", "network_receive_bytes", "network_transmit_bytes", "network_receive_packets",
        "network_transmit_packets", "disk_read_bytes", "disk_written_bytes", "disk_reads", "disk_writes")
"""What the recorded programs use at an even pace."""
MEASURED = (*EVEN, "cpu_throttled_seconds")
"""What the records know of the measured part exactly."""


@pytest.fixture(params=["3-seconds", "30-minutes"])
def either(request: pytest.FixtureRequest, study: Study, long_study: Study) -> Study:
    return study if request.param == "3-seconds" else long_study


def selected(study: Study, **labels: str) -> str:
    chosen = {"benchmark": study.benchmark.metadata.name, **labels}
    return "{" + ",".join(f'{name}="{value}"' for name, value in chosen.items()) + "}"


def by_run(answers: list[Answered]) -> dict[str, float]:
    return {one.labels["run"]: one.value for one in answers}


def measured(record: RunRecord, column: str) -> float:
    assert record.measured_usage is not None
    value: float = getattr(record.measured_usage, column)
    return value


@pytest.mark.parametrize("column", MEASURED)
def test_the_increase_over_a_run_is_what_it_used(prometheus: Prometheus, either: Study, column: str) -> None:
    for record in either.records:
        assert record.duration_s is not None
        name = f"{names.ALIGNED}{column}_total{selected(either, run=record.run)}"
        (grown,) = prometheus.query(f"increase({name}[{record.duration_s * 1000 + 2:.0f}ms])",
                                    either.created_s + record.duration_s + 0.001)
        (last,) = prometheus.query(f"max_over_time({name}[3h])", either.created_s + 3 * 3600)
        assert grown.value == pytest.approx(measured(record, column), rel=0.01)
        assert last.value == pytest.approx(measured(record, column), rel=1e-9)
        assert last.value > 0 or column == "cpu_throttled_seconds"


@pytest.mark.parametrize("column", EVEN)
def test_a_panel_of_rates_per_shape_shows_what_was_used(prometheus: Prometheus, either: Study, column: str) -> None:
    """The area below each shape's curve is what its runs used on average: seconds or half an hour long."""
    step_s = 1.0 if either.longest_s < 60 else 10.0
    name = f"{names.ALIGNED}{column}_total{selected(either, verdict='Valid')}"
    query = f"sum by (shape) (rate({name}[{2 * step_s:.0f}s]))"
    shortest_s = min(record.duration_s or 0.0 for record in either.records)
    curves = prometheus.query_range(query, either.created_s + 2 * step_s, either.created_s + shortest_s, step_s)
    assert {one.labels["shape"] for one in curves} == {"1x2", "2x1"}
    for curve in curves:
        expected = sum(measured(record, column) / (record.duration_s or 0.0) for record in either.records
                       if record.cell.shape == curve.labels["shape"])
        shown = [value for _, value in curve.samples]
        assert sum(shown) / len(shown) == pytest.approx(expected, rel=0.25)


def test_ten_samples_a_second_draw_what_happens_within_one(prometheus: Prometheus, fine_study: Study) -> None:
    """Written when asked for: no other test wants it there."""
    (run,) = fine_study.finished
    prometheus.write(time_series(run, Choice()))
    duration_s = run.record.duration_s
    assert duration_s is not None
    name = f"{names.ALIGNED}cpu_seconds_total{selected(fine_study)}"
    (stored,) = prometheus.samples(name, fine_study.created_s + 10, 60)
    gaps = [after - before for (before, _), (after, _) in pairwise(stored.samples)]
    assert gaps[:-1] == pytest.approx([0.1] * (len(gaps) - 1), abs=0.002)
    assert len(gaps) == pytest.approx(duration_s / 0.1, abs=1)
    (curve,) = prometheus.query_range(f"rate({name}[200ms])", fine_study.created_s + 0.2,
                                      fine_study.created_s + duration_s, 0.1)
    shown = [value for _, value in curve.samples]
    assert sum(shown) / len(shown) == pytest.approx(measured(run.record, "cpu_seconds") / duration_s, rel=0.25)


def test_a_run_that_is_sent_twice_is_there_once(prometheus: Prometheus, study: Study) -> None:
    """A restart sends again what it cannot know to be there."""
    for name in (names.ALIGNED + "disk_written_bytes_total", names.POD + "disk_written_bytes_total"):
        before = prometheus.samples(name + selected(study), study.created_s + 4000, 4000)
        for run in study.finished:
            prometheus.write(time_series(run, Choice(labels={"cluster": "test"})))
        after = prometheus.samples(name + selected(study), study.created_s + 4000, 4000)
        assert len(before) >= len(study.records)
        assert after == before


@pytest.mark.parametrize("column", ["cpu_seconds", "disk_written_bytes"])
def test_the_pods_own_series_add_up_to_the_run(prometheus: Prometheus, either: Study, column: str) -> None:
    last_s = max(pod.series.time_s[-1] for record in either.records for pod in record.pods)
    name = f"{names.POD}{column}_total{selected(either, source='record')}"
    found = by_run(prometheus.query(f"sum by (run) (max_over_time({name}[3h]))", last_s + 1))
    expected = {record.run: getattr(total(pod.usage for pod in record.pods), column) for record in either.records}
    assert found == pytest.approx(expected, rel=0.01)


def test_every_sample_has_the_time_at_which_it_was_taken(prometheus: Prometheus, study: Study) -> None:
    for record in study.records:
        for pod in record.pods:
            (stored,) = prometheus.samples(
                f"{names.POD}memory_working_set_bytes" + selected(study, run=record.run, index=str(pod.index)),
                pod.series.time_s[-1] + 1, 60)
            times, values = zip(*stored.samples, strict=True)
            assert times == pytest.approx(pod.series.time_s, abs=0.001)
            assert values == pytest.approx(pod.series.columns["memory_bytes"])


def test_the_references_query_for_the_distance_of_samples(prometheus: Prometheus, long_study: Study) -> None:
    """Of half an hour each fourth second is kept."""
    page = (ROOT / "docs/reference/metrics.md").read_text()
    (query,) = (one for one in re.findall(r"```promql\n(.*?)```", page, re.DOTALL) if "[1d:1s]" in one)
    for record in long_study.records:
        found = prometheus.query(query.replace("read-speed-1-1", record.run), time.time() + 60)
        assert [one.value for one in found] == pytest.approx([4.0] * len(record.pods), abs=0.05)


def test_labels(prometheus: Prometheus, study: Study) -> None:
    (record,) = (one for one in study.records if one.cell.shape == "1x2" and one.cell.parameters["batchSize"] == 3)
    cell = {"cluster": "test", "namespace": "lab", "benchmark": "read-speed", "run": record.run, "shape": "1x2",
            "parameter_batchSize": "3"}
    (aligned,) = prometheus.samples("shapebench_aligned_disk_reads_total" + selected(study, run=record.run),
                                    study.created_s + 10, 60)
    (pod,) = prometheus.samples("shapebench_pod_disk_reads_total" + selected(study, run=record.run),
                                study.created_s + 4000, 4000)
    assert aligned.labels == {**cell, "__name__": "shapebench_aligned_disk_reads_total", "block": "1",
                              "verdict": "Valid"}
    assert pod.labels == {**cell, "__name__": "shapebench_pod_disk_reads_total", "role": "worker", "index": "0",
                          "source": "record"}


def test_a_curve_ends_where_its_run_did(prometheus: Prometheus, study: Study) -> None:
    """Without an end, an instant query shows the last value for five minutes."""
    for record in study.records:
        name = f"{names.ALIGNED}cpu_seconds_total{selected(study, run=record.run)}"
        assert record.duration_s is not None
        assert prometheus.query(name, study.created_s + record.duration_s + 0.001)
        assert not prometheus.query(name, study.created_s + record.duration_s + 1.5)


def test_the_operator_tells_when_the_aligned_curves_begin(prometheus: Prometheus, study: Study) -> None:
    (created,) = prometheus.query(
        f"last_over_time(shapebench_benchmark_created_seconds{selected(study)}[5m])", time.time())
    (first, *_) = prometheus.samples(f"{names.ALIGNED}cpu_seconds_total{selected(study)}", study.created_s + 10, 60)
    assert first.samples[0] == (created.value, 0.0)

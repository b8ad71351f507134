"""One run's dashboard after its Benchmark was deleted and applied again: runs of the same name, minutes apart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from prometheus import grafana, lab, scraping, server
from prometheus.grafana import Range, View
from prometheus.lab import Study
from prometheus.server import Prometheus
from prometheus.test_dashboards import RUN, has_values, linked, panels

from shapebench.api.record import RunRecord
from shapebench.remote_write.run import Choice, time_series

DELETED_AFTER_S = 40
"""From the end of a run: it is scraped once or twice."""


class Twice(NamedTuple):
    """The run of the deleted Benchmark, and the one that has its name now; a Prometheus that saw both."""

    old: RunRecord
    new: RunRecord
    prometheus: Prometheus

    def opened(self, shown: Range, run: str | None = None) -> View:
        return grafana.view(RUN, self.prometheus, shown, benchmark=self.new.benchmark, run=run or self.new.run)

    def time(self, shown: Range, run: str | None = None) -> list[float]:
        return [one.value for one in self.opened(shown, run).answer(asked("Time"))]


def asked(title: str) -> dict[str, Any]:
    """The query of a panel that has one."""
    ((target,),) = (panel["targets"] for panel in panels(RUN) if panel["title"] == title)
    return dict(target)


def tried_again(body: dict[str, Any]) -> dict[str, Any]:
    """The same object while its run goes on: the attempt before has cost something."""
    status = {"phase": "Running", "attempt": 2, "costSpent": 99.0}
    return {**body, "status": status if body["kind"] == "BenchmarkRun" else {}}


def end_s(record: RunRecord) -> float:
    assert record.times.finished_s is not None
    return record.times.finished_s


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twice]:
    """The old run took half an hour and ended 20 minutes ago; the new one of three seconds began a minute and a half
    later. There was a second run, which is not over again."""
    now_s = time.time()
    old_runs = [record.model_copy(update={"benchmark": lab.SHORT, "run": record.run.replace(lab.LONG, lab.SHORT)})
                for record in lab.recorded(lab.LONG, now_s - 1200)[:2]]
    new_runs = lab.recorded(lab.SHORT, now_s - 1100)[:1]
    assert old_runs[0].run == new_runs[0].run
    with server.running(tmp_path_factory.mktemp("prometheus")) as running:
        for records, until_s in ((old_runs, now_s - 1200 + DELETED_AFTER_S), (new_runs, now_s)):
            study = Study(lab.benchmark(), tuple(records), now_s - 4000)
            for run in study.finished:
                running.write(time_series(run, Choice()))
            over_s = max(map(end_s, records)) + 1
            running.write(scraping.told(map(tried_again, study.bodies()), over_s - 50, over_s - 10))
            running.write(scraping.told(study.bodies(), over_s, until_s))
        yield Twice(old_runs[0], new_runs[0], running)


@pytest.mark.parametrize("which", ["old", "new"])
def test_each_opens_at_its_own_time_with_its_own_figures(twice: Twice, which: str) -> None:
    record: RunRecord = getattr(twice, which)
    view = twice.opened(linked(record))
    (shown,) = view.answer(asked("Time"))
    assert shown.value == pytest.approx(record.duration_s)
    (cost,) = view.answer(asked("Cost with start-up"))
    assert cost.value == pytest.approx(record.cost_spent, rel=1e-4)
    (peak,) = view.answer(asked("Peak memory"))
    assert peak.value == record.usage.memory_peak_bytes
    rows = {one.labels["row"]: one.value for one in view.answer(asked("Measurements"))}
    assert rows == pytest.approx({str(n): row.values["cpu_seconds"] for n, row in enumerate(record.measurements)})
    for mark, moment_s in zip(RUN["annotations"]["list"], (record.times.started_s, record.times.finished_s),
                              strict=True):
        (found,) = view.answer({"expr": mark["expr"], "interval": mark["step"]})
        (shown_ms,) = {value for _, value in found.samples}
        assert shown_ms == pytest.approx(1000 * (moment_s or 0.0))


def test_nothing_is_missing_of_a_deleted_run(twice: Twice) -> None:
    view = twice.opened(linked(twice.old))
    assert [panel["title"] for panel in panels(RUN) for target in panel["targets"]
            if not has_values(view.answer(target))] == []


def test_a_part_of_a_run_is_still_that_run(twice: Twice) -> None:
    """Its start-up, which is before the measured part; its middle; its wind-down."""
    begun_s, over_s = (twice.old.times.started_s or 0.0), end_s(twice.old)
    for shown in (Range(begun_s - 60, begun_s - 5), Range(begun_s + 5, over_s - 5), Range(over_s + 5, over_s + 30)):
        assert twice.time(shown) == [pytest.approx(twice.old.duration_s)]


def test_of_two_in_the_time_range_it_is_the_later(twice: Twice) -> None:
    assert twice.time(Range(end_s(twice.old) - 60, time.time())) == [pytest.approx(twice.new.duration_s)]


def test_a_run_that_is_not_over_has_none_of_the_figures_of_the_one_before(twice: Twice) -> None:
    """The second run of the new Benchmark, while it goes on."""
    going = twice.new.run.removesuffix("1") + "2"
    over_s = end_s(twice.old)
    assert twice.time(Range(over_s - 60, over_s + 60), going) != []
    assert twice.time(Range(time.time() - 900, time.time()), going) == []

"""A shape that is larger than the machine it ran on is said with the answer."""

from __future__ import annotations

import pytest

from shapebench.api.record import RunRecord
from shapebench.report import answer, html, table
from shapebench.report.subject import Subject


def record(shape: str, cpu: float, backend: str, cpus: str) -> RunRecord:
    return RunRecord.model_validate({
        "benchmark": "one", "namespace": "lab", "run": f"one-{shape}", "backend": backend, "workers": 2, "cpu": cpu,
        "memory_bytes": 2**30, "block": 1, "repetition": 1, "position": 1, "attempt": 1, "phase": "Succeeded",
        "verdict": "Valid", "times": {}, "cell": {"shape": shape}, "duration_s": cpu,
        "environment": {"cpus": cpus} if cpus else {}})


@pytest.mark.parametrize(("backend", "cpus", "warned"), [
    pytest.param("local", "2", True, id="too-large"),
    pytest.param("local", "128", False, id="fits"),
    pytest.param("local", "", False, id="not-told"),
    pytest.param("kubernetes", "2", False, id="pods-are-placed-by-their-size"),
])
def test_the_headline_warns(backend: str, cpus: str, warned: bool) -> None:
    told = answer.headline(Subject("one"), [record("big", 64.0, backend, cpus), record("small", 1.0, backend, cpus)])
    assert told.startswith("no answer for a cluster: the workers of big (128 CPU on 2 cores) share this machine's "
                           "cores, so do not choose by their numbers. Here, small was fastest") == warned


def test_a_row_of_shared_cores_is_marked_and_never_shown_as_the_best() -> None:
    records = [record("big", 0.5, "local", "2").model_copy(update={"cpu": 2.0}), record("small", 1.0, "local", "2")]
    rows = table.rows(Subject("one"), records)
    assert [(row.summary.cell.shape, row.shared, row.usable) for row in rows] == [
        ("big", "4 CPU on 2 cores", False), ("small", "", True)]
    (column,) = (one for one in table.columns(Subject("one"), rows) if one.title == "shared cores")
    assert [column.text(row) for row in rows] == ["4 CPU on 2 cores", ""]
    page = html.page(Subject("one"), records)
    assert "first here (4 CPU on 2 cores)" in page
    assert 'class="answer none"' in page
    assert '<tr class="best">' not in page


def test_where_every_shape_fits_there_is_no_such_column() -> None:
    page = html.page(Subject("one"), [record("small", 1.0, "local", "2")])
    assert "shared cores" not in page
    assert '<tr class="best">' in page

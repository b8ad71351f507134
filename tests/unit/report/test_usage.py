"""Which part of a run's usage the comparison shows: the measured one, as the durations are of it."""

import pytest

from shapebench.api.record import Verdict
from shapebench.api.usage import Usage
from shapebench.report import html, table
from shapebench.report.subject import Subject

MEASURED = {"measured_usage": Usage(cpu_seconds=2.5, network_receive_bytes=10, disk_read_bytes=1)}


@pytest.mark.parametrize(("others", "cpu_seconds", "words"), [
    pytest.param(MEASURED, 2.5, "What the measured part of a run used", id="all-know-it"),
    pytest.param({}, 12.5, "What a whole run, start-up included, used", id="one-does-not"),
    pytest.param({"verdict": Verdict.NEIGHBOUR}, 2.5, "What the measured part of a run used", id="one-that-is-out"),
])
def test_all_rows_show_the_same_part(make_record, others, cpu_seconds, words) -> None:
    records = [make_record("4x1", **MEASURED), make_record("2x2", **MEASURED), make_record("2x2", **others)]
    rows = table.rows(Subject("b"), records)
    assert {row.cpu_seconds for row in rows} == {cpu_seconds}
    assert words in html.page(Subject("b"), records)

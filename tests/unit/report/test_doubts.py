"""How many runs are doubtful, which, why, and whether they are in the numbers: in every form of the report."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console

from shapebench.api.record import Flag, Reason, Verdict
from shapebench.report import answer, doubts, html, runs_csv, table
from shapebench.report.subject import Subject

BUSY = Flag(kind=Verdict.NEIGHBOUR, message="node n1: what is not of the run used <3> of 8 CPUs", value=0.4, bound=0.25)
STEAL = Flag(kind=Verdict.STEAL, message="node n1: the hypervisor kept back 7 %")


@pytest.fixture
def records(make_record):
    return [
        make_record("4x1", 3.0, block=0, run="b-0-1", flags=(STEAL,)),
        make_record("4x1", 3.0, run="b-1-1"),
        make_record("4x1", 9.0, run="b-2-1", verdict=Verdict.NEIGHBOUR, flags=(BUSY, STEAL)),
        make_record("2x2", 4.0, run="b-1-2", flags=(STEAL,)),
        make_record("2x2", 4.0, run="b-2-2"),
    ]


def terminal(records) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(table.terminal(Subject("b"), records))
    return out.getvalue()


def test_the_terminal_counts_them_by_cell_and_names_them(records) -> None:
    text = terminal(records)
    assert "4x1 was fastest: median 3.00 s" in text, "nine seconds beside a neighbour are not in it"
    first, second = (next(line for line in text.splitlines() if line.startswith(cell)) for cell in ("4x1  ", "2x2  "))
    assert "Neighbour 1" in first
    assert "Steal 1" in second
    assert "1 of 5 runs were left out of the numbers (Neighbour 1)" in text
    assert "1 of 5 runs are flagged and count all the same (Steal 1)" in text
    assert "b-2-1 left out: Neighbour: node n1: what is not of the run used <3> of 8 CPUs (and 1 more flags)" in text
    assert "b-1-2 counts: Steal" in text
    assert "b-0-1 warm-up: Steal" in text


@pytest.mark.parametrize(("verdicts", "told"), [
    pytest.param([Verdict.CLOCK], False, id="no-policy-counts-a-run-without-a-time"),
    pytest.param([Verdict.CLOCK, Verdict.STEAL], True, id="but-others"),
])
def test_what_would_count_them_is_said_where_something_would(make_record, verdicts, told: bool) -> None:
    (line,) = doubts.caveats([make_record(verdict=verdict) for verdict in verdicts])
    assert ("validity.policy: Flag" in line) == told


def test_many_are_counted_and_the_first_are_named(make_record) -> None:
    lines = [str(line) for line in doubts.terminal([
        make_record(run=f"b-{n}-1", block=n, verdict=Verdict.STEAL, flags=(STEAL,)) for n in range(1, 31)])]
    assert len(lines) == doubts.SHOWN_IN_TERMINAL + 1
    assert "and 20 more flagged runs" in lines[-1]


def test_the_page_lists_every_flag(records) -> None:
    page = html.page(Subject("b"), records)
    assert page.count("the hypervisor kept back 7 %") == 3
    assert "used &lt;3&gt; of 8 CPUs" in page
    assert "<b>1</b><span>doubtful runs left out</span>" in page
    assert "Valid, flagged" in page


def test_the_csv_has_the_verdict_and_the_flags(records) -> None:
    rows = {row["run"]: row for row in csv.DictReader(io.StringIO(runs_csv.text(records)))}
    assert (rows["b-2-1"]["verdict"], rows["b-2-1"]["flags"]) == ("Neighbour", "Neighbour Steal")
    assert (rows["b-1-2"]["verdict"], rows["b-1-2"]["flags"]) == ("Valid", "Steal")


def test_where_none_is_left_the_answer_says_why(make_record) -> None:
    records = [make_record(verdict=Verdict.NEIGHBOUR, flags=(BUSY,)) for _ in range(3)]
    assert answer.headline(Subject("b"), records) == "no run was valid, so there is no answer: Neighbour 3."


def test_without_doubts_nothing_is_said(make_record) -> None:
    text, page = terminal([make_record()]), html.page(Subject("b"), [make_record()])
    for word in ("left out", "flagged", "oubtful"):
        assert word not in text
        assert word not in page


def test_the_digests_of_images_are_where_it_ran(make_record) -> None:
    records = [make_record(images={"executor": f"sha256:{digit}"}, environment={"io_pressure_share": f"0.{digit}"})
               for digit in "ab"]
    page = html.page(Subject("b"), records)
    assert "<dt>image of executor</dt><dd>differs: sha256:a | sha256:b</dd>" in page
    assert "io_pressure_share" not in page


def test_a_failed_run_is_told_with_why_it_failed(make_record) -> None:
    """What was around it is not why; each way to fail has one line."""
    failed = {"duration_s": None, "reason": Reason.PROGRAM_FAILED,
              "flags": (Flag(kind=Verdict.NEIGHBOUR, message="others used 60 %"),)}
    text = terminal([make_record(), make_record(**failed, message="exit code 2; its last words:\ncan't open file"),
                     make_record(**failed, message="exit code 2; its other words:\ncan't open file\nno usage of a-1\n"
                                 "a-2: the agent was killed before its end; the totals are those of its last "
                                 "checkpoint, 3 s before"),
                     make_record(**failed, message="no memory")])
    assert "and 1 more failed: ProgramFailed: can't open file" in text
    assert "failed: ProgramFailed: no memory" in text
    assert "others used 60 %" not in text

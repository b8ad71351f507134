"""The answer in words, and its caveats."""

import pytest

from shapebench.api.record import Cell, Flag, Measurement, Reason, Verdict
from shapebench.api.status import BenchmarkPhase
from shapebench.report import answer, html, table, units, unmarked
from shapebench.report.subject import Subject


def test_the_fastest_cell_is_named_with_its_spread_and_the_distance_to_the_others(make_record) -> None:
    records = [make_record("4x1", value, parameters={"format": "tfrecord"}) for value in (3.0, 3.2, 3.4)]
    records += [make_record("2x2", value) for value in (4.4, 4.48, 4.6)]
    records += [make_record("1x4", value) for value in (6.3, 6.4, 6.6)]
    assert answer.headline(Subject("b"), records) == (
        "4x1 with format=tfrecord was fastest: median 3.20 s (range 3.00 s to 3.40 s, 3 runs); "
        "1.4× faster than 2x2, the next, and 2× faster than 1x4, the last.")


def test_six_runs_give_an_interval(make_record) -> None:
    text = answer.headline(Subject("b"), [make_record(duration_s=value) for value in (1, 2, 3, 4, 5, 6)])
    assert "95 % interval 1.00 s to 6.00 s, 6 runs" in text


def test_overlapping_runs_of_the_first_two_are_not_called_a_difference(make_record) -> None:
    records = [make_record("a", 1.0), make_record("a", 3.0), make_record("b", 2.0), make_record("b", 2.2)]
    assert "overlap: take them as equal" in answer.headline(Subject("b"), records)


def test_single_runs_are_not_called_evidence(make_record) -> None:
    text = answer.headline(Subject("b"), [make_record("a", 1.0), make_record("b", 2.0)])
    assert text.endswith("A single run says little: repeat before choosing.")


OVERLAP = " The runs of these first two overlap: take them as equal until more runs tell."
LITTLE = " A single run says little: repeat before choosing."


@pytest.mark.parametrize(("goal", "scores", "words", "ratios"), [
    pytest.param("Minimize", {"a": (0, 0), "b": (0, 0)}, "median 0 (range 0 to 0, 2 runs); no better than b." + OVERLAP,
                 [None, None], id="all-at-zero"),
    pytest.param("Minimize", {"a": (0,), "b": (0,), "c": (2,)}, "median 0 (1 run); no better than b, the next, and "
                 "better than c, the last." + LITTLE, [None, None, None], id="two-at-zero"),
    pytest.param("Maximize", {"a": (3,), "b": (3,)}, "median 3.00 (1 run); no better than b." + LITTLE,
                 [1.0, 1.0], id="equal-above-zero"),
    pytest.param("Minimize", {"a": (-2, -2), "b": (-1, -1)}, "2 runs); better than b.", [None, None], id="below-zero"),
    pytest.param("Maximize", {"a": (2, 2), "b": (-1, -1)}, "2 runs); better than b.", [1.0, None],
                 id="both-sides-of-zero"),
])
def test_no_factor_without_two_numbers_above_zero_and_a_tie_is_no_win(make_record, goal, scores, words, ratios) -> None:
    records = [make_record(shape, measurements=(Measurement(values={"score": one}),))
               for shape, found in scores.items() for one in found]
    subject = Subject("b", "measurement.score", goal)
    assert answer.headline(subject, records).endswith(words)
    assert [row.ratio for row in table.rows(subject, records)] == ratios


@pytest.mark.parametrize(("metric", "goal", "words"), [
    ("cost", "Minimize", "was cheapest"),
    ("measurement.images_per_second", "Maximize", "had the most images per second"),
    ("measurement.loss", "Minimize", "had the least loss"),
])
def test_words_follow_the_objective(make_record, metric: str, goal: str, words: str) -> None:
    rows = (Measurement(values={"images_per_second": 5, "loss": 0.5}),)
    assert words in answer.headline(Subject("b", metric, goal), [make_record(cost=0.1, measurements=rows)])  # type: ignore[arg-type]


def test_without_a_valid_run_there_is_no_answer(make_record) -> None:
    assert answer.headline(Subject("b"), [make_record(duration_s=None, reason=Reason.RUN_TIMEOUT)]) == (
        "no run was valid, so there is no answer.")


def test_valid_runs_without_the_objective_tell_what_they_have(make_record) -> None:
    rows = (Measurement(values={"megabytes_per_second": 5, "seconds": 0.5}),)
    assert answer.headline(Subject("b", "measurement.mb_per_second", "Maximize"), [make_record(measurements=rows)]) == (
        "1 of the runs are valid, but none has measurement.mb_per_second, so there is no answer: they measured "
        "megabytes_per_second, seconds. Give one of these in objective.metric.")


def test_caveats_count_failures_missing_runs_and_small_n(make_record) -> None:
    records = [make_record(), make_record(duration_s=None, reason=Reason.RUN_TIMEOUT)]
    text = "\n".join(answer.caveats(Subject("b", planned=4, remarks=("the machine is small",)), records))
    for expected in ("1 of 2 runs failed", "2 of 4 planned runs", "1 valid run of a cell is too few",
                     "the machine is small"):
        assert expected in text


@pytest.mark.parametrize(("phase", "state", "rest"), [
    pytest.param(BenchmarkPhase.RUNNING, "still running", "the rest is still to come", id="running"),
    pytest.param(BenchmarkPhase.SUSPENDED, "suspended", "the rest follows when spec.suspend is false", id="suspended"),
])
def test_a_benchmark_with_runs_to_come_says_so_first(make_record, phase, state: str, rest: str) -> None:
    subject = Subject("b", planned=4, phase=phase)
    out = [make_record(verdict=Verdict.NEIGHBOUR), make_record(verdict=Verdict.NEIGHBOUR)]
    assert answer.headline(subject, out) == (
        f"{state} (2 of 4 runs ended), so this is provisional: no run is valid yet, so there is no answer yet: "
        "Neighbour 2.")
    assert answer.headline(subject, [make_record()]).startswith(
        f"{state} (1 of 4 runs ended), so this is provisional: 4x1 was fastest: median 3.00 s")
    assert f"2 of 4 planned runs are there; {rest}" in "\n".join(answer.caveats(subject, out))


@pytest.mark.parametrize("phase", [BenchmarkPhase.SUCCEEDED, BenchmarkPhase.FAILED, None])
def test_one_that_is_over_or_of_which_nobody_knows_is_not_called_provisional(make_record, phase) -> None:
    assert answer.headline(Subject("b", planned=4, phase=phase), [make_record()]).startswith("4x1 was fastest")


@pytest.mark.parametrize(("runs", "words"), [
    pytest.param(1, "a single run has no spread to show", id="one"),
    pytest.param(2, "the range is shown", id="two"),
])
def test_the_note_on_a_small_n_says_what_the_spread_column_has(make_record, runs: int, words: str) -> None:
    records = [make_record(duration_s=3.0 + number) for number in range(runs)]
    assert words in "\n".join(answer.caveats(Subject("b"), records))
    (row,) = table.rows(Subject("b"), records)
    assert (table.spread(row.summary, "duration") == units.MISSING) == (runs == 1)


def test_nothing_to_bear_in_mind_where_all_is_well(make_record) -> None:
    assert answer.caveats(Subject("b", planned=6), [make_record() for _ in range(6)]) == ()


def test_the_money_spent_is_told_apart_from_the_cost_that_cells_are_compared_by(make_record) -> None:
    records = [make_record(cost=0.01, cost_spent=0.015, block=0), make_record(cost=0.01, cost_spent=0.012),
               make_record(duration_s=None, reason=Reason.RUN_TIMEOUT, cost_spent=0.1)]
    (line,) = (one for one in answer.caveats(Subject("b", budget=0.5), records) if "spent" in one)
    assert line.startswith("0.127 of limits.budget 0.500 was spent on these runs: nodes held, with start-up, warm-ups")


def test_a_part_of_what_was_spent_is_not_told_as_the_whole(make_record) -> None:
    records = [make_record("a", cost=0.01, cost_spent=0.012), make_record("b"), make_record("c"), make_record("b")]
    (line,) = (one for one in answer.caveats(Subject("b"), records) if "spent" in one)
    assert line.startswith(
        "0.0120 was spent on 1 of these 4 runs, and more on the others, which have no price (of b, c): nodes held")
    page = html.page(Subject("b"), records)
    assert "<li><b>0.0120</b><span>spent on 1 of 4 runs</span></li>" in page


def test_cells_that_lost_all_runs_are_named_in_the_answer(make_record) -> None:
    other = Flag(kind=Verdict.OTHER_NODE, message="worker ran on EPYC")
    lost = [make_record("4x2", verdict=Verdict.OTHER_NODE, flags=(other,), backend="kubernetes") for _ in range(3)]
    records = [make_record("8x1", backend="kubernetes"), *lost,
               make_record("1x4", duration_s=None, reason=Reason.RUN_TIMEOUT)]
    assert answer.headline(Subject("b"), records) == (
        "8x1 was fastest: median 3.00 s (1 run). Not compared, because all runs were left out: 4x2 (OtherNode 3).")
    (line,) = (one for one in answer.caveats(Subject("b"), records) if "nodeSelector" in one)
    assert line.startswith("3 runs of 4x2 were on another type of node than those that they are compared with: give ")
    assert not any("nodeSelector" in one for one in answer.caveats(Subject("b"), records[:1]))


def test_planned_cells_without_a_run_are_named_in_the_answer(make_record) -> None:
    cells = tuple(Cell(shape=shape) for shape in ("2x1", "1x2"))
    assert answer.headline(Subject("b", cells=cells), [make_record("2x1")]).endswith(
        "Not compared, because no run has ended: 1x2.")
    assert "Not compared" not in answer.headline(Subject("b", cells=cells), [make_record("2x1"), make_record("1x2")])


@pytest.mark.parametrize(("flagged", "words"), [
    pytest.param(1, "", id="the-fewer"),
    pytest.param(2, "Beware: 2 of the 4 runs that count are flagged as doubtful (Neighbour 2).", id="half"),
    pytest.param(4, "Beware: 4 of the 4 runs that count are flagged as doubtful (Neighbour 4).", id="all"),
])
def test_an_answer_by_doubtful_runs_says_so(make_record, flagged: int, words: str) -> None:
    loud = Flag(kind=Verdict.NEIGHBOUR, message="others used 60 %")
    records = [make_record("a", flags=(loud,) if number < flagged else ()) for number in range(4)]
    assert answer.headline(Subject("b"), records).endswith(words)
    assert ("Beware" in answer.headline(Subject("b"), records)) is bool(words)
    assert any("are flagged and count" in one for one in answer.caveats(Subject("b"), records)) is not bool(words)


def test_of_many_cells_that_lost_all_runs_some_are_named(make_record) -> None:
    lost = [make_record(f"s{number}", verdict=Verdict.NEIGHBOUR) for number in range(5)]
    assert answer.headline(Subject("b"), [make_record("a"), *lost]).endswith(
        "left out: s0 (Neighbour 1), s1 (Neighbour 1), s2 (Neighbour 1) and 2 more.")


@pytest.mark.parametrize(("starts_s", "told"), [
    pytest.param((None, None), True, id="nobody-marked"),
    pytest.param((5.0, None), False, id="one-marked-for-all"),
    pytest.param((5.0, 5.0), False, id="all-marked"),
])
def test_a_gang_without_a_mark_is_told_of(make_record, starts_s, told) -> None:
    workers = [{"pod": f"w-{index}", "role": "worker", "index": index, "counters": "none", "agent_started_s": 1.0,
                "program_started_s": 2.0, "exit_code": 0, "measured_started_s": start_s}
               for index, start_s in enumerate(starts_s)]
    assert bool(unmarked.caveat([make_record(pods=workers)])) == told

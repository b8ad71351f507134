"""The section of lines and averages, in the page, in the terminal and in files; and the table of parameter sets."""

import csv
import io
import re

import pytest
from rich.console import Console
from scipy import stats

from shapebench.api.record import Measurement, Reason
from shapebench.report import dependence, files, html, table
from shapebench.report.subject import Subject

SUBJECT = Subject("read-speed", "measurement.images_per_second", "Maximize")
SIZES = (2, 4, 6)


def row(parameters: dict[str, object], rate: float, images: int = 100) -> Measurement:
    return Measurement.model_validate({"parameters": parameters, "values": {
        "images_per_second": rate, "images": images, "bytes": images * 1e4, "seconds": images / rate}})


@pytest.fixture
def runs(make_record):
    """Separate runs: three repetitions for each format and batch size; a warm-up and a failed run."""
    found = [make_record("4x1", block=block, run=f"r-{block}-{size}-{name}",
                         parameters={"format": name, "batchSize": size},
                         measurements=(row({"format": name, "pass": 1}, slope * size + 50 + block),))
             for block in (1, 2, 3) for name, slope in (("images", 10), ("tfrecord", 80)) for size in SIZES]
    found.append(make_record(block=0, parameters={"format": "images", "batchSize": 8},
                             measurements=(row({}, 9999.0),)))
    found.append(make_record(parameters={"format": "images", "batchSize": 8}, reason=Reason.RUN_TIMEOUT))
    return found


@pytest.fixture
def grid(make_record):
    """One run whose job went through format and batch size itself, two repetitions each."""
    return [make_record("4x1", measurements=tuple(
        row({"format": name, "batch_size": size, "repetition": repetition}, slope * size * repetition)
        for name, slope in (("images", 10), ("tfrecord", 80)) for size in SIZES for repetition in (1, 3)))]


def cells(page: str) -> list[list[str]]:
    """The texts of all table rows."""
    return [re.findall(r"<td[^>]*>([^<]*)</td>", one) for one in re.findall(r"<tr[^>]*>(.*?)</tr>", page)]


def test_the_page_has_a_line_for_each_format_with_scipys_numbers(runs) -> None:
    lines = {tuple(one[:2]): one for one in cells(html.page(SUBJECT, runs)) if one[:1] == ["batchSize"]}
    xs = [size for _ in (1, 2, 3) for size in SIZES]
    expected = stats.linregress(xs, [80 * size + 50 + block for block in (1, 2, 3) for size in SIZES])
    found = lines["batchSize", "format=tfrecord"]
    assert found[2:4] == ["9", f"{expected.slope:.1f}"]
    assert found[5:7] == [f"{expected.intercept:.1f}", f"{expected.rvalue:.3f}"]
    assert found[9] == f"{expected.stderr:.3f}"
    assert ("batchSize", "format=images") in lines


def test_the_page_tells_what_was_left_out_and_how_many_lines_there_are(runs) -> None:
    page = html.page(SUBJECT, runs)
    assert "2 lines were fitted" in page
    assert "left out are 1 failed and 1 warm-up runs" in page


def test_averages_at_each_value_are_total_work_over_total_time(runs) -> None:
    page = html.page(SUBJECT, runs)
    at_two = next(one for one in cells(page) if one[:2] == ["batchSize", "2"])
    images, tfrecord = 3 / (1 / 71 + 1 / 72 + 1 / 73), 3 / (1 / 211 + 1 / 212 + 1 / 213)
    assert at_two[2:] == [f"{images:.1f} (3 runs)", f"{tfrecord:.0f} (3 runs)"]
    assert "all work / all time" in page


def test_the_plot_has_a_panel_for_each_parameter_and_ids_of_its_own(runs) -> None:
    page = html.page(SUBJECT, runs)
    charts = re.findall(r"<svg[^>]*>", page)
    assert len(charts) == 3
    assert "on batchSize, format=tfrecord: slope 80.0" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert html.page(SUBJECT, runs) == page


def test_a_grid_inside_one_run_shows_its_parameter_sets_and_its_lines(grid) -> None:
    page = html.page(SUBJECT, grid)
    assert "6 parameter sets that the job went through inside its runs" in page
    sets = [one for one in cells(page) if one[:1] == ["4x1"] and len(one) == 8]
    assert [one[1:4] for one in sets if one[2] == "images"] == [[str(size), "images", "2"] for size in SIZES]
    # 100 images at 20 and 100 at 60 a second are 200 in 6.67 s: 30, where the mean of the rates would be 40
    assert sets[0][4] == "30.0"
    assert next(one for one in cells(page) if one[:2] == ["batch_size", "2"])[2:] == [
        "30.0 (2 measurements, 1 run)", "240 (2 measurements, 1 run)"]
    assert any(one[:3] == ["batch_size", "format=images", "3"] for one in cells(page))


def test_parameter_sets_are_in_order_and_totals_are_none_of_them(make_record) -> None:
    rows = [row({"query": name, "scale": scale}, 5) for name, scale in (("q2", 10), ("q1", 2), ("q1", 10))]
    page = html.page(SUBJECT, [make_record("4x1", measurements=(*rows, row({}, 9)))])
    assert "3 parameter sets" in page
    assert [one[1:3] for one in cells(page) if one[:1] == ["4x1"] and len(one) == 8] == [
        ["q1", "2"], ["q1", "10"], ["q2", "10"]]


def test_what_the_job_varied_and_measured_is_told_apart_by_its_titles(make_record) -> None:
    rows = [Measurement(parameters={"cell": one, "seconds": one}, values={"seconds": 2.0, "measurements": 3.0})
            for one in (1, 2)]
    page = html.page(Subject("b", "measurement.seconds"), [make_record("4x1", measurements=rows)])
    titles = [re.findall(r"<th[^>]*>([^<]*)</th>", head) for head in re.findall(r"<thead>(.*?)</thead>", page)]
    assert ["cell", "row_cell", "row_seconds", "measurements", "seconds", "measured measurements"] in titles


def test_repetitions_alone_are_no_parameter_sets(make_record) -> None:
    page = html.page(SUBJECT, [make_record(measurements=(row({"epoch": 1}, 5), row({"epoch": 2}, 6)))])
    assert "parameter sets" not in page
    assert "depends on each parameter" not in page


def test_a_measurement_that_is_always_0_is_drawn_without_a_warning(make_record) -> None:
    records = [make_record(parameters={"n": n}, measurements=(Measurement(values={"errors": 0}),)) for n in (1, 2, 3)]
    assert "Errors against each parameter" in html.page(Subject("b", "measurement.errors"), records)


def test_many_parameters_make_several_charts(make_record) -> None:
    records = [make_record(parameters={"a": n, "b": -n, "c": n * n, "d": n % 2, "e": n % 3},
                           measurements=(row({}, 10.0 + n % 4),)) for n in range(6)]
    page = html.page(SUBJECT, records)
    assert len(re.findall(r"<svg[^>]*>", page)) == 4
    assert "a and b vary together" in page


def test_a_parameter_with_too_few_runs_says_so(make_record) -> None:
    page = html.page(SUBJECT, [make_record(parameters={"x": x}, measurements=(row({}, x),)) for x in (1, 2)])
    assert "2 points are too few for a line" in page


def test_the_terminal_has_a_compact_table_where_numbers_vary(runs, make_record) -> None:
    out = io.StringIO()
    Console(file=out, width=160).print(table.terminal(SUBJECT, runs))
    assert re.search(r"images per second +batchSize +format=tfrecord +9 +80\.0 +1\.00 +< 0\.001", out.getvalue())
    assert dependence.terminal(SUBJECT, [make_record(measurements=(row({}, 5),))]) is None


def test_the_files_hold_the_lines_and_averages(tmp_path, runs) -> None:
    files.write(tmp_path, SUBJECT, runs)
    lines = list(csv.DictReader((tmp_path / files.REGRESSIONS).read_text().splitlines()))
    assert [(one["parameter"], one["runs"], one["n"]) for one in lines] == [
        ("batchSize", "format=images", "9"), ("batchSize", "format=tfrecord", "9")]
    assert float(lines[1]["low"]) < 80 < float(lines[1]["high"])
    means = list(csv.DictReader((tmp_path / files.AVERAGES).read_text().splitlines()))
    assert [(one["value"], one["runs"], one["n"], one["how"]) for one in means[:2]] == [
        ("2", "format=images", "3", "all work / all time"), ("2", "format=tfrecord", "3", "all work / all time")]

"""The files that a report leaves."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from shapebench.api.record import Measurement, Reason, Times
from shapebench.report import files, html, runs_csv, table
from shapebench.report.subject import Subject

PROMISED = ("benchmark,shape,workers,cpu,block,repetition,phase,reason,verdict,duration_s,cost,cpu_seconds,"
            "network_receive_bytes,network_transmit_bytes,disk_read_bytes,disk_written_bytes")


@pytest.fixture
def records(make_record):
    rows = (Measurement(parameters={"pass": 1}, values={"images_per_second": 100.0}),
            Measurement(parameters={"pass": 2}, values={"images_per_second": 300.0}))
    found = [make_record("4x1", 3.0 + block / 10, block=block, parameters={"format": "tfrecord"}, measurements=rows,
                         cost=0.01, environment={"spark": "4.3.0", "node": f"n{block}"}) for block in range(4)]
    found += [make_record("2x2", 4.0 + block / 10, block=block, parameters={"format": "images"}, cost=0.02)
              for block in range(4)]
    found.append(make_record("1x4", None, parameters={"format": "images"}, reason=Reason.WRONG_ANSWER,
                             message="count is <999>, not 1000"))
    return found


def test_csv_has_the_promised_columns_first(records) -> None:
    header = runs_csv.text(records).splitlines()[0]
    assert header.startswith(f"{PROMISED},format,run,")
    assert header.endswith(",measurement_images_per_second")


def test_csv_has_a_row_for_each_run_and_leaves_unknown_fields_empty(records) -> None:
    rows = list(csv.DictReader(io.StringIO(runs_csv.text(records))))
    assert len(rows) == len(records)
    assert (rows[0]["verdict"], rows[0]["phase"], rows[0]["reason"]) == ("Warmup", "Succeeded", "")
    assert (rows[1]["format"], rows[1]["cost"], rows[1]["cpu_seconds"]) == ("tfrecord", "0.01", "12.5")
    assert rows[1]["measurement_images_per_second"] == "200.0"
    assert (rows[-1]["reason"], rows[-1]["duration_s"]) == ("WrongAnswer", "")


def test_csv_tells_queue_start_up_and_money_apart_from_the_measured_part(make_record) -> None:
    times = Times(created_s=1000.0, admitted_s=1060.0, started_s=1075.0, finished_s=1085.0)
    (row,) = csv.DictReader(io.StringIO(runs_csv.text([make_record(times=times, cost=0.01, cost_spent=0.025)])))
    assert [row[name] for name in ("queue_s", "startup_s", "cost", "cost_spent")] == ["60.0", "15.0", "0.01", "0.025"]


def test_a_parameter_called_as_a_column_gets_a_prefix(make_record) -> None:
    (row,) = csv.DictReader(io.StringIO(runs_csv.text([make_record(parameters={"block": True})])))
    assert (row["block"], row["parameter_block"]) == ("1", "true")


def test_in_the_table_too(make_record) -> None:
    names = {"Shape": "a", "n": 1, "duration": 2, "cpu": 3, "Range": 4, "median": 5}
    titles = [column.title for column in table.columns(Subject("b"), table.rows(
        Subject("b"), [make_record(parameters=names)]))]
    assert titles[:7] == ["shape", "parameter_Shape", "n", "duration", "parameter_cpu", "parameter_Range", "median"]
    assert len({title.lower() for title in titles}) == len(titles)


def test_json_comes_back_as_it_was(records) -> None:
    assert files.from_json(files.to_json(records)) == records
    assert files.from_json(files.to_json([])) == []


def test_write_leaves_all_three(tmp_path, records) -> None:
    report = files.write(tmp_path / "new", Subject("read-speed"), records)
    assert sorted(path.name for path in report.parent.iterdir()) == ["report.html", "runs.csv", "runs.json"]


def test_the_page_stands_alone_and_holds_the_facts(records) -> None:
    subject = Subject("read-speed", planned=9, facts=(("Workload", "Spark: <script>"),), remarks=("affinity only",))
    text = html.page(subject, records)
    for fact in ("4x1 with format=tfrecord was fastest", "WrongAnswer", "count is &lt;999&gt;, not 1000", "warm-up",
                 "Spark: &lt;script&gt;", "Affinity only", "images per second", "4.3.0", "differs: n0 | n1"):
        assert fact in text, fact
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert "@import" not in text
    assert "url(http" not in text


def test_every_chart_has_alternative_text_and_ids_of_its_own(records) -> None:
    text = html.page(Subject("read-speed"), records)
    charts = re.findall(r"<svg[^>]*>", text)
    assert len(charts) == 2
    assert all('role="img"' in chart and 'aria-label="' in chart for chart in charts)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(set(ids)) == len(ids)


def test_the_page_is_the_same_each_time(records) -> None:
    assert html.page(Subject("read-speed"), records) == html.page(Subject("read-speed"), records)


def test_the_page_closes_all_that_it_opens(records) -> None:
    class Balance(HTMLParser):
        open: list[str]

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "path", "use", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            if tag not in ("path", "use"):
                assert self.open.pop() == tag

    balance = Balance()
    balance.open = []
    balance.feed(html.page(Subject("read-speed"), records))
    assert balance.open == []


def test_without_a_valid_run_the_page_tells_the_failures(make_record) -> None:
    text = html.page(Subject("b"), [make_record(duration_s=None, reason=Reason.RUN_TIMEOUT, message="too slow")])
    assert "No run was valid" in text
    assert "too slow" in text
    assert "<svg" not in text


def test_a_memory_peak_that_is_only_sampled_is_a_lower_bound(make_record) -> None:
    usage = {"memory_peak_bytes": 123_000_000}
    for sampled, shown in ((True, ">≥ 123 MB<"), (False, ">123 MB<"), (None, ">123 MB<")):
        assert shown in html.page(Subject("b"), [make_record(usage=usage, memory_peak_is_sampled=sampled)])


def test_the_terminal_table_has_a_row_for_each_cell_best_first(records) -> None:
    out = io.StringIO()
    Console(file=out, width=160).print(table.terminal(Subject("read-speed"), records))
    text = out.getvalue()
    assert text.index("tfrecord ") < text.index("2x2 ") < text.index("1x4 ")
    for fact in ("3.20 s", "3.10 s … 3.30 s", "1.00×", "1.31×", "1 × WrongAnswer", "12.5 s", "1.50 kB"):
        assert fact in text, fact

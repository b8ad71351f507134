"""The queries of docs/how-to/results.md run over what an export writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shapebench.api.record import RunRecord, Verdict
from shapebench.report.export import writing
from shapebench.report.export.formats import Format, Table

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "results.md").read_text()
QUERIES = re.findall(r"^```python\n(import duckdb\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("query", "form", "told"), [
    pytest.param(QUERIES[0], Format.PARQUET, "2x1", id="runs-in-parquet"),
    pytest.param(QUERIES[1], Format.CSV, "1.0", id="series-in-csv"),
])
def test_a_query_answers(query: str, form: Format, told: str, records: list[RunRecord], tmp_path: Path,
                         monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    valid = [one.model_copy(update={"verdict": Verdict.VALID}) for one in records]
    writing.write(valid, tmp_path / "results", form, frozenset(Table))
    monkeypatch.chdir(tmp_path)
    exec(compile(query, "results.md", "exec"), {})
    assert told in capsys.readouterr().out

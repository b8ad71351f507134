"""What goes into the termination log, and how the record reaches its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapebench.agent import record
from shapebench.api.record import PodRecord
from shapebench.api.wire import TERMINATION_LOG_LIMIT_BYTES


def whole(rows: int = 0, message: str = "", facts: int = 0) -> dict[str, object]:
    return {
        "version": record.VERSION, "pod": "p", "role": "worker", "index": 0, "counters": "cgroup-v2",
        "agent_started_s": 1.5, "complete": True, "exit_code": 0, "message": message, "wrong_answer": None,
        "measurements": [json.dumps({"parameters": {"batch": n}, "values": {"rate": n * 1.25}}) for n in range(rows)],
        "environment": {f"fact {n}": "é" * 50 for n in range(facts)},
        "series": {"time_s": [1.0], "columns": {"cpu_seconds": [2.0]}},
    }


def test_a_short_record_loses_its_series_only() -> None:
    short = json.loads(record.totals(whole(rows=3, facts=1), TERMINATION_LOG_LIMIT_BYTES))
    assert short == {key: value for key, value in json.loads(record.as_json(whole(rows=3, facts=1))).items()
                     if key != "series"}


def test_measurements_go_first_and_it_is_said() -> None:
    short = PodRecord.model_validate_json(record.totals(whole(rows=500, facts=2), TERMINATION_LOG_LIMIT_BYTES))
    kept = len(short.measurements)
    assert 40 < kept < 500
    assert short.environment["truncated"] == f"{500 - kept} of 500 measurements"
    assert short.environment["fact 1"]


def test_rows_that_the_agent_left_out_are_among_the_missing() -> None:
    kept = whole(rows=500, facts=1) | {"measurements_left_out": 1000}
    short = PodRecord.model_validate_json(record.totals(kept, TERMINATION_LOG_LIMIT_BYTES))
    assert short.measurements_left_out == 1500 - len(short.measurements)
    assert short.environment["truncated"] == f"{short.measurements_left_out} of 1500 measurements"


def test_as_many_rows_as_fit() -> None:
    text = record.totals(whole(rows=500, facts=2), TERMINATION_LOG_LIMIT_BYTES)
    assert TERMINATION_LOG_LIMIT_BYTES - 60 < len(text) <= TERMINATION_LOG_LIMIT_BYTES


@settings(max_examples=40)
@given(st.integers(0, 200), st.text(max_size=6000), st.integers(0, 60))
def test_it_always_fits_and_is_always_a_record(rows: int, message: str, facts: int) -> None:
    text = record.totals(whole(rows, message, facts), TERMINATION_LOG_LIMIT_BYTES)
    assert len(text.encode()) <= TERMINATION_LOG_LIMIT_BYTES
    PodRecord.model_validate_json(text)


def test_a_record_file_is_written_whole_and_in_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "record.json"
    record.write_file(whole(), path)
    assert PodRecord.model_validate_json(path.read_text()).pod == "p"
    assert [p.name for p in path.parent.iterdir()] == ["record.json"]


@pytest.mark.parametrize("exists", [True, False])
def test_termination_log_only_where_the_kubelet_made_one(tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "termination-log"
    if exists:
        path.touch()
    assert record.write_termination_log(whole(), path, 4096) is exists
    assert path.exists() is exists

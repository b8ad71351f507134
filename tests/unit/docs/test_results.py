"""The reference of result files is what the columns say."""

from __future__ import annotations

from pathlib import Path

from shapebench.report.export import reference

ROOT = Path(__file__).parents[3]


def test_the_reference_is_current() -> None:
    assert (ROOT / "docs" / "reference" / "results.md").read_text() == reference.text() + "\n", (
        "run PYTHONPATH=operator python -m shapebench.report.export.reference docs/reference/results.md")

"""The examples for one machine: `shapebench run FILE`, with a real Spark and TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import brief
import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "manifests/examples/local").glob("*.yaml"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_local_example(example: Path, tmp_path: Path) -> None:
    benchmark = brief.benchmark(example)
    benchmark["spec"]["shapes"] = [max(benchmark["spec"]["shapes"], key=lambda shape: int(shape["workers"]))]
    file = tmp_path / example.name
    file.write_text(yaml.safe_dump(benchmark))
    done = subprocess.run([sys.executable, "-m", "shapebench", "run", str(file), "--output", str(tmp_path / "out")],
                          capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    (runs,) = (tmp_path / "out").rglob("runs.json")
    records = json.loads(runs.read_text())
    assert [record["phase"] for record in records] == ["Succeeded"]
    (record,) = records
    assert record["measurements"], "the job told what it measured"
    assert record["usage"]["cpu_seconds"] > 0
    assert list((tmp_path / "out").rglob("report.html"))

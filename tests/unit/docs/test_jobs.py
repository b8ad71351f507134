"""Every shipped job has a program, a page, and examples for a cluster and for this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import get_args

import pytest
import yaml

from shapebench.api import workload
from shapebench.api.benchmark import Benchmark

ROOT = Path(__file__).parents[3]
JOBS = (*get_args(workload.SparkJob), *get_args(workload.TensorFlowJob))


def jobs_of(pattern: str) -> set[str | None]:
    documents = [document for path in (ROOT / "manifests").glob(pattern)
                 for document in yaml.safe_load_all(path.read_text()) if document["kind"] == "Benchmark"]
    return {Benchmark.model_validate(document).spec.workload.program.job for document in documents}


@pytest.mark.parametrize("job", JOBS)
def test_the_program_is_there(job: str) -> None:
    assert importlib.util.find_spec(workload.job_module(job))


@pytest.mark.parametrize("job", JOBS)
def test_the_page_is_there_and_listed(job: str) -> None:
    assert (ROOT / f"docs/jobs/{job}.md").read_text().startswith(f"# {job}\n")
    assert f"({job}.md)" in (ROOT / "docs/jobs/README.md").read_text()


@pytest.mark.parametrize(("where", "pattern"), [("cluster", "examples/*.yaml"), ("local", "examples/*/*.yaml")])
def test_every_job_has_an_example(where: str, pattern: str) -> None:
    assert set(JOBS) <= jobs_of(pattern), where

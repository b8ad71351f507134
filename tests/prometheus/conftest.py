"""A real Prometheus with real runs in it: written remotely from their records, and scraped from the operator.

For tests in other folders too: `from prometheus.conftest import prometheus, real_runs, study, long_study`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from prometheus import lab, server
from prometheus.lab import Study
from prometheus.server import Prometheus

from shapebench.handlers.endpoints import Endpoints
from shapebench.metrics.registry import Metrics
from shapebench.remote_write.run import Choice, time_series

LONG = 600.0
"""What a run of three seconds is stretched by to become one of half an hour."""


@pytest.fixture(scope="session")
def real_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """By the Benchmark's name, which was created an hour ago, to the second, as an API server tells it."""
    made = (lab.benchmark(), lab.fine())
    created_s = float(int(time.time()) - 3600)
    records = lab.run_all(made, tmp_path_factory.mktemp("runs"))
    return {one.metadata.name: Study(one, its, created_s) for one, its in zip(made, records, strict=True)}


@pytest.fixture(scope="session")
def study(real_runs: dict[str, Study]) -> Study:
    """Four real runs of three seconds, a sample each second: the Benchmark read-speed."""
    return real_runs["read-speed"]


@pytest.fixture(scope="session")
def fine_study(real_runs: dict[str, Study]) -> Study:
    """A real run of three seconds, ten samples a second: the Benchmark read-fine."""
    return real_runs["read-fine"]


@pytest.fixture(scope="session")
def long_study(study: Study) -> Study:
    """The same as half an hour each: the Benchmark read-long, created a day ago."""
    name = "read-long"
    records = tuple(lab.stretched(record, LONG, name) for record in study.records)
    return Study(lab.benchmark(name), records, study.created_s - 86400)


@pytest.fixture(scope="session")
def prometheus(study: Study, long_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has both studies, written remotely, and scrapes an operator that has them."""
    metrics = Metrics(time.time)
    for one in (study, long_study):
        for body in one.bodies():
            metrics.board.saw(body)
    endpoints = Endpoints(metrics.text, lambda: None, 0)
    endpoints.start()
    scrape = {"job_name": "operator", "honor_labels": True,
              "static_configs": [{"targets": [f"127.0.0.1:{endpoints.port}"]}]}
    with server.running(tmp_path_factory.mktemp("prometheus"), [scrape]) as running:
        for one in (study, long_study):
            for run in one.finished:
                running.write(time_series(run, Choice(labels={"cluster": "test"})))
        server.until(lambda: running.targets() == {"operator": "up"}, "the operator is not scraped")
        yield running
    endpoints.stop()

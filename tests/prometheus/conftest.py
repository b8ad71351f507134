"""A real Prometheus with real runs in it: written remotely from their records, and scraped from the operator.

For tests in other folders too: `from prometheus.conftest import prometheus, study, long_study`.
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

HOUR_S, DAY_S = 3600, 86400


def recorded(name: str, created_ago_s: float) -> Study:
    """A recorded Benchmark whose runs ended just now; created on the second, as an API server tells it."""
    now_s = time.time()
    return Study(lab.benchmark(name), lab.recorded(name, now_s - 10), float(int(now_s - created_ago_s)))


@pytest.fixture(scope="session")
def study() -> Study:
    """Four real runs of three seconds, a sample each second, created an hour ago: the Benchmark read-speed."""
    return recorded(lab.SHORT, HOUR_S)


@pytest.fixture(scope="session")
def long_study() -> Study:
    """Four real runs of half an hour, created a day ago: the Benchmark read-long."""
    return recorded(lab.LONG, DAY_S)


@pytest.fixture(scope="session")
def fine_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A run of three seconds that this machine makes now, ten samples a second: the Benchmark read-fine."""
    made = lab.fine()
    return Study(made, lab.run(made, tmp_path_factory.mktemp("runs")), float(int(time.time()) - HOUR_S))


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

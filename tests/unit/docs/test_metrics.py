"""The reference of metrics names every family that the operator and the agent serve, and counts what they serve."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from shapebench.agent import exposition
from shapebench.agent.counters import Usage
from shapebench.agent.series import Sample
from shapebench.api.status import RunCounts
from shapebench.api.usage import Usage as RunUsage
from shapebench.handlers.record_mover import RecordMover
from shapebench.handlers.remote_metrics import RemoteMetrics
from shapebench.metrics.facts import FAMILIES
from shapebench.metrics.registry import Metrics
from shapebench.results.keeper import Keeper
from shapebench.results.stores import opened

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "metrics.md").read_text()
NAMED = set(re.findall(r"`(shapebench_\w+\*?)`", PAGE))


class Nowhere:
    """Records that nobody asks to move."""

    def move(self, namespace: str, name: str) -> str:
        raise AssertionError(f"{namespace}/{name}")


def operators(folder: Path) -> set[str]:
    """What a scrape of the operator gets, with a results store and remote write, and what objects would add."""
    metrics = Metrics(time.time)
    RemoteMetrics(metrics.registry, time.monotonic).count_pending(lambda: 0)
    metrics.registry.register(Keeper(folder.as_uri(), opened(folder.as_uri())).writes)
    RecordMover(Nowhere(), metrics.registry)
    families = {one.name + ("_total" if one.type == "counter" else "")
                for one in parser.text_string_to_metric_families(metrics.text().decode())}
    return families | set(FAMILIES)


def agents() -> set[str]:
    sample = Sample(1.0, Usage(*range(1, len(Usage._fields) + 1)), 5, 6, 7)
    text = exposition.render(exposition.PodCollector({"run": "r"}, lambda: sample)).decode()
    return {one.name + ("_total" if one.type == "counter" else "")
            for one in openmetrics.text_string_to_metric_families(text)}


def unnamed(served: Iterable[str]) -> list[str]:
    stems = tuple(name[:-1] for name in NAMED if name.endswith("*"))
    return sorted(name for name in served if name.startswith("shapebench_") and name not in NAMED
                  and not (name.startswith((
                      "shapebench_run_usage_", "shapebench_run_measured_usage_", "shapebench_run_lost_usage_"))
                           and name.startswith(stems)) and not name.endswith("_created"))


def test_every_family_of_the_operator_is_in_the_page(tmp_path: Path) -> None:
    served = operators(tmp_path)
    assert {"shapebench_results_writes_total", "shapebench_results_moves_total",
            "shapebench_remote_write_runs_total"} <= served
    assert unnamed(served) == []


def test_every_family_of_the_agent_is_in_the_page() -> None:
    served = agents()
    assert len(served) == 13
    assert unnamed(served) == []


def test_how_many_series_a_run_has_is_in_the_page() -> None:
    """All of its families but measurements and flags, which are as many as they are."""
    lost = len(RunUsage.model_fields)
    most = sum(name.startswith("shapebench_run_") for name in FAMILIES) - len({"measurement", "flag"})
    assert f"| a run, scraped from the operator | {most - lost}, or {most} with lost attempts, + measurements" in PAGE


def test_the_states_of_runs_are_in_the_page() -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith("| `shapebench_benchmark_runs`"))
    states = re.sub(r"\([^)]*\)", "", line.split("`state`:")[1])
    assert re.findall(r"[a-z]+", states) == list(RunCounts.model_fields)
    families = len([name for name in FAMILIES if name.startswith("shapebench_benchmark_")]) - 1
    assert f"| a Benchmark, scraped from the operator | {len(RunCounts.model_fields) + families} |" in PAGE

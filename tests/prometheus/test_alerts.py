"""The chart's alerts: what promtool says of them, when they fire, and that they ask for series that there are."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from prometheus.server import ROOT, Prometheus, promtool

RULES = ROOT / "helm/shapebench/files/prometheus/rules.yaml"
TESTS = Path(__file__).with_name("rules_test.yaml")


def test_promtool_finds_no_fault_with_the_rules() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    for file in (RULES, TESTS):
        shutil.copy(file, tmp_path)
    tested = promtool("test", "rules", str(tmp_path / TESTS.name))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_tested() -> None:
    alerts = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    tested = {one["alertname"] for test in yaml.safe_load(TESTS.read_text())["tests"]
              for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert tested == alerts


@pytest.fixture(scope="module")
def offered() -> set[str]:
    """The names in docs/reference/metrics.md."""
    page = (ROOT / "docs/reference/metrics.md").read_text()
    return set(re.findall(r"`(shapebench_\w+)`", page)) | {"shapebench_reconcile_seconds_count"}


def test_alerts_ask_for_what_there_is(offered: set[str]) -> None:
    asked = {name for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
             for name in re.findall(r"shapebench_\w+", rule["expr"])}
    assert asked <= offered


def test_the_reference_has_every_name_that_there_is(prometheus: Prometheus, offered: set[str]) -> None:
    """Written remotely and scraped; the families of a run's usage stand there as one."""
    names = prometheus.names()
    assert "shapebench_aligned_cpu_seconds_total" in names
    known = {name for name in names if name.startswith("shapebench_")
             and not re.search("^shapebench_run_(measured_)?usage_|_(bucket|sum|created)$", name)}
    assert known - offered == set()

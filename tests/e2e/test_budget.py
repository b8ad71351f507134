"""Money on a real cluster: what is spent is time for which nodes are held, and the budget stops new runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import KUBECONFIG, ROOT, Cluster, python_benchmark, until

pytestmark = pytest.mark.alone

BUDGET = 40.0
"""At the price of 1 a second: just what the limits allow the first run, of which nothing is known."""


def frugal() -> dict[str, Any]:
    shape = {"name": "one", "workers": 1, "cpu": "500m", "memory": "256Mi", "pricePerHour": "3600"}
    return python_benchmark("frugal", "import time; time.sleep(3)", shapes=[shape],
                            repetitions={"count": 30, "warmups": 0},
                            limits={"startTimeout": "30s", "runTimeout": "10s", "budget": f"{BUDGET:g}"})


def test_the_budget_stops_new_runs_and_a_larger_one_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    body = frugal()
    cluster.apply(body)
    cluster.wait("Succeeded", "bm/frugal")
    status = cluster.get("bm", "frugal")["status"]
    (condition,) = (one for one in status["conditions"] if one["type"] == "Succeeded")
    assert condition["reason"] == "BudgetReached"
    assert "runs were not made; raise limits.budget" in condition["message"]
    runs = [run["status"] for run in cluster.items("bmr")]
    assert status["runs"]["skipped"] == 30 - len(runs) > 0
    spent = [run["costSpent"] for run in runs]
    assert abs(status["costSpent"] - sum(spent)) < 0.001
    assert sum(spent) < BUDGET + max(spent), "no more than the last run's surprise"
    assert sum(spent) + max(spent) > BUDGET, "and not sooner than it had to"
    for run in runs:
        held_at_most_s = run["times"]["finishedS"] - run["times"]["createdS"] + 5.0
        assert 3.0 <= run["cost"] < run["costSpent"] + 1.0, "kubelets tell whole seconds"
        assert run["costSpent"] < held_at_most_s, "waiting for a node is not paid for"
    assert sum(run["cost"] for run in runs) < sum(spent), "start-up is paid for"

    body["spec"]["limits"]["budget"] = f"{sum(spent) + 1.5 * max(spent):.3f}"
    cluster.apply(body)
    until(lambda: len(cluster.items("bmr")) > len(runs))
    cluster.wait("Succeeded", "bm/frugal")

    file = tmp_path / "frugal.json"
    file.write_text(json.dumps(body))
    plan = subprocess.run([sys.executable, "-m", "shapebench", "plan", str(file), "--from", "frugal", "-n",
                           cluster.namespace], text=True, capture_output=True, check=True,
                          env=os.environ | {"KUBECONFIG": KUBECONFIG, "PYTHONPATH": str(ROOT / "operator")})
    assert "runs on a cluster (frugal)" in plan.stdout
    assert "is enough for about" in plan.stdout

"""What one machine cannot do: a program that only a pod would have."""

from __future__ import annotations

from typing import Any

import pytest

from shapebench.api.benchmark import Benchmark
from shapebench.local import remarks

SCRIPTS = {"name": "scripts", "mountPath": "/scripts/", "configMap": {"name": "mine"}}


def problems(workload: dict[str, Any], *here: str) -> tuple[str, ...]:
    benchmark = Benchmark.model_validate({"metadata": {"name": "own"}, "spec": {
        "workload": workload, "volumes": [SCRIPTS],
        "shapes": [{"name": "a", "workers": 1, "cpu": "1", "memory": "1Gi"}]}})
    return remarks.problems(benchmark, here.__contains__)


@pytest.mark.parametrize(("workload", "told"), [
    pytest.param({"spark": {"application": "/scripts/own.py"}},
                 "spec.workload.spark.application: /scripts/own.py is in the volume scripts", id="spark-in-a-volume"),
    pytest.param({"tensorflow": {"command": ["python3", "/scripts/in/own"]}},
                 "spec.workload.tensorflow.command[1]: /scripts/in/own is in the volume scripts", id="in-a-volume"),
    pytest.param({"tensorflow": {"command": ["python3", "/opt/own.py"], "image": "own:1"}},
                 "spec.workload.tensorflow.command[1]: /opt/own.py is not on this machine", id="in-an-image"),
    pytest.param({"tensorflow": {"command": ["python3", "-u", "/opt/own.py", "/scripts/in"]}},
                 "spec.workload.tensorflow.command[2]: /opt/own.py is not on this machine", id="behind-an-option"),
    pytest.param({"tensorflow": {"command": ["/scripts/own", "-c", "/scripts/in"]}},
                 "spec.workload.tensorflow.command[0]: /scripts/own is in the volume scripts", id="the-program-itself"),
])
def test_a_script_that_is_not_here_is_named_with_the_fix(workload: dict[str, Any], told: str) -> None:
    (problem,) = problems(workload)
    assert problem.startswith(told)
    assert problem.endswith("give the path of a script that is here")


@pytest.mark.parametrize(("workload", "here"), [
    pytest.param({"spark": {"application": "/scripts/own.py"}}, ["/scripts/own.py"], id="here-under-the-same-path"),
    pytest.param({"spark": {"job": "read-speed"}}, [], id="shipped"),
    pytest.param({"tensorflow": {"command": ["python3", "own.py", "--out=/scripts"]}}, [], id="no-absolute-path"),
    pytest.param({"tensorflow": {"command": ["python3", "/home/own.py", "/to/be/made"]}}, ["/home/own.py"],
                 id="a-place-to-write-to"),
    pytest.param({"tensorflow": {"command": ["python3", "-c", "pass"]}}, [], id="no-script"),
    pytest.param({"tensorflow": {"command": ["python3", "/home/own.py", "/scripts"]}}, ["/home/own.py"],
                 id="a-volume-as-an-argument"),
    pytest.param({"tensorflow": {"command": ["python3", "own.py", "--out", "/scripts/out"]}}, [],
                 id="an-options-value"),
    pytest.param({"tensorflow": {"command": ["python3", "own.py", "/home/new/made.py"]}}, [], id="a-program-to-write"),
    pytest.param({"tensorflow": {"command": ["/home/own.py", "/scripts"]}}, ["/home/own.py"], id="a-script-itself"),
    pytest.param({"tensorflow": {"command": ["bash", "-lc", "/scripts/own --all"]}}, [], id="code-for-a-shell"),
    pytest.param({"tensorflow": {"command": ["python3", "-u", "-m", "own", "/scripts/in"]}}, [], id="a-module"),
])
def test_what_can_run_here_is_no_problem(workload: dict[str, Any], here: list[str]) -> None:
    assert problems(workload, *here) == ()

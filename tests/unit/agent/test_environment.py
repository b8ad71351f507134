"""What a record says of the machine and of what is installed there, without a word from the program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from shapebench.agent import cgroup, environment, software
from shapebench.agent.sources import Paths
from shapebench.api import wire

V1, V2 = {"self/cgroup": "2:cpu,cpuacct:/pod\n"}, {"self/cgroup": "0::/pod\n"}


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(("files", "expected"), [
    pytest.param({"cgroup.controllers": "cpu", "cpu.max": "150000 100000\n"}, (1.5, 0.1), id="v2-in-a-container"),
    pytest.param({"cgroup.controllers": "cpu", "pod/cpu.max": "5000 10000\n", "cpu.max": "max 100000"}, (0.5, 0.01),
                 id="v2-below-the-mount"),
    pytest.param({"cgroup.controllers": "cpu", "cpu.max": "max 100000\n"}, None, id="v2-without-limit"),
    pytest.param({"cgroup.controllers": ""}, None, id="v2-without-controller"),
    pytest.param({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, (0.5, 0.1), id="v1"),
    pytest.param({"cpu,cpuacct/cpu.cfs_quota_us": "200000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, (2.0, 0.1),
                 id="v1-two-controllers-in-one-mount"),
    pytest.param({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None, id="v1-without-limit"),
    pytest.param({}, None, id="nothing-mounted"),
])
def test_the_groups_cpu_limit(tmp_path: Path, files: dict[str, str], expected: tuple[float, float] | None) -> None:
    root = tree(tmp_path / "cgroup", files) if files else tmp_path
    proc = tree(tmp_path / "proc", V2 if "cgroup.controllers" in files else V1)
    found = cgroup.cpu_limit(root, proc)
    assert found == (expected and pytest.approx(expected))
    facts = environment.describe(Paths(root, proc, tmp_path), "cgroup-v2", "n1")
    assert facts["cpu_limit"] == (f"{expected[0]:g}" if expected else "")
    assert facts["cpu_period_s"] == (f"{expected[1]:g}" if expected else "")
    assert facts["cgroup"] == ("v2" if "cgroup.controllers" in files else "v1" if files else "")


JAVA = 'IMPLEMENTOR="X"\nJAVA_VERSION="17.0.15"\n'


def test_spark_and_java_are_told_by_their_folders(tmp_path: Path) -> None:
    tree(tmp_path, {"spark/jars/spark-core_2.13-4.3.0.jar": "", "spark/jars/spark-sql_2.13-9.9.jar": "",
                    "java/release": JAVA})
    found = software.installed(wire.ROLE_DRIVER, {"SPARK_HOME": f"{tmp_path}/spark", "JAVA_HOME": f"{tmp_path}/java"})
    assert (found["spark"], found["java"]) == ("4.3.0", "17.0.15")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


def test_java_is_found_by_the_path_too(tmp_path: Path) -> None:
    tree(tmp_path, {"jvm/bin/java": "", "jvm/release": JAVA})
    (tmp_path / "jvm/bin/java").chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").symlink_to(tmp_path / "jvm/bin/java")
    assert software.installed(wire.ROLE_EXECUTOR, {"PATH": f"{tmp_path}/bin"})["java"] == "17.0.15"


def test_packages_are_told_by_their_folders_and_the_first_one_counts(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b/tensorflow-1.0.0.dist-info/x", "a/tensorflow_cpu-2.21.0.dist-info/x", "a/keras-3.15.1.dist-info/x",
                 "a/pyspark-4.3.0.dist-info/x", "a/tensorflow_estimator-9.0.dist-info/x"):
        tree(tmp_path, {name: ""})
    monkeypatch.setattr(sys, "path", [str(tmp_path / name) for name in ("missing", "a", "b")])
    found = software.installed(wire.ROLE_WORKER, {})
    assert (found["tensorflow"], found["keras"]) == ("2.21.0", "3.15.1")
    assert "spark" not in found, "installed, and no matter of this role's"
    nothing = software.installed(wire.ROLE_DRIVER, {"SPARK_HOME": "/nowhere", "PATH": "/nowhere"})
    assert nothing == {"python": found["python"], "spark": "4.3.0"}


def test_a_python_that_came_with_the_agent_is_not_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", wire.AGENT_PYTHON_DIR)
    assert software.installed(wire.ROLE_WORKER, {"PATH": "/nowhere"}) == {}
    tree(tmp_path, {"opt/bin/python3.8": "", "opt/lib/python3.8/site-packages/tensorflow-2.13.1.dist-info/x": ""})
    (tmp_path / "opt/bin/python3.8").chmod(0o755)
    (tmp_path / "opt/bin/python3").symlink_to("python3.8")
    assert software.installed(wire.ROLE_WORKER, {"PATH": f"{tmp_path}/opt/bin"}) == {
        "python": "3.8", "tensorflow": "2.13.1"}


@pytest.mark.parametrize(("files", "env", "expected"), [
    pytest.param({"venv/lib/python3.12/site-packages/keras-3.1.0.dist-info/x": "",
                  "venv/pyvenv.cfg": "include-system-site-packages = false\n",
                  "usr/lib/python3.12/site-packages/keras-1.0.dist-info/x": ""},
                 {"PATH": "venv/bin"}, {"python": "3.12", "keras": "3.1.0"}, id="a-venv-on-the-path"),
    pytest.param({"venv/lib/python3.12/site-packages/keras-3.1.0.dist-info/x": ""},
                 {"VIRTUAL_ENV": "venv"}, {"python": "3.12", "keras": "3.1.0"}, id="a-venv-by-name"),
    pytest.param({"usr/lib/python3/dist-packages/keras-3.2.0.dist-info/x": ""},
                 {"PATH": "venv/bin"}, {"python": "3.12", "keras": "3.2.0"}, id="debians-packages-below-a-venv"),
    pytest.param({"venv/pyvenv.cfg": "include-system-site-packages = false\n",
                  "usr/lib/python3/dist-packages/keras-3.2.0.dist-info/x": ""},
                 {"PATH": "venv/bin"}, {"python": "3.12"}, id="a-closed-venv-without"),
    pytest.param({"plain/bin/python3": "", "plain/lib/python3.9/site-packages/keras-2.0.0.dist-info/x": ""},
                 {"PATH": "plain/bin"}, {"python": "3.9", "keras": "2.0.0"}, id="a-program-without-a-version"),
])
def test_the_images_packages_are_found_from_a_bundled_python(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], env: dict[str, str],
        expected: dict[str, str]) -> None:
    monkeypatch.setattr(sys, "prefix", wire.AGENT_PYTHON_DIR)
    tree(tmp_path, {"usr/bin/python3.12": "", "venv/bin/activate": "", **files})
    (tmp_path / "venv/bin/python3").symlink_to(tmp_path / "usr/bin/python3.12")
    for name in ("usr/bin/python3.12", "plain/bin/python3"):
        if (tmp_path / name).exists():
            (tmp_path / name).chmod(0o755)
    assert software.installed(wire.ROLE_WORKER, {key: f"{tmp_path}/{value}" for key, value in env.items()}) == expected

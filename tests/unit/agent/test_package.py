"""The zipapp: same bytes every time, nothing but what it needs."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from shapebench.agent import package
from shapebench.api.record import PodRecord


def test_same_sources_same_bytes(tmp_path: Path, agent_file: Path) -> None:
    package.build(tmp_path / "again.pyz")
    assert (tmp_path / "again.pyz").read_bytes() == agent_file.read_bytes()


def test_contents(agent_file: Path) -> None:
    names = zipfile.ZipFile(agent_file).namelist()
    assert {"__main__.py", "shapebench/api/wire.py", "shapebench/agent/lifecycle.py",
            "prometheus_client/metrics_core.py", "prometheus_client/LICENSE"} <= set(names)
    assert not [n for n in names if n.startswith("shapebench/") and "record.py" in n and "agent" not in n]
    assert agent_file.stat().st_size < 300_000


def test_it_starts_without_site_packages_and_imports_nothing_heavy(agent_file: Path) -> None:
    code = ("import runpy, sys\n"
            f"sys.argv = ['agent', '--help']\n"
            f"try: runpy.run_path({str(agent_file)!r}, run_name='__main__')\n"
            "except SystemExit: pass\n"
            "print(sorted({'pydantic', 'ssl', 'http.server', 'email', 'dataclasses', 'prometheus_client', 'asyncio',"
            " 'subprocess'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "SHAPEBENCH_RECORD_FILE" in done.stdout


def test_no_source_has_syntax_that_python_3_9_lacks(agent_file: Path) -> None:
    archive = zipfile.ZipFile(agent_file)
    for name in archive.namelist():
        if name.endswith(".py"):
            ast.parse(archive.read(name), name, feature_version=(3, 9))


def real_python(version: str) -> str | None:
    """The interpreter itself: what lies in PATH may be a version manager's script."""
    found = shutil.which(f"python{version}")
    command = [found or "false", "-c", "import sys; print(sys.executable)"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


@pytest.mark.parametrize(("version", "python"), [
    (version, python) for version in ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
    if (python := real_python(version)) is not None])
def test_it_runs_on_this_python(agent_file: Path, tmp_path: Path, version: str, python: str) -> None:
    """Every interpreter that is on this machine: at least the tests' own."""
    env = {"SHAPEBENCH_METRICS_PORT": "0", "SHAPEBENCH_RECORD_FILE": str(tmp_path / "r.json"), "PATH": os.defpath}
    done = subprocess.run([python, "-I", "-S", str(agent_file), "--", "sh", "-c", "exit 3"], env=env, check=False)
    assert done.returncode == 3
    record = PodRecord.model_validate_json((tmp_path / "r.json").read_text())
    assert record.environment["agent_python"].startswith(version)


def test_it_is_executable(agent_file: Path) -> None:
    assert os.access(agent_file, os.X_OK)
    assert agent_file.read_bytes().startswith(b"#!/usr/bin/env python3\n")

"""The zipapp: same bytes every time, nothing but what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from shapebench.agent import package


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


def test_it_is_executable(agent_file: Path) -> None:
    assert os.access(agent_file, os.X_OK)
    assert agent_file.read_bytes().startswith(b"#!/usr/bin/env python3\n")

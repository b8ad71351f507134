"""The command that is named in usage lines and hints works where it is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shapebench.cli import started

OPERATOR = Path(__file__).parents[3] / "operator"
MODULE = str(OPERATOR / "shapebench" / "__main__.py")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the script that `make setup` leaves, as the folder where somebody types."""
    (tmp_path / "project/.venv/bin").mkdir(parents=True)
    script = tmp_path / "project/.venv/bin/shapebench"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("PATH", os.defpath)
    return tmp_path / "project"


@pytest.mark.parametrize(("program", "typed", "told"), [
    pytest.param(MODULE, "{here}/.venv/bin/python", ".venv/bin/shapebench", id="script-of-make-setup"),
    pytest.param("{here}/.venv/bin/shapebench", "{here}/.venv/bin/python", ".venv/bin/shapebench", id="console-script"),
    pytest.param(MODULE, ".venv/bin/python", ".venv/bin/python -m shapebench", id="module"),
    pytest.param(MODULE, "python3", "python3 -m shapebench", id="module-of-the-path"),
    pytest.param(MODULE, "/usr/bin/python3", "/usr/bin/python3 -m shapebench", id="module-of-an-interpreter-without"),
    pytest.param("/work/.venv/bin/pytest", "python", "shapebench", id="inside-another-program"),
])
def test_it_is_what_was_typed(project: Path, program: str, typed: str, told: str) -> None:
    assert started.of(program.format(here=project), [typed.format(here=project)]) == told


def test_it_is_the_name_alone_where_the_shell_finds_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{project / '.venv/bin'}")
    assert started.of(MODULE, [f"{project / '.venv/bin/python'}"]) == "shapebench"


def test_from_elsewhere_it_is_the_shorter_path(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = project / ".venv/bin/shapebench"
    monkeypatch.chdir(script.parent)
    assert started.of(str(script), ["python"]) == "./shapebench"
    monkeypatch.chdir("/")
    assert started.of(str(script), ["python"]) in (str(script), str(script).removeprefix("/"))


def test_usage_lines_name_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "shapebench", "run"], text=True, capture_output=True, check=False,
                          cwd=tmp_path, timeout=60, env={**os.environ, "PYTHONPATH": str(OPERATOR)})
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Usage: ")]
    name = line.removeprefix("Usage: ").partition(" run ")[0]
    again = subprocess.run(f"{name} --version", shell=True, text=True, capture_output=True, check=False,
                           cwd=tmp_path, timeout=60, env={**os.environ, "PYTHONPATH": str(OPERATOR)})
    assert again.returncode == 0, again.stderr

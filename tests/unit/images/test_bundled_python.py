"""The Python that is brought into images without one: it starts by its own linker and runs the agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shapebench.agent import package
from shapebench.build import pod

_SCRIPT = Path(__file__).parents[3] / "images/operator/bundle-python.sh"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, beside the agent, as an init container leaves both."""
    folder = tmp_path_factory.mktemp("bundled")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", str(_SCRIPT), str(folder / "python")], check=True, env=environment, timeout=100)
    package.build(folder / "agent.pyz")
    return folder


def _started(bundle: Path, program: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line of a pod, at this place, with nothing in the environment but what is given."""
    words = [word.replace("/shapebench/agent", str(bundle)) for word in pod.BUNDLED_AGENT]
    return subprocess.run([*words, "--", *program], env=environment | {"SHAPEBENCH_METRICS_PORT": "0"},
                          capture_output=True, text=True, timeout=60)


def test_the_agent_runs_its_program_and_leaves_a_record(bundle: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    done = _started(bundle, ["/bin/sh", "-c", "echo $GREETING; exit 3"], GREETING="hello",
                    SHAPEBENCH_RECORD_FILE=str(record))
    assert (done.returncode, done.stdout.strip()) == (3, "hello")
    assert "libgcc" not in done.stderr
    assert json.loads(record.read_text())["exit_code"] == 3


def test_an_image_s_own_python_settings_do_not_reach_it(bundle: Path) -> None:
    done = _started(bundle, ["/bin/sh", "-c", "echo $PYTHONHOME"], PYTHONHOME="/opt/other", PYTHONPATH="/opt/other")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "/opt/other"), done.stderr


def test_it_needs_no_library_from_outside(bundle: Path) -> None:
    """ldd of each file, resolved by the bundle's linker in its own folder alone."""
    for file in [bundle / "python/bin/python3", *(bundle / "python").rglob("*.so")]:
        listed = subprocess.run([str(bundle / "python/ld.so"), "--inhibit-cache", "--library-path",
                                 str(bundle / "python/lib"), "--list", str(file)],
                                capture_output=True, text=True, check=True, env={}).stdout
        outside = [line for line in listed.splitlines() if "=> /" in line and str(bundle) not in line
                   and "ld-linux" not in line]
        assert outside == [], file

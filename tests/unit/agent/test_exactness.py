"""A life of one second whose use is known, in real control groups and by its processes (longer ones: tests/bench)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import exactness
import own_pod
import pytest

from shapebench.agent import framing
from shapebench.api.record import PodRecord


@pytest.mark.parametrize("version", [pytest.param("v1", id="cgroup v1"), pytest.param("v2", id="cgroup v2"),
                                     pytest.param(None, id="processes")])
def test_what_is_counted_is_what_was_used(agent_file: Path, tmp_path: Path, version: str | None) -> None:
    lacking = own_pod.missing(version, network=version is not None)
    if version is not None and lacking:
        pytest.skip(lacking)
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True)
    if kind.stdout.strip() in ("tmpfs", "ramfs"):
        pytest.skip("the temporary folder is in memory")
    record, figures = exactness.live(agent_file, 1.0, tmp_path, version)
    told = {figure.name: figure.error for figure in figures if figure.error is not None}
    assert {name: error for name, error in told.items() if abs(error) > exactness.BOUNDS[name]} == {}
    assert {"cpu", "measured cpu", "disk read", "disk written"} <= told.keys()
    if version == "v1":
        assert told.keys() == exactness.BOUNDS.keys(), "nothing is left out"
    assert record.surroundings is not None
    around = record.surroundings
    assert around.node_cpu_seconds + around.node_steal_seconds >= 0.4, "the measured part's, this program's included"


SPIN = "import time\nwhile time.process_time() < 0.3: pass"


def test_a_cpu_limit_that_cuts_in_is_seen(agent_file: Path) -> None:
    lacking = own_pod.missing("v1", network=False)
    if lacking:
        pytest.skip(lacking)
    # Periods shorter than what a busy machine gives a program at a time, so that the limit cuts in there, too.
    with own_pod.place("v1", limit_cores=0.2, period_us=10_000) as place:
        done = subprocess.run([*place.prefix, sys.executable, "-I", str(agent_file), "--", sys.executable, "-c", SPIN],
                              env={"SHAPEBENCH_COUNTERS": "cgroup", "SHAPEBENCH_METRICS_PORT": "0"},
                              capture_output=True, text=True, check=True)
    found = framing.decode(done.stdout)
    assert found is not None
    record = PodRecord.model_validate(found)
    assert record.usage.cpu_throttled_seconds > 0.2
    around = record.surroundings
    assert around is not None
    assert 40 <= around.cpu_throttled_periods <= around.cpu_periods <= around.window_s / 0.01 + 2


PEAK = """
import json, mmap, os, time
def mark(event):
    with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
        file.write(json.dumps({"event": event, "monotonic_s": time.monotonic()}) + "\\n")
    time.sleep(0.3)
def hold(mib, seconds):
    block = mmap.mmap(-1, mib << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, len(block), mmap.PAGESIZE): block[at] = 1
    time.sleep(seconds)
    block.close()
hold(START_UP, 0)
mark("measured-started")
hold(200, 0.8)
mark("measured-finished")
"""


@pytest.mark.parametrize(("start_up_mib", "sampled"), [
    pytest.param(300, True, id="start-up needed more"), pytest.param(100, False, id="start-up needed less")])
def test_the_measured_parts_memory_peak(agent_file: Path, start_up_mib: int, sampled: bool) -> None:
    """A burst of memory between two samples of 30 s."""
    lacking = own_pod.missing("v1", network=False)
    if lacking:
        pytest.skip(lacking)
    env = {"SHAPEBENCH_COUNTERS": "cgroup", "SHAPEBENCH_METRICS_PORT": "0", "SHAPEBENCH_SAMPLE_INTERVAL_S": "30"}

    def lived() -> subprocess.CompletedProcess[str]:
        with own_pod.place("v1") as place:
            return subprocess.run([*place.prefix, sys.executable, "-I", str(agent_file), "--", sys.executable, "-c",
                                   PEAK.replace("START_UP", str(start_up_mib))],
                                  env=env, capture_output=True, text=True, check=True)

    done = exactness.heard_in_time(lived, lambda one: exactness.HEARD_LATE in one.stderr)
    found = framing.decode(done.stdout)
    assert found is not None
    record = PodRecord.model_validate(found)
    assert (record.memory_peak_is_sampled, record.measured_memory_peak_is_sampled) == (False, sampled)
    assert 200 <= record.measured_usage.memory_peak_bytes / (1 << 20) < 220
    assert record.usage.memory_peak_bytes / (1 << 20) >= max(200, start_up_mib)

"""What is left when the agent is killed with its program: the totals of a moment before, marked as such."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import own_pod
import pytest

from shapebench.api.record import PodRecord
from shapebench.api.wire import TERMINATION_LOG_LIMIT_BYTES

BURNS = "import time\nprint('ready', flush=True)\nwhile True: pass"


def test_a_killed_agent_leaves_its_last_totals(start, python, tmp_path: Path, eventually) -> None:
    log = tmp_path / "termination-log"
    log.touch()

    def read() -> PodRecord:
        return PodRecord.model_validate_json(log.read_text())

    running = start(*python(BURNS), env={"SHAPEBENCH_INDEX": "3"}, options=("--termination-log", str(log)))
    running.wait_for("ready")
    began_s = time.time()
    eventually(lambda: (record := read()).last_reading_s > began_s and record.usage.cpu_seconds > 0.1)
    record = read()
    read_s = time.time()
    [child] = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    running.process.kill()
    os.kill(int(child), signal.SIGKILL)
    assert (record.complete, record.exit_code, record.signal, record.oom_killed) == (False, 137, 9, False)
    assert (record.role, record.index) == ("worker", 3)
    assert "killed before its end" in record.message
    assert record.program_finished_s is record.measured_usage is None
    assert began_s < record.last_reading_s < read_s
    lived_s = record.last_reading_s - record.program_started_s
    assert 0.1 < record.usage.cpu_seconds <= lived_s + 0.05
    assert record.surroundings.boot_id
    assert record.surroundings.window_s is None, "read at its ends alone"
    assert record.series.time_s == ()


def test_the_first_checkpoint_is_there_before_the_program_can_do_harm(start, python, tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    running = start(*python(BURNS), options=("--termination-log", str(log)))
    running.wait_for("ready")
    complete = PodRecord.model_validate_json(log.read_text()).complete
    running.process.terminate()
    running.finish()
    assert complete is False


def test_the_last_word_is_whole_and_nothing_of_a_checkpoint_is_left_behind(run, python, tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    result = run(*python("import time; time.sleep(1.2)"), options=("--termination-log", str(log)))
    assert not log.read_text().endswith(" ")
    found = PodRecord.model_validate_json(log.read_text())
    assert (found.complete, found.exit_code, found.message) == (True, 0, "")
    assert result.record.complete
    assert result.record.last_reading_s >= result.record.program_finished_s


def test_measurements_are_in_it(start, python, tmp_path: Path, eventually) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    running = start(*python("""
        import json, os, time
        with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
            for n in range(3000):
                print(json.dumps({"event": "measurement", "parameters": {"n": n}, "values": {"rate": n}}), file=file)
        time.sleep(30)
    """), options=("--termination-log", str(log)))
    eventually(lambda: "of 3000 measurements" in log.read_text())
    record = PodRecord.model_validate_json(log.read_text())
    running.process.terminate()
    running.finish()
    assert (len(record.measurements) > 50, record.complete) == (True, False)
    assert log.stat().st_size <= TERMINATION_LOG_LIMIT_BYTES


def test_a_record_file_has_checkpoints_too(start, python, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    running = start(*python(BURNS), env={"SHAPEBENCH_RECORD_FILE": str(file)})
    running.wait_for("ready")
    complete = PodRecord.model_validate_json(file.read_text()).complete
    running.process.terminate()
    running.finish()
    assert complete is False
    assert PodRecord.model_validate_json(file.read_text()).complete is True


def test_checkpoints_are_not_the_programs_writing(run, python, tmp_path: Path) -> None:
    """Each is a new file's page in the local backend."""
    usage = run(*python("import time; time.sleep(2.2)"),
                env={"SHAPEBENCH_RECORD_FILE": str(tmp_path / "record.json")})
    record = PodRecord.model_validate_json((tmp_path / "record.json").read_text())
    assert usage.code == 0
    assert record.usage.disk_written_bytes == 0


def test_a_real_out_of_memory_kill(agent_file: Path, tmp_path: Path) -> None:
    """With cgroup v1 the kernel takes the largest process alone, and the agent is there to tell."""
    lacking = own_pod.missing("v1", network=False)
    if lacking:
        pytest.skip(lacking)
    log = tmp_path / "termination-log"
    log.touch()
    grows = "block = []\nwhile True: block.append(bytearray(4 << 20))"
    with own_pod.place("v1", limit_bytes=96 << 20) as place:
        done = subprocess.run([*place.prefix, sys.executable, "-I", str(agent_file), "--termination-log", str(log),
                               "--", sys.executable, "-c", grows],
                              env={"SHAPEBENCH_COUNTERS": "cgroup", "SHAPEBENCH_METRICS_PORT": "0"},
                              capture_output=True, text=True, timeout=60, check=False)
    record = PodRecord.model_validate_json(log.read_text())
    assert done.returncode == 137, done.stderr
    assert (record.complete, record.oom_killed, record.message) == (
        True, True, "the kernel killed the program: out of memory")
    assert 0.6 * (96 << 20) < record.usage.memory_peak_bytes < 96 << 20, "the rest is the agent's"

"""The program as the agent's child: exit codes, signals, orphans, what the record says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shapebench.api.record import PodRecord


@pytest.mark.parametrize(("code", "exit_code", "signalled", "message"), [
    pytest.param("pass", 0, None, "", id="success"),
    pytest.param("raise SystemExit(3)", 3, None, "the program ended with exit code 3", id="exit 3"),
    pytest.param("raise SystemExit(255)", 255, None, "the program ended with exit code 255", id="exit 255"),
    pytest.param("import os; os.kill(os.getpid(), 9)", 137, 9, "the program was ended by SIGKILL", id="SIGKILL"),
    pytest.param("import os; os.abort()", 134, 6, "the program was ended by SIGABRT", id="SIGABRT"),
    pytest.param("import os; os.kill(os.getpid(), 11)", 139, 11, "the program was ended by SIGSEGV", id="SIGSEGV"),
])
def test_exit_codes(run, python, code, exit_code, signalled, message) -> None:
    result = run(*python(code))
    assert result.code == exit_code
    record = result.record
    assert (record.exit_code, record.signal, record.message) == (exit_code, signalled, message)
    assert record.program_finished_s >= record.program_started_s >= record.agent_started_s


@pytest.mark.parametrize("name", ["no-such-program", "./folder", "./plain.txt"])
def test_a_program_that_cannot_be_started(run, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain.txt").write_text("x")
    result = run(name, "x")
    assert result.code == 127
    assert f"cannot start '{name}'" in result.record.message
    assert result.record.program_started_s is result.record.measured_usage is None


@pytest.mark.parametrize("argv", [[], ["--"], ["prog"], ["--nonsense", "--", "prog"]])
def test_wrong_use(agent_file: Path, argv: list[str]) -> None:
    done = subprocess.run([sys.executable, str(agent_file), *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: agent.pyz" in done.stderr


LISTENER = """
import os, signal, time
def heard(number, frame):
    os.write(1, f"heard {signal.Signals(number).name}\\n".encode())
    os._exit(7)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
    signal.signal(number, heard)
print("ready", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"])
def test_signals_reach_the_program(start, python, name: str) -> None:
    running = start(*python(LISTENER))
    running.wait_for("ready")
    running.process.send_signal(signal.Signals[name])
    result = running.finish()
    assert result.stdout.count(f"heard {name}") == 1
    assert result.code == result.record.exit_code == 7


def test_a_program_that_ignores_sigterm_is_killed_and_the_record_is_there(start, python) -> None:
    running = start(*python("import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True);"
                            "time.sleep(60)"))
    running.wait_for("ready")
    began = time.monotonic()
    running.process.terminate()
    result = running.finish()
    assert 4.5 < time.monotonic() - began < 9
    assert (result.code, result.record.signal) == (137, 9)


def test_default_dispositions_in_the_program(run, python) -> None:
    """SIGPIPE is ignored in Python; a program must not inherit that."""
    result = run("/bin/sh", "-c", "grep SigIgn /proc/self/status; grep SigBlk /proc/self/status")
    ignored, blocked = (int(line.split()[1], 16) for line in result.stdout.splitlines() if line.startswith("Sig"))
    assert not ignored & 1 << (signal.SIGPIPE - 1)
    assert blocked == 0


def test_the_record_starts_on_a_line_of_its_own(run, python) -> None:
    result = run(*python("import sys; sys.stdout.write('no line end')"))
    assert "no line end\nSHAPEBENCH-RECORD 1/" in result.stdout


def test_a_non_blocking_output_still_takes_the_record(run, python) -> None:
    assert run(*python("import os; os.set_blocking(1, False)")).record.exit_code == 0


@pytest.mark.parametrize("outputs", [
    pytest.param(">&- 2>&-", id="closed"),
    pytest.param("</dev/null >&-", id="one closed"),
    pytest.param(">/dev/full 2>/dev/full", id="full"),
])
def test_outputs_that_take_nothing_do_no_harm(agent_file: Path, tmp_path: Path, outputs: str) -> None:
    command = f"exec {sys.executable} -I {agent_file} -- sh -c 'exit 5' {outputs}"
    env = {"SHAPEBENCH_METRICS_PORT": "0", "PATH": os.defpath}
    assert subprocess.run(["sh", "-c", command], env=env, cwd=tmp_path, check=False).returncode == 5


def _may_be_pid_1() -> bool:
    command = ["unshare", "-p", "-f", "--mount-proc", "true"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_as_pid_1_it_reaps_and_passes_signals(start, python) -> None:
    """As in a container: it has no parent, and the kernel gives it every orphan."""
    if not _may_be_pid_1():
        pytest.skip("no PID namespace for this user")
    running = start("sh", "-c", "(sleep 0.1 &) ; echo pid $PPID; sleep 0.3; kill -TERM 1; sleep 30",
                    prefix=("unshare", "-p", "-f", "--mount-proc"))
    result = running.finish()
    assert "pid 1\n" in result.stdout
    assert (result.code, result.record.signal) == (143, 15)


def test_orphans_are_ended_and_counted(run, python, tmp_path: Path) -> None:
    """A double fork burns CPU after its parent left, ignores SIGTERM, and must not outlive the agent."""
    result = run(*python("""
        import os, signal, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                open("orphan", "w").write(str(os.getpid()))
                while time.process_time() < 0.4: pass
                open("burnt", "w").close()
                time.sleep(60)
            os._exit(0)
        os.wait()
        while not os.path.exists("burnt"): time.sleep(0.01)
    """))
    assert result.code == 0
    orphan = int((tmp_path / "orphan").read_text())
    assert not Path(f"/proc/{orphan}").exists()
    assert result.record.usage.cpu_seconds > 0.4
    assert "left 1 processes behind" in result.stdout


def test_record_file_and_no_lines(run, python, tmp_path: Path) -> None:
    result = run(*python("raise SystemExit(4)"), env={"SHAPEBENCH_RECORD_FILE": str(tmp_path / "out" / "record.json")})
    assert "SHAPEBENCH-RECORD" not in result.stdout
    assert PodRecord.model_validate_json((tmp_path / "out" / "record.json").read_text()).exit_code == 4


def test_a_record_file_that_cannot_be_written(run, python, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(*python("pass"), env={"SHAPEBENCH_RECORD_FILE": str(tmp_path / "file" / "record.json")})
    assert "cannot write" in result.stdout
    assert result.record.exit_code == 0


def test_termination_log(run, python, tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    result = run(*python("raise SystemExit(4)"), options=("--termination-log", str(log)))
    short, whole = PodRecord.model_validate_json(log.read_text()), result.record
    assert short.series.time_s == ()
    assert short == whole.model_copy(update={"series": short.series})


JOB = """
import json, os, time
def say(**event):
    with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
        file.write(json.dumps(event) + "\\n")
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
burn(0.3)
say(event="measured-started", time_s=time.time())
time.sleep(0.3)  # while the agent reads, nothing is used
burn(0.5)
say(event="measured-finished", time_s=time.time())
time.sleep(0.3)
say(event="measurement", parameters={"batch": 2}, values={"rate": 1.5})
say(event="environment", values={"spark": "4.3.0", "python": "9", "cpus": "7000", "node": "mine", "machine": "mine"})
say(event="wrong-answer", message="five")
burn(0.3)
"""


def test_the_job_tells_its_measured_part(run_heard_in_time, python, tmp_path: Path) -> None:
    """Sampling every 60 s shows that the ends are read when they are told, not at the next sample."""
    result = run_heard_in_time(*python(JOB), env={"SHAPEBENCH_SAMPLE_INTERVAL_S": "60", "TMPDIR": str(tmp_path)})
    record = result.record
    assert record.measured_usage.cpu_seconds == pytest.approx(0.5, abs=0.035), "two readings of 10 ms ticks"
    assert record.usage.cpu_seconds > 1.1
    assert record.program_started_s < record.measured_started_s < record.measured_finished_s < record.program_finished_s
    assert record.measurements[0].model_dump() == {"parameters": {"batch": 2}, "values": {"rate": 1.5}}
    assert (record.environment["spark"], record.environment["python"]) == ("4.3.0", "9"), "it knows what it runs"
    assert record.environment["kernel"].startswith("Linux")
    assert (record.environment["cpus"], record.environment["machine"]) == (str(os.cpu_count()), os.uname().machine)
    assert "node" not in record.environment, "not even where the agent does not know"
    assert record.measured_parts == 1
    assert record.wrong_answer == "five"
    assert not list(tmp_path.glob("shapebench-*"))


def test_series(run, python) -> None:
    record = run(*python("import time; time.sleep(1)"), env={"SHAPEBENCH_SAMPLE_INTERVAL_S": "0.1"}).record
    series, lived_s = record.series, record.program_finished_s - record.program_started_s
    # A busy machine may not let the agent look each time; what it missed is not made up for.
    assert 5 <= len(series.time_s) <= lived_s / 0.1 + 3
    assert list(series.time_s) == sorted(series.time_s)
    assert set(map(len, series.columns.values())) == {len(series.time_s)}
    assert {"cpu_seconds", "memory_bytes", "network_receive_bytes"} <= set(series.columns)
    assert max(series.columns["memory_bytes"]) > 1_000_000


def test_oom_kill_is_told(start, python, trees: Path, tmp_path: Path) -> None:
    """The kernel's count of killed processes rises while the program runs."""
    shutil.copytree(trees / "v2", tmp_path / "v2")
    running = start(*python("import time; print('ready', flush=True); time.sleep(30)"),
                    env={"SHAPEBENCH_COUNTERS": "cgroup"}, options=("--cgroup-root", str(tmp_path / "v2" / "cgroup")))
    running.wait_for("ready")
    (tmp_path / "v2" / "cgroup" / "memory.events").write_text("oom_kill 2\n")
    [child] = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    result = running.finish()
    assert result.record.message == "the kernel killed the program: out of memory"
    assert result.record.counters == "cgroup-v2"


def test_labels_and_role_come_from_the_environment(run, python) -> None:
    env = {"SHAPEBENCH_ROLE": "ps", "SHAPEBENCH_INDEX": "2", "SHAPEBENCH_POD": "r-ps-2"}
    record = run(*python("pass"), env=env).record
    assert (record.pod, record.role, record.index) == ("r-ps-2", "ps", 2)
    assert json.loads(record.model_dump_json())["version"] == "shapebench.dev/pod-record/v1"

"""Real gangs of tiny programs: each way to end has its own reason, and nothing is left running."""

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest

from shapebench.agent.events import ROOM
from shapebench.api.benchmark import Objective
from shapebench.api.record import Phase, Reason, Verdict
from shapebench.local import attempt
from shapebench.plan import expand
from shapebench.report import unmarked

MEET = "import time; time.sleep(3);"
"""A program that ends before its peer's agent has looked for it would leave that agent waiting."""
EVENT = "import json, os; f = open(os.environ['SHAPEBENCH_EVENTS_FILE'], 'a');"


def execute(benchmark, place, tick=lambda _elapsed: None):
    (planned,) = expand.runs("tiny", benchmark.spec)
    return attempt.execute(benchmark, planned, place, tick)


def lived_s(record) -> float:
    """Of the one program; a busy machine makes every part of it longer."""
    (pod,) = record.pods
    return pod.program_finished_s - pod.program_started_s


def test_a_gang_that_does_its_work(make_benchmark, place) -> None:
    program = (MEET + "import os, json, sys; c = json.loads(os.environ['TF_CONFIG']);"
               "print(c['task'], len(c['cluster']['worker']), sys.argv[1:], os.environ['OMP_NUM_THREADS'])")
    record = execute(make_benchmark(program, arguments=("--seed={seed}", "--workers={workers}"), workers=2), place)
    assert (record.phase, record.verdict, record.reason, record.attempt) == (
        Phase.SUCCEEDED, Verdict.VALID, None, 1)
    assert record.duration_s is not None
    assert record.duration_s < 30
    assert [(pod.role, pod.index, pod.exit_code) for pod in record.pods] == [("worker", 0, 0), ("worker", 1, 0)]
    assert record.usage.cpu_seconds is not None
    log = (place.logs / "tiny-1-1-worker-1.log").read_text()
    assert "{'type': 'worker', 'index': 1} 2 ['--seed=0', '--workers=2'] 1" in log


def test_the_machines_network_is_counted_once(make_benchmark, place) -> None:
    record = execute(make_benchmark(MEET, workers=2), place)
    first, second = record.pods
    assert first.usage.network_receive_bytes == record.usage.network_receive_bytes
    assert second.usage.network_receive_bytes is None
    assert "network_receive_bytes" not in second.series.columns


def test_a_gangs_network_is_the_same_whichever_worker_moved_it(make_benchmark, place) -> None:
    moved = 50_000_000
    program = EVENT + MEET + f"""
import socket, threading
def mark(name):
    f.write(json.dumps({{"event": "measured-" + name}}) + chr(10)); f.flush()
mark("started")
if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
    time.sleep(1)
    near = socket.create_server(("127.0.0.1", 0))
    far = socket.create_connection(near.getsockname())
    threading.Thread(target=lambda: (far.sendall(bytes({moved})), far.close())).start()
    with near.accept()[0] as taken:
        while taken.recv(2**20): pass
mark("finished")
"""
    record = execute(make_benchmark(program, workers=2), place)
    for usage in (record.usage, record.measured_usage):
        assert usage.network_receive_bytes > moved
        assert usage.network_transmit_bytes > moved


def test_measurements_and_the_measured_part_come_from_the_job(make_benchmark, place) -> None:
    program = EVENT + """
import time
def say(event, **more):
    print(json.dumps({"event": event, "time_s": time.time(), **more}), file=f, flush=True)
time.sleep(0.5)
say("measured-started")
say("measurement", parameters={"pass": 1}, values={"speed": 5.0})
time.sleep(0.4)
say("measured-finished")
time.sleep(0.5)
"""
    record = execute(make_benchmark(program, objective={"metric": "measurement.speed", "goal": "Maximize"}), place)
    assert [row.values for row in record.measurements] == [{"speed": 5.0}]
    assert record.objective == Objective(metric="measurement.speed", goal="Maximize")
    assert 0.399 <= record.duration_s <= lived_s(record) - 0.999, "neither what came before nor what came after"


def test_a_program_that_marks_nothing_is_measured_whole_and_the_report_says_so(make_benchmark, place) -> None:
    page = (Path(__file__).parents[3] / "docs/concepts/cost.md").read_text()
    started, finished = re.findall(r'`({"event": "measured-[a-z]*"})`', page)
    wait = "import os, time; f = open(os.environ['SHAPEBENCH_EVENTS_FILE'], 'a'); time.sleep(0.6);"
    marked = f"print({started!r}, file=f, flush=True); time.sleep(0.1); print({finished!r}, file=f, flush=True)"
    whole, part = (execute(make_benchmark(wait + rest), place) for rest in ("", marked))
    assert whole.duration_s > 0.6
    assert part.duration_s <= lived_s(part) - 0.6
    assert "no measured part" in unmarked.caveat([whole])
    assert unmarked.caveat([part]) == ""
    assert unmarked.caveat([whole, part]).startswith("in 1 run the program marked no measured part")


def test_a_second_measured_part_is_said_to_be_the_only_one_that_counts(make_benchmark, place) -> None:
    program = EVENT + "\n".join((
        "import time",
        "def mark(name):",
        "    f.write(json.dumps({'event': 'measured-' + name, 'monotonic_s': time.monotonic()}) + chr(10)); f.flush()",
        "for part_s in (1.5, 0.2): mark('started'); time.sleep(part_s); mark('finished'); time.sleep(0.1)"))
    record = execute(make_benchmark(program), place)
    assert 0.2 <= record.duration_s < 1.5
    assert "marked 2 measured parts; the last one counts" in record.message


def test_rows_for_which_there_was_no_room_are_said_to_be_missing(make_benchmark, place) -> None:
    row = '{"event": "measurement", "values": {"a": 1}}\n'
    program = f"import os; f = open(os.environ['SHAPEBENCH_EVENTS_FILE'], 'a'); f.write({row!r} * {ROOM.rows + 50})"
    record = execute(make_benchmark(program), place)
    assert (len(record.measurements), record.measurements_left_out, record.verdict) == (ROOM.rows, 50, Verdict.VALID)
    assert record.message == "50 measurements are missing: no median is formed of the others"


@pytest.mark.parametrize(("program", "reason", "message"), [
    pytest.param("import sys; sys.exit(3)", Reason.PROGRAM_FAILED, "worker 0: the program ended with exit code 3",
                 id="exit-3"),
    pytest.param(EVENT + "f.write(json.dumps({'event': 'wrong-answer', 'message': 'off by one'}) + chr(10)); f.close();"
                 "raise SystemExit(65)", Reason.WRONG_ANSWER, "off by one", id="wrong-answer"),
    pytest.param("import os; os.kill(os.getpid(), 9)", Reason.PROGRAM_FAILED, "SIGKILL", id="killed"),
])
def test_a_failure_has_its_reason(make_benchmark, place, program: str, reason: Reason, message: str) -> None:
    record = execute(make_benchmark(program), place)
    assert (record.phase, record.verdict, record.reason) == (Phase.FAILED, Verdict.FAILED, reason)
    assert message in record.message


def test_a_failed_programs_last_words_are_in_the_message(make_benchmark, place) -> None:
    program = "print('x' * 300_000); print('reading'); raise ValueError('no such folder: /data')"
    head, *words = execute(make_benchmark(program), place).message.splitlines()
    assert head == "worker 0: the program ended with exit code 1; its log is tiny-1-1-worker-0.log"
    assert "reading" in words
    assert words[-1] == "ValueError: no such folder: /data"


def test_one_that_never_ends_is_ended_with_all_it_started(make_benchmark, place, tmp_path) -> None:
    pids = tmp_path / "pids"
    program = ("import os, time; child = os.fork(); child or (os.setsid(), time.sleep(600));"
               f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child}}'); time.sleep(600)")
    record = execute(make_benchmark(program, limits={"runTimeout": "2s"}), place)
    assert (record.reason, record.phase) == (Reason.RUN_TIMEOUT, Phase.FAILED)
    assert "limits.runTimeout (2s)" in record.message
    for pid in pids.read_text().split():
        assert not alive(int(pid))


def test_the_failure_of_one_worker_ends_the_others(make_benchmark, place) -> None:
    program = ("import json, os, sys, time; index = json.loads(os.environ['TF_CONFIG'])['task']['index'];"
               "sys.exit(4) if index == 1 else time.sleep(600)")
    record = execute(make_benchmark(program, workers=2), place)
    assert record.reason is Reason.PROGRAM_FAILED
    assert "worker 1" in record.message


def test_parameter_servers_are_ended_when_the_workers_have(make_benchmark, place) -> None:
    program = ("import json, os, time; role = json.loads(os.environ['TF_CONFIG'])['task']['type'];"
               "time.sleep(600 if role == 'ps' else 0)")
    record = execute(make_benchmark(program, parameter_servers=1), place)
    assert record.phase is Phase.SUCCEEDED
    assert sorted(record.usage_by_role) == ["ps", "worker"]


def test_ctrl_c_leaves_nothing_running(make_benchmark, place, tmp_path) -> None:
    pid_file = tmp_path / "pid"
    program = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    def interrupt(_elapsed: float) -> None:
        if pid_file.exists() and pid_file.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(make_benchmark(program), place, interrupt)
    assert not alive(int(pid_file.read_text()))


def alive(pid: int) -> bool:
    with suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] and os.getpid() != pid
    return False

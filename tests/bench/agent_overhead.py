"""What the agent itself costs: CPU at one sample a second and at ten, memory, time to start a program.

    python tests/bench/agent_overhead.py [--seconds 20] [--intervals 1 0.1] [--python PATH ...]

For each interpreter and each source of counters it wraps a program of a few processes, leaves out the start-up, and
reads the agent's own run time from the scheduler's nanosecond account: at rest, scraped every 15 seconds as Prometheus
does where nobody told it otherwise, and with as many measurements as it holds. It leaves checkpoints, as in a pod. Ends
with 1 if a bound is passed: not scraped 0.5 % of a core at one sample a second and 2 % at ten, 25 MiB resident.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from shapebench.agent import events, package

SETTLE_S = 1.5
SCRAPE_EVERY_S = 15.0
MOST_PERCENT = {1.0: 0.5, 0.1: 2.0}
MOST_MIB = 25.0
PROGRAM = """for i in 1 2 3 4 5 6; do sleep SECONDS & done
seq ROWS | sed 's/.*/{"event":"measurement","parameters":{"step":&},"values":{"loss":0.123456,"seconds":0.01}}/' \
    > "$SHAPEBENCH_EVENTS_FILE"
wait"""


def run_time_s(pid: int) -> float:
    """Seconds on a CPU, all threads."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mib(pid: int) -> float:
    """The resident set now."""
    match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


@dataclass(frozen=True)
class Setting:
    """How an agent is run: by which Python, reading what, how often, and whether anybody asks it for metrics."""

    python: str
    counters: str
    interval_s: float
    scraped: bool = False
    rows: int = 0

    @property
    def words(self) -> str:
        """How busy it is besides."""
        return "scraped" if self.scraped else f"{self.rows} measurements" if self.rows else "at rest"


def steady_state(agent: Path, setting: Setting, seconds: float) -> tuple[float, float]:
    """The agent's share of a core in percent, and its resident MiB at the end."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "termination-log"
        log.touch()
        env = os.environ | {"SHAPEBENCH_METRICS_PORT": "0", "SHAPEBENCH_COUNTERS": setting.counters,
                            "SHAPEBENCH_SAMPLE_INTERVAL_S": str(setting.interval_s)}
        process = subprocess.Popen([setting.python, "-s", str(agent), "--termination-log", str(log), "--", "sh", "-c",
                                    PROGRAM.replace("SECONDS", str(seconds + 10)).replace("ROWS", str(setting.rows))],
                                   env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        port = process.stderr.readline().rsplit(" ", 1)[1].strip()
        time.sleep(SETTLE_S)
        before, began = run_time_s(process.pid), time.monotonic()
        while (left_s := seconds - (time.monotonic() - began)) > 0:
            if setting.scraped:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read()
            time.sleep(min(left_s, SCRAPE_EVERY_S))
        percent = 100 * (run_time_s(process.pid) - before) / (time.monotonic() - began)
        resident = resident_mib(process.pid)
        process.terminate()
        process.communicate()
    return percent, resident


def start_s(agent: Path, python: str) -> float:
    """What the agent adds to the life of a program that does nothing: median of 7."""
    env = os.environ | {"SHAPEBENCH_METRICS_PORT": "0"}
    took = []
    for _ in range(7):
        began = time.monotonic()
        subprocess.run([python, "-s", str(agent), "--", "true"], env=env, capture_output=True, check=True)
        took.append(time.monotonic() - began)
    return sorted(took)[3]


def main() -> int:
    """Print one row for each interpreter, source and load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--intervals", type=float, nargs="+", default=[1.0, 0.1])
    options = parser.parse_args()
    held = True
    with tempfile.TemporaryDirectory() as folder:
        agent = Path(folder) / "agent.pyz"
        package.build(agent)
        print(f"agent.pyz {agent.stat().st_size / 1024:.0f} KiB")
        for python in options.python:
            version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
            print(f"{version}: start to end of `true` {1000 * start_s(agent, python):.0f} ms")
            busy: tuple[tuple[bool, int], ...] = ((False, 0), (True, 0), (False, events.ROOM.rows))
            for counters, interval_s, (scraped, rows) in product(("cgroup", "processes"), options.intervals, busy):
                setting = Setting(python, counters, interval_s, scraped, rows)
                percent, resident = steady_state(agent, setting, options.seconds)
                held &= resident <= MOST_MIB and (scraped or percent <= MOST_PERCENT.get(interval_s, 100.0))
                load = Path("/proc/loadavg").read_text().split()[0]
                print(f"  {counters:<10} every {interval_s:g} s, {setting.words}: "
                      f"{percent:.3f} % of a core, {resident:.1f} MiB (load {load})", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())

"""What the agent itself costs: CPU at one sample a second, memory, time to start a program.

    python tests/bench/agent_overhead.py [--seconds 20] [--python PATH ...]

For each interpreter and each source of counters it wraps `sleep`, leaves out the start-up, and reads the agent's own
run time from the scheduler's nanosecond account, once at rest and once scraped every 5 seconds.
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
from pathlib import Path

from shapebench.agent import package

SETTLE_S = 1.5
SCRAPE_EVERY_S = 5.0


def run_time_s(pid: int) -> float:
    """Seconds on a CPU, all threads."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mib(pid: int) -> float:
    """The resident set now."""
    match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


def steady_state(agent: Path, python: str, counters: str, seconds: float, *, scraped: bool) -> tuple[float, float]:
    """The agent's share of a core in percent, and its resident MiB at the end."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"SHAPEBENCH_METRICS_PORT": "0", "SHAPEBENCH_COUNTERS": counters,
                            "SHAPEBENCH_RECORD_FILE": f"{folder}/record.json"}
        process = subprocess.Popen([python, "-s", str(agent), "--", "sleep", str(seconds + 10)], env=env,
                                   stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        port = process.stderr.readline().rsplit(" ", 1)[1].strip()
        time.sleep(SETTLE_S)
        before, began = run_time_s(process.pid), time.monotonic()
        while (left_s := seconds - (time.monotonic() - began)) > 0:
            if scraped:
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


def main() -> None:
    """Print one row for each interpreter, source and load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        agent = Path(folder) / "agent.pyz"
        package.build(agent)
        print(f"agent.pyz {agent.stat().st_size / 1024:.0f} KiB")
        for python in options.python:
            version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
            print(f"{version}: start to end of `true` {1000 * start_s(agent, python):.0f} ms")
            for counters in ("cgroup", "processes"):
                for scraped in (False, True):
                    percent, resident = steady_state(agent, python, counters, options.seconds, scraped=scraped)
                    load = "scraped" if scraped else "at rest"
                    print(f"  {counters:<10} {load}: {percent:.3f} % of a core, {resident:.1f} MiB", flush=True)


if __name__ == "__main__":
    main()

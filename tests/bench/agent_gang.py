"""How long a gang's pods are held for other than their programs: waiting for each other, and staying after the end.

    PYTHONPATH=operator .venv/bin/python tests/bench/agent_gang.py [--workers 2] [--servers 0] [--program-s 0.5]
                                                                   [--apart-s 0.7] [--rounds 3]

Starts one agent for each worker and parameter server on loopback, a little after one another as pods are, with the
environment that the builders give them. The programs only sleep. `met` is from the last agent's start to the last
program's; `stayed` is from a program's end to its agent's, the longest of the gang.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from shapebench.api import wire
from shapebench.api.workload import TensorFlowWorkload
from shapebench.build import tensorflow
from shapebench.local.tensorflow import free_ports


@dataclass(frozen=True)
class Round:
    """One gang's moments, in seconds."""

    met_s: float
    stayed_s: float
    wall_s: float


def main() -> int:
    """Print a line for each round."""
    given = _arguments()
    print(f"{given.workers} workers, {given.servers} parameter servers, programs of {given.program_s:g} s, started "
          f"{given.apart_s:g} s after one another; load {os.getloadavg()[0]:.1f}")
    for _ in range(given.rounds):
        found = once(given.workers, given.servers, given.program_s, given.apart_s)
        print(f"met {found.met_s:5.2f} s   stayed {found.stayed_s:5.2f} s   wall {found.wall_s:5.2f} s", flush=True)
    return 0


def once(workers: int, servers: int, program_s: float, apart_s: float) -> Round:
    """One gang from its first agent's start to its last one's end."""
    tasks = tensorflow.tasks(TensorFlowWorkload(command=("true",), parameter_servers=servers), workers)
    ports = dict(zip(tasks, free_ports(len(tasks)), strict=True))
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        records = {task: Path(folder) / f"{task[0]}-{task[1]}.json" for task in tasks}
        agents = {}
        for number, task in enumerate(tasks):
            time.sleep(apart_s if number else 0.0)
            agents[task] = _start(task, ports, records[task], program_s)
        ended_s = _ends(agents)
        found = [json.loads(record.read_text()) for record in records.values()]
        met_s = (max(one["program_started_s"] for one in found) - max(one["agent_started_s"] for one in found))
        stayed_s = max(ended_s[task] - one["program_finished_s"] for task, one in zip(tasks, found, strict=True))
    return Round(met_s, stayed_s, time.monotonic() - began_s)


def _start(me: tensorflow.Task, ports: dict[tensorflow.Task, int], record: Path,
           program_s: float) -> subprocess.Popen[bytes]:
    hosts = {task: f"127.0.0.1:{port}" for task, port in ports.items()}
    env = {name: value for name, value in os.environ.items() if not name.startswith("SHAPEBENCH_")} | {
        wire.ENV_ROLE: me[0], wire.ENV_INDEX: str(me[1]), wire.ENV_METRICS_PORT: str(ports[me]),
        wire.ENV_RECORD_FILE: str(record),
        wire.ENV_AWAIT: ",".join(host for task, host in hosts.items() if task != me)}
    if me[0] == wire.ROLE_PARAMETER_SERVER:
        program_s = 600.0  # such a one never ends by itself
        env |= {wire.ENV_FOLLOW: hosts[tensorflow.LEADER],
                wire.ENV_SERVES: ",".join(host for task, host in hosts.items() if task[0] == wire.ROLE_WORKER)}
    return subprocess.Popen([sys.executable, "-m", "shapebench.agent", "--", "sleep", str(program_s)], env=env)


def _ends(agents: dict[tensorflow.Task, subprocess.Popen[bytes]]) -> dict[tensorflow.Task, float]:
    """When each ended, Unix seconds."""
    ended_s: dict[tensorflow.Task, float] = {}
    while len(ended_s) < len(agents):
        for task, process in agents.items():
            if task not in ended_s and process.poll() is not None:
                ended_s[task] = time.time()
        time.sleep(0.005)
    return ended_s


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="default %(default)s")
    parser.add_argument("--servers", type=int, default=0, help="parameter servers (default %(default)s)")
    parser.add_argument("--program-s", type=float, default=0.5, help="each worker's program (default %(default)s)")
    parser.add_argument("--apart-s", type=float, default=0.7, help="between two agents' starts (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""How exact the agent's totals are for lives of 1, 3, 10 and 30 seconds, against what the program knows that it used.

    python tests/bench/agent_exactness.py [--seconds 1 3 10 30] [--json FILE]

Each life is one program in a control group of its own (version 1, and version 2 where it is mounted, even beside the
first) and in a network namespace of its own with one interface; and once more without either, counted by its process
tree. CPU is compared with getrusage (also for the measured part, which the program marks), disk bytes with direct I/O,
network with datagrams of which each came back (bytes with their Ethernet, IP and UDP headers), the memory peak with
the program's own anonymous pages. "-": this source does not tell. Needs root for the groups. Ends with 1 if a bound
is passed: 1 %, for memory 2 %.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import exactness
import own_pod

from shapebench.agent import package

VERSIONS = ("v1", "v2", None)


def main() -> int:
    """Print one row for each place and life."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--json", type=Path, help="write every figure here, too")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    held = True
    print(f"load {Path('/proc/loadavg').read_text().split()[0]}")
    print(f"{'':<12}{'life':>5}" + "".join(f"{name:>17}" for name in exactness.BOUNDS))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        agent = Path(folder) / "agent.pyz"
        package.build(agent)
        for version in VERSIONS:
            lacking = own_pod.missing(version, network=version is not None)
            if version is not None and lacking:
                print(f"cgroup {version}: left out: {lacking}")
                continue
            for seconds in options.seconds:
                record, figures = exactness.live(agent, seconds, Path(folder), version)
                print(f"{record.counters:<12}{seconds:>4g}s" + _cells(figures), flush=True)
                rows += [{"counters": record.counters, "seconds": seconds, "name": one.name, "known": one.known,
                          "counted": one.counted} for one in figures]
                held &= all(figure.holds for figure in figures)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if held else 1


def _cells(figures: list[exactness.Figure]) -> str:
    errors = {figure.name: figure.error for figure in figures}
    return "".join(f"{'-' if (error := errors.get(name)) is None else f'{100 * error:+.2f} %':>17}"
                   for name in exactness.BOUNDS)


if __name__ == "__main__":
    sys.exit(main())

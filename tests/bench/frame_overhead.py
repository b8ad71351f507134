"""What our frame adds to a program: the agent to its steps, and all of the frame to its whole run.

    python tests/bench/frame_overhead.py [--rounds 5] [--only spark|tensorflow] [--json FILE]

Steps: one run of the local backend, whose agent is stopped and let go every three seconds; the ratios are of steps in
neighbouring stretches, with the 95 % interval of their median. Targets: +3 % for Spark, +2 % for TensorFlow.
Whole runs: by the local backend (agent around the driver, counters and samples, our launcher of executors, pinned
cores) and by `spark-submit` with the same configuration, or the bare command with the same threads, in turns (ABBA).
They contain the start and the end, and on a machine that is a guest of another differ by ten per cent by themselves.
By the wall clock: it needs a machine with nothing else to do, and says the load.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import agent_in_turns

from shapebench.analysis import summary
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Phase
from shapebench.local import attempt, backend, cores, spark
from shapebench.local.context import Attempt, Machine
from shapebench.plan import expand

SCRIPTS = Path(__file__).parent / "frame"


def manifest(workload: dict[str, object], number_of_cores: int) -> Benchmark:
    """One worker that has all the cores."""
    return Benchmark.model_validate({
        "apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": "frame"},
        "spec": {"workload": workload, "repetitions": {"count": 1, "warmups": 0},
                 "shapes": [{"name": "all", "workers": 1, "cpu": str(number_of_cores), "memory": "1Gi"}]}})


def timed(run: Callable[[], object]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def framed(benchmark: Benchmark, machine: Machine, folder: Path) -> Callable[[], None]:
    """A run as the local backend makes it."""
    (planned,) = expand.runs(benchmark.metadata.name, benchmark.spec)

    def run() -> None:
        logs = folder / "logs"
        logs.mkdir(exist_ok=True)
        record = attempt.execute(benchmark, planned, attempt.Place(machine, logs), lambda _: None)
        if record.phase is not Phase.SUCCEEDED:
            raise SystemExit(f"the framed run failed: {record.reason}: {record.message}; see {logs}")
    return run


def plain(command: list[str], environ: dict[str, str], log: Path) -> Callable[[], None]:
    """The bare command."""
    def run() -> None:
        with log.open("wb") as output:
            code = subprocess.run(command, env=environ, stdout=output, stderr=output).returncode
        if code:
            raise SystemExit(f"{command} ended with {code}:\n{log.read_text()[-2000:]}")
    return run


def spark_pair(folder: Path, options: argparse.Namespace) -> tuple[Callable[[], None], Callable[[], None]]:
    """(framed, plain spark-submit with the same configuration)."""
    arguments = [f"--passes={options.passes}", f"--numbers={options.numbers}", f"--out={folder / 'out.json'}"]
    script = SCRIPTS / "spark_script.py"
    machine = Machine(cores.available(), dict(os.environ), folder)
    benchmark = manifest({"spark": {"application": str(script), "arguments": arguments}}, len(machine.cores))
    machine = backend.prepared(machine, benchmark)
    assert machine.java is not None
    assert benchmark.spec.workload.spark is not None
    (planned,) = expand.runs("frame", benchmark.spec)
    conf = spark.configuration(Attempt(benchmark, planned, machine, folder, folder),
                               benchmark.spec.workload.spark)
    home = folder / "spark"  # local-cluster writes its executors' folders below SPARK_HOME
    home.mkdir()
    for part in spark.installation().iterdir():
        (home / part.name).symlink_to(part)
    command = [str(home / "bin/spark-submit"), *(word for name, value in conf.items()
                                                 for word in ("--conf", f"{name}={value}")), str(script), *arguments]
    environ = os.environ | {"SPARK_HOME": str(home), "JAVA_HOME": str(Path(machine.java.program).parents[1]),
                            "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable,
                            "PYSPARK_DRIVER_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(folder / "blocks"),
                            "SPARK_CONF_DIR": str(folder / "none")}
    return framed(benchmark, machine, folder), plain(command, environ, folder / "plain.log")


def tensorflow_pair(folder: Path, options: argparse.Namespace) -> tuple[Callable[[], None], Callable[[], None]]:
    """(framed, the bare command with the same threads)."""
    command = [sys.executable, str(SCRIPTS / "tensorflow_script.py")]
    arguments = [f"--steps={options.steps}", f"--out={folder / 'out.json'}"]
    machine = Machine(cores.available(), dict(os.environ), folder)
    benchmark = manifest({"tensorflow": {"command": command, "arguments": arguments}}, len(machine.cores))
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environ = os.environ | dict.fromkeys(names, str(len(machine.cores)))
    return framed(benchmark, machine, folder), plain([*command, *arguments], environ, folder / "plain.log")


def whole_runs(pair: tuple[Callable[[], None], Callable[[], None]], rounds: int) -> list[float]:
    """What the frame adds to a run, as a share, of each round: the order turned every other time; one before that does
    not count."""
    found = []
    for number in range(rounds + 1):
        order = (0, 1) if number % 2 else (1, 0)
        took = {which: timed(pair[which]) for which in order}
        found.append(took[0] / took[1] - 1)
    return found[1:]


def steps(run: Callable[[], None], out: Path) -> list[float]:
    """What the agent adds to a step, as a share, of each pair of stretches."""
    blocks = agent_in_turns.during(run)
    shares = agent_in_turns.overheads(blocks, json.loads(out.read_text()))
    if not shares:
        raise SystemExit(f"the run was over before two stretches of {agent_in_turns.BLOCK_S:g} s: give more --passes "
                         "or --steps")
    return shares


def told(what: str, shares: list[float], target: float | None = None) -> dict[str, object]:
    """Print the median with its interval; what goes into the JSON."""
    middle, interval = statistics.median(shares), summary.median_interval(shares)
    low, high = (interval.low, interval.high) if interval else (min(shares), max(shares))
    verdict = "" if target is None else f": {'within' if middle <= target else 'ABOVE'} the target of {target:+.0%}"
    print(f"{what:<34}{middle:+.1%} ({low:+.1%} … {high:+.1%}, n = {len(shares)}){verdict}", flush=True)
    return {"what": what, "overhead": middle, "overheads": shares, "target": target}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of whole runs (default %(default)s; 0: none)")
    parser.add_argument("--only", choices=["spark", "tensorflow"])
    parser.add_argument("--passes", type=int, default=200, help="of the Spark script (default %(default)s)")
    parser.add_argument("--numbers", type=int, default=200_000, help="of a pass (default %(default)s)")
    parser.add_argument("--steps", type=int, default=4000, help="of the TensorFlow script (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {len(cores.available())} cores, "
          f"load {Path('/proc/loadavg').read_text().split()[0]}", flush=True)
    found = []
    for name, make, target in (("spark", spark_pair, 0.03), ("tensorflow", tensorflow_pair, 0.02)):
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(prefix="frame-") as folder:
            run, _ = make(Path(folder), options)
            found.append(told(f"{name}, the agent, of a step", steps(run, Path(folder) / "out.json"), target))
        if options.rounds:
            with tempfile.TemporaryDirectory(prefix="frame-") as folder:
                short = argparse.Namespace(**vars(options) | {"passes": options.passes // 10,
                                                              "steps": options.steps // 10})
                found.append(told(f"{name}, the frame, of a whole run",
                                  whole_runs(make(Path(folder), short), options.rounds)))
    print(f"load {Path('/proc/loadavg').read_text().split()[0]}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    missed = [one for one in found if one["target"] is not None and one["overhead"] > one["target"]]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

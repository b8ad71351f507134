"""What our frame adds to a program: the same script by `shapebench run`'s own machinery and started plainly.

    python tests/bench/frame_overhead.py [--rounds 7] [--only spark|tensorflow] [--json FILE]

Spark: the local backend (agent around the driver, counters and samples, our launcher of executors, pinned cores)
against `spark-submit` with the same configuration. TensorFlow: the agent, our environment and cores against the bare
command with the same threads. In turns (ABBA); the ratios are of pairs, with the 95 % interval of their median, and the
targets are +3 % for Spark and +2 % for TensorFlow's steps. By the wall clock: it needs a machine with nothing else to
do, and says the load.
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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shapebench.analysis import summary
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import Phase
from shapebench.local import attempt, backend, cores, spark
from shapebench.local.context import Attempt, Machine
from shapebench.plan import expand

SCRIPTS = Path(__file__).parent / "frame"


@dataclass(frozen=True)
class Took:
    """Seconds of the script's fastest pass or step, and of the whole run with its start and end.

    The fastest, because whatever else the machine does can only add to a pass: what the frame costs is in all of them.
    """

    measured_s: float
    whole_s: float


def manifest(workload: dict[str, object], number_of_cores: int) -> Benchmark:
    """One worker that has all the cores."""
    return Benchmark.model_validate({
        "apiVersion": "shapebench.dev/v1alpha1", "kind": "Benchmark", "metadata": {"name": "frame"},
        "spec": {"workload": workload, "repetitions": {"count": 1, "warmups": 0},
                 "shapes": [{"name": "all", "workers": 1, "cpu": str(number_of_cores), "memory": "1Gi"}]}})


def timed(run: Callable[[], object], out: Path) -> Took:
    """The times of one run; `out` is where the script writes those of its passes."""
    out.unlink(missing_ok=True)
    began = time.perf_counter()
    run()
    whole = time.perf_counter() - began
    return Took(min(json.loads(out.read_text())), whole)


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
    conf = spark.configuration(Attempt(benchmark, planned, 1, machine, folder, folder),
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


def measure(pair: tuple[Callable[[], None], Callable[[], None]], out: Path, rounds: int) -> list[tuple[Took, Took]]:
    """(framed, plain) of each round, the order turned every other time; one round before that does not count."""
    found = []
    for number in range(rounds + 1):
        order = (0, 1) if number % 2 else (1, 0)
        took = {which: timed(pair[which], out) for which in order}
        found.append((took[0], took[1]))
    return found[1:]


def report(name: str, found: list[tuple[Took, Took]], target: float) -> dict[str, object]:
    """Print the overhead of the measured part and of the whole run."""
    told: dict[str, object] = {"name": name, "target": target}
    for part in ("measured_s", "whole_s"):
        ratios = [getattr(framed, part) / getattr(plain, part) - 1 for framed, plain in found]
        middle, interval = statistics.median(ratios), summary.median_interval(ratios)
        low, high = (interval.low, interval.high) if interval else (min(ratios), max(ratios))
        seconds = [statistics.median(getattr(one[which], part) for one in found) for which in (0, 1)]
        verdict = "within" if middle <= target else "ABOVE"
        print(f"{name}, {'fastest pass' if part == 'measured_s' else 'whole run':<12}: framed {seconds[0]:7.3f} s, "
              f"plain {seconds[1]:7.3f} s, {middle:+.1%} ({low:+.1%} … {high:+.1%}, n = {len(found)}): {verdict} "
              f"the target of {target:+.0%}", flush=True)
        told[part] = {"framed": seconds[0], "plain": seconds[1], "overhead": middle, "overheads": ratios}
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="pairs that are counted (default %(default)s)")
    parser.add_argument("--only", choices=["spark", "tensorflow"])
    parser.add_argument("--passes", type=int, default=8, help="of the Spark script (default %(default)s)")
    parser.add_argument("--numbers", type=int, default=1_000_000, help="of a pass (default %(default)s)")
    parser.add_argument("--steps", type=int, default=150, help="of the TensorFlow script (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {len(cores.available())} cores, "
          f"load {Path('/proc/loadavg').read_text().split()[0]}", flush=True)
    told = []
    for name, make, target in (("spark", spark_pair, 0.03), ("tensorflow", tensorflow_pair, 0.02)):
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(prefix="frame-") as folder:
            pair = make(Path(folder), options)
            told.append(report(name, measure(pair, Path(folder) / "out.json", options.rounds), target))
    print(f"load {Path('/proc/loadavg').read_text().split()[0]}")
    if options.json:
        options.json.write_text(json.dumps(told, indent=2))
    return 0 if all(one["measured_s"]["overhead"] <= one["target"] for one in told) else 1  # type: ignore[index,operator]


if __name__ == "__main__":
    sys.exit(main())

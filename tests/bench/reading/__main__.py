"""How fast the jobs read, each as a ratio to what the machine can do at most: `make bench-reading`.

    python tests/bench/reading [--rounds 11] [--images 256] [--only python|spark|tensorflow] [--json FILE]

Same process, same files, same buffer sizes, in turns. Ratios on one core are by CPU time, so that they nearly hold on a
machine with other work; those on all cores are by the wall clock and mean nothing there. Exits with 1 where a target is
missed, and says where the time goes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import decoding
import framing
import material
import pipelines
import ratios
from ratios import Result

from shapebench_jobs.dataset.files import DatasetArguments

ROOT = Path(__file__).parents[3]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11, help="pairs that are counted (default %(default)s)")
    parser.add_argument("--images", type=int, default=256, help="large images, of 500x375 (default %(default)s)")
    parser.add_argument("--small-images", type=int, default=2000, help="of 96x96 (default %(default)s)")
    parser.add_argument("--only", choices=["python", "spark", "tensorflow"], help="one part of the three")
    parser.add_argument("--data", type=Path, default=ROOT / "build/bench", help="where the images are made and kept")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


def surroundings() -> str:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor())
    load = Path("/proc/loadavg").read_text().split()[0]
    return (f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {model}, {cores()} cores, Python {platform.python_version()}, "
            f"load {load}, files in the page cache")


def cores() -> int:
    return len(os.sched_getaffinity(0))


def plain_python(large: material.Material, small: material.Material, rounds: int) -> list[Result]:
    return ratios.show([
        *framing.results(large, rounds, small=False), *framing.results(small, rounds, small=True),
        *decoding.results(large, rounds, cores()), *pipelines.results(large, rounds, cores())])


def spark(large: material.Material, rounds: int) -> list[Result]:
    from pyspark.sql import SparkSession

    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1", PYTHONPATH=str(ROOT / "jobs"))
    builder = SparkSession.builder.master(f"local[{cores()}]").config("spark.ui.enabled", "false")
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    try:
        return ratios.show(pipelines.spark_results(large, rounds, cores(), session))
    finally:
        session.stop()


def tensorflow(large: material.Material, rounds: int) -> list[Result]:
    import tf_data

    from shapebench_jobs.tf import cluster as tf_cluster

    return ratios.show(tf_data.results(tf_cluster.import_tensorflow(cores()), large, rounds, cores()))


def main() -> int:
    chosen = options()
    large = material.make(chosen.data, DatasetArguments(chosen.images, 500, 375, shards=4))
    small = material.make(chosen.data, DatasetArguments(chosen.small_images, 96, 96, shards=4))
    print(f"{surroundings()}\n{large.words}\n{small.words}\n", flush=True)
    # TensorFlow last: its threads would be in the processes that the others fork.
    parts: dict[str, Any] = {"python": lambda: plain_python(large, small, chosen.rounds),
                             "spark": lambda: spark(large, chosen.rounds),
                             "tensorflow": lambda: tensorflow(large, chosen.rounds)}
    found: list[Result] = []
    for name, part in parts.items():
        if chosen.only in (None, name):
            found += part()
    print(surroundings())
    if chosen.json:
        chosen.json.write_text(json.dumps([
            {"name": one.name, "unit": one.unit, "ours": one.ours, "limit": one.limit, "limited_by": one.what_limits,
             "ratio": one.ratio, "ratios": one.ratios, "target": one.target} for one in found], indent=2))
    return 0 if all(one.reached for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())

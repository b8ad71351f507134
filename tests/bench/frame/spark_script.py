"""A PySpark program that knows nothing of Shapebench: work in Python and a shuffle; writes when each pass began
(monotonic clock) and its seconds.

    spark_script.py --passes N --numbers N --out FILE
"""

import argparse
import json
import time
from pathlib import Path

from pyspark.sql import SparkSession

KEYS = 1000


def once(context, numbers):
    pairs = context.range(numbers, numSlices=8).map(lambda number: (number * 7919 % KEYS, number & 0xFF))
    return pairs.reduceByKey(lambda one, other: one + other).count()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    session = SparkSession.builder.getOrCreate()
    once(session.sparkContext, options.numbers // 10)
    seconds = []
    for _ in range(options.passes):
        began = time.perf_counter()
        if once(session.sparkContext, options.numbers) != KEYS:
            raise SystemExit("wrong count")
        seconds.append((began, time.perf_counter() - began))
    session.stop()
    options.out.write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()

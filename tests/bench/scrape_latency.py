"""How long a scrape of the operator takes with many runs: over HTTP, from its own endpoint.

    PYTHONPATH=operator python tests/bench/scrape_latency.py [RUNS]

Each run has all usages twice (whole and measured) and five rows of three measurements, as a training job has.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any
from urllib.request import urlopen

from shapebench.api.usage import Usage
from shapebench.handlers.endpoints import Endpoints
from shapebench.metrics.registry import Metrics

RUNS, SCRAPES, TARGET_MS = 1000, 20, 100


def _run(number: int) -> dict[str, Any]:
    usage = {field.alias or name: 123_456_789 for name, field in Usage.model_fields.items()}
    rows = [{"parameters": {"epoch": epoch}, "values": {"seconds": 1.25, "images": 5000, "images_per_second": 4000}}
            for epoch in range(5)]
    return {
        "apiVersion": "shapebench.dev/v1alpha1", "kind": "BenchmarkRun",
        "metadata": {"name": f"read-speed-{number // 10}-{number % 10}", "namespace": "default"},
        "spec": {"benchmark": "read-speed", "shape": "4x2", "parameters": {"batchSize": 4, "format": "tfrecord"},
                 "block": number // 10, "repetition": 1, "position": number % 10 + 1},
        "status": {"phase": "Succeeded", "verdict": "Valid", "durationS": 12.5, "cost": 0.2, "usage": usage,
                   "measuredUsage": usage, "measurements": rows},
    }


def main(runs: int) -> int:
    """Print the median and the worst; 1 when the median is above the target."""
    metrics = Metrics(time.monotonic)
    for number in range(runs):
        metrics.board.saw(_run(number))
    endpoints = Endpoints(metrics.text, lambda: None, 0)
    endpoints.start()
    took_ms, size = [], 0
    for _ in range(SCRAPES):
        began = time.perf_counter()
        with urlopen(f"http://127.0.0.1:{endpoints.port}/metrics", timeout=30) as answer:
            size = len(answer.read())
        took_ms.append((time.perf_counter() - began) * 1e3)
    endpoints.stop()
    middle = statistics.median(took_ms)
    print(f"scrape of {runs} runs: median {middle:.0f} ms, worst {max(took_ms):.0f} ms of {SCRAPES}, "
          f"{size / 1e6:.1f} MB (target {TARGET_MS} ms)")
    return int(middle > TARGET_MS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))

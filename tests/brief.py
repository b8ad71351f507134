"""Examples made short: these tests ask whether an example works on a cluster, not which of its shapes is best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Half of what a JVM of a few seconds does is to compile itself well."""


def benchmark(path: Path, *, every_value: bool = False) -> dict[str, Any]:
    """The file's Benchmark with one run of each shape: the first value of each parameter, or all of them."""
    (found,) = [one for one in yaml.safe_load_all(path.read_text()) if one["kind"] == "Benchmark"]
    spec: dict[str, Any] = found["spec"]
    spec["repetitions"] = {"count": 1, "warmups": 0}
    for parameter in [] if every_value else spec.get("parameters", []):
        parameter["values"] = parameter["values"][:1]
    if "spark" in spec["workload"]:
        own = spec["workload"]["spark"].setdefault("conf", {})
        for role in ("driver", "executor"):
            own.setdefault(f"spark.{role}.extraJavaOptions", QUICK_JVM)
    return dict(found)

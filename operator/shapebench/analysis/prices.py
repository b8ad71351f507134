"""Whether what a Benchmark's runs cost can be told: a sum over some of its shapes would pass for the whole."""

from __future__ import annotations

from shapebench.api.benchmark import BenchmarkSpec


def missing(spec: BenchmarkSpec) -> tuple[str, ...]:
    """The shapes without a price, where another shape or the driver has one; none where nothing is priced."""
    spark = spec.workload.spark
    without = tuple(shape.name for shape in spec.shapes if shape.price_per_hour is None)
    priced = len(without) < len(spec.shapes) or (spark is not None and spark.driver.price_per_hour is not None)
    return without if priced else ()

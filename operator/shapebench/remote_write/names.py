"""The families of usage: a column of a record's series, and what Prometheus calls it. docs/reference/metrics.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COUNTERS = (
    "cpu_seconds", "cpu_throttled_seconds", "network_receive_bytes", "network_transmit_bytes",
    "network_receive_packets", "network_transmit_packets", "disk_read_bytes", "disk_written_bytes", "disk_reads",
    "disk_writes")
"""Columns that grow, named as the fields of Usage."""
MEMORY_COLUMN = "memory_bytes"

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {**{column: f"{column}_total" for column in COUNTERS}, MEMORY_COLUMN: "memory_working_set_bytes"})
"""Column of api.usage.Series -> the end of the metric's name."""

CPUS_COLUMN = "cpus"
ALIGNED_SUFFIXES: Mapping[str, str] = MappingProxyType({**SUFFIXES, CPUS_COLUMN: "cpus"})
"""Of the run as a whole: beside what its pods used, the CPUs of its workers, of which a CPU per cent is told."""

POD = "shapebench_pod_"
ALIGNED = "shapebench_aligned_"

SOURCE = "record"
"""The value of the label `source`; the agents' own series say "agent"."""

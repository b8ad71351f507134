"""The columns of the tables, with their units: the one source for the files, the report and the reference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shapebench.api.usage import Usage


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "true/false"


@dataclass(frozen=True)
class Column:
    """A column that every file of its table has. `unit` is empty for what is counted or has none."""

    name: str
    kind: Kind
    unit: str
    meaning: str


class Family(StrEnum):
    """Columns that depend on the Benchmark, one for each name that some record has."""

    PARAMETER = "parameter_"
    ROW = "row_"
    MEASUREMENT = "measurement_"
    ENVIRONMENT = "environment_"
    IMAGE = "image_"


def _column(line: str) -> Column:
    name, kind, unit, meaning = line.split(" ", 3)
    return Column(name, Kind[kind], "" if unit == "-" else unit, meaning)


USAGE = tuple(map(_column, (
    "cpu_seconds NUMBER s CPU time of all cores together",
    "cpu_throttled_seconds NUMBER s time for which the CPU limit held processes back",
    "memory_peak_bytes INTEGER B the most at one time, page cache included; over all pods, the sum of peaks",
    "network_receive_bytes INTEGER B received, without loopback (with it on the local backend)",
    "network_transmit_bytes INTEGER B sent, without loopback (with it on the local backend)",
    "network_receive_packets INTEGER - packets received",
    "network_transmit_packets INTEGER - packets sent",
    "disk_read_bytes INTEGER B read from block devices",
    "disk_written_bytes INTEGER B written to block devices",
    "disk_reads INTEGER - read operations",
    "disk_writes INTEGER - write operations",
)))
_WHOLE = {column.name: column for column in USAGE}
_FIRST_USAGE = ("cpu_seconds", "network_receive_bytes", "network_transmit_bytes", "disk_read_bytes",
                "disk_written_bytes")

RUNS_FIRST = (*map(_column, (
    "benchmark TEXT - the Benchmark",
    "shape TEXT - the shape's name",
    "workers INTEGER - workers of the shape",
    "cpu NUMBER cores of one worker",
    "block INTEGER - 0 is the warm-up",
    "repetition INTEGER - within the cell, warm-ups not counted",
    "phase TEXT - Succeeded or Failed",
    "reason TEXT - why the run failed",
    "verdict TEXT - only runs that are Valid enter the statistics",
    "duration_s NUMBER s the longest measured part of a driver or worker, by its own clock",
    "cost NUMBER currency of the measured part; the currency is that of the shapes' prices",
)), *(_WHOLE[name] for name in _FIRST_USAGE))
"""Programs read these by name: they stay. A column for each parameter follows, then RUNS_LAST."""

RUNS_LAST = (
    *map(_column, (
        "run TEXT - the BenchmarkRun",
        "position INTEGER - within the block",
        "attempt INTEGER - more than 1: earlier attempts were lost",
        "backend TEXT - kubernetes or local",
        "memory_bytes INTEGER B of one worker")),
    _WHOLE["memory_peak_bytes"], _WHOLE["cpu_throttled_seconds"],
    *map(_column, (
        "started_s NUMBER Unix-s the first pod's measured part begins",
        "finished_s NUMBER Unix-s the last pod's measured part ends; nodes' clocks differ",
        "queue_s NUMBER s the last attempt was held back, by Kueue or another operator",
        "startup_s NUMBER s from then until the measured part began: nodes, images, programs",
        "message TEXT - what happened, in words",
        "namespace TEXT - the Benchmark's",
        "flags TEXT - what makes the run doubtful: kinds, with a space between",
        "lost_pods TEXT - pods whose usage is missing from the totals: names, with a space between",
        "cost_spent NUMBER currency of all the time for which the pods of all attempts held their nodes",
        "created_s NUMBER Unix-s the BenchmarkRun was created",
        "attempt_created_s NUMBER Unix-s the last attempt was made, where earlier ones were lost",
        "admitted_s NUMBER Unix-s a queue let the run go",
        "scheduled_s NUMBER Unix-s its last pod was put on a node",
        "running_s NUMBER Unix-s all its pods ran")),
    *(column for column in USAGE if column.name not in (*_FIRST_USAGE, "memory_peak_bytes", "cpu_throttled_seconds")),
    *(Column(f"measured_{column.name}", column.kind, column.unit, f"{column.meaning}: the measured part alone")
      for column in USAGE),
    *map(_column, (
        "memory_peak_is_sampled FLAG - the peak is the largest of samples: it may have been more in between",
        "measured_memory_peak_is_sampled FLAG - the same of the measured part alone",
        "measurements_left_out INTEGER - rows of the job that are missing: no median is formed of the others")),
    *(Column(f"lost_{column.name}", column.kind, column.unit,
             f"{column.meaning}: of attempts that were lost, as far as they told; in no other column")
      for column in USAGE),
)

MEASUREMENTS = tuple(map(_column, (
    "benchmark TEXT - the Benchmark",
    "run TEXT - the BenchmarkRun",
    "shape TEXT - the shape's name",
    "block INTEGER - 0 is the warm-up",
    "repetition INTEGER - within the cell, warm-ups not counted",
    "verdict TEXT - only runs that are Valid enter the statistics",
    "row INTEGER - the rows of this run, from 0, through all its pods",
    "role TEXT - of the pod that wrote the row: driver or worker; empty where the record no longer tells",
    "index INTEGER - the pod's number within its role",
)))

SERIES = (
    *map(_column, (
        "run TEXT - the BenchmarkRun",
        "pod TEXT - the pod",
        "role TEXT - driver, executor, worker or ps",
        "index INTEGER - the pod's number within its role",
        "attempt INTEGER - the run's attempt that the pod was of; only the last one counts",
        "time_s NUMBER Unix-s the moment of the sample, by the pod's clock",
        "elapsed_s NUMBER s since the measured part began, by the pod's clock as far as it knows; negative before it")),
    *(Column(column.name, column.kind, column.unit, f"{column.meaning}, since the pod's program began")
      for column in USAGE if column.name != "memory_peak_bytes"),
    Column("memory_bytes", Kind.INTEGER, "B", "the working set then: without page cache that is easy to drop"),
)

assert tuple(column.name for column in USAGE) == tuple(Usage.model_fields)

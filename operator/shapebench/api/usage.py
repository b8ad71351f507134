"""What agents count, in every record: what a pod used, what the kernel below it did meanwhile, samples over its life.

Sizes are bytes, CPU seconds of one core, times Unix seconds. A counter that could not be read is None, never 0.
"""

from __future__ import annotations

from shapebench.api.fields import Count, Number, Value


class Usage(Value):
    """What was used between two readings of the counters (None: not readable here)."""

    cpu_seconds: Number | None = None
    cpu_throttled_seconds: Number | None = None
    memory_peak_bytes: Count | None = None
    network_receive_bytes: Count | None = None
    network_transmit_bytes: Count | None = None
    network_receive_packets: Count | None = None
    network_transmit_packets: Count | None = None
    disk_read_bytes: Count | None = None
    disk_written_bytes: Count | None = None
    disk_reads: Count | None = None
    disk_writes: Count | None = None


class Surroundings(Value):
    """What the kernel below a pod did meanwhile: over the measured part where there is one, else over the program.

    The node's counters are those of all that ran on that kernel, this pod included; `boot_id` tells kernels apart,
    since several nodes of a kind cluster share one. `agent_cpu_seconds`: what the agent itself used, which is in no
    usage and yet of the pod's limit. None: not told here.
    """

    boot_id: str = ""
    window_s: Number | None = None
    node_cpus: Count | None = None
    node_memory_bytes: Count | None = None
    node_cpu_seconds: Number | None = None
    node_steal_seconds: Number | None = None
    cpu_periods: Count | None = None
    cpu_throttled_periods: Count | None = None
    cpu_pressure_seconds: Number | None = None
    memory_pressure_seconds: Number | None = None
    io_pressure_seconds: Number | None = None
    swap_peak_bytes: Count | None = None
    agent_cpu_seconds: Number | None = None


class Series(Value):
    """Samples over a pod's life: `time_s[i]` (Unix) belongs to `columns[name][i]`, names as in Usage.

    Counters are cumulative since the program's start; memory_bytes is the working set at that moment.
    `thinned_from`: how many samples there were before the operator left some out to make a record fit.
    """

    time_s: tuple[float, ...] = ()
    columns: dict[str, tuple[float | None, ...]] = {}
    thinned_from: int | None = None

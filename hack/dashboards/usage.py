"""What runs use, as the dashboards show it: each kind once, for curves, bars and pods alike."""

from __future__ import annotations

from typing import NamedTuple


class Counter(NamedTuple):
    """A counter of usage: the end of its metric's name, and what it and its growth per second are."""

    name: str
    title: str
    rate: str
    unit: str
    rate_unit: str


COUNTERS = (
    Counter("cpu_throttled_seconds", "CPU time withheld", "CPU time withheld by the limit", "s", "percentunit"),
    Counter("network_receive_bytes", "Network bytes in", "Network bytes in", "bytes", "Bps"),
    Counter("network_transmit_bytes", "Network bytes out", "Network bytes out", "bytes", "Bps"),
    Counter("network_receive_packets", "Network packets in", "Network packets in", "short", "pps"),
    Counter("network_transmit_packets", "Network packets out", "Network packets out", "short", "pps"),
    Counter("disk_read_bytes", "Disk bytes read", "Disk bytes read", "bytes", "Bps"),
    Counter("disk_written_bytes", "Disk bytes written", "Disk bytes written", "bytes", "Bps"),
    Counter("disk_reads", "Disk reads", "Disk reads", "short", "iops"),
    Counter("disk_writes", "Disk writes", "Disk writes", "short", "iops"),
)
"""CPU itself is not here: it is shown in cores and in per cent."""

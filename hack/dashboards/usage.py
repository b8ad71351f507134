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
    Counter("cpu_throttled_seconds", "CPU time withheld", "CPU withheld by the limit, of one core", "s", "percentunit"),
    Counter("network_receive_bytes", "Network bytes in", "Network bytes in per second", "bytes", "Bps"),
    Counter("network_transmit_bytes", "Network bytes out", "Network bytes out per second", "bytes", "Bps"),
    Counter("network_receive_packets", "Network packets in", "Network packets in per second", "short", "pps"),
    Counter("network_transmit_packets", "Network packets out", "Network packets out per second", "short", "pps"),
    Counter("disk_read_bytes", "Disk bytes read", "Disk bytes read per second", "bytes", "Bps"),
    Counter("disk_written_bytes", "Disk bytes written", "Disk bytes written per second", "bytes", "Bps"),
    Counter("disk_reads", "Disk reads", "Disk reads per second", "short", "iops"),
    Counter("disk_writes", "Disk writes", "Disk writes per second", "short", "iops"),
)
"""CPU itself is not here: it is shown in cores and in per cent."""

PEAKS = ("It is the sum of each pod's own peak, page cache included: pods have theirs at different moments, so it can "
         "be far more than they held at any one.")
ROWS = ("Of each run the first 50 rows are here: what a job of more rows measured later is in the report and the "
        "export alone.")

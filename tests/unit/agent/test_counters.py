"""A window's usage never falls, whatever a source forgets."""

from __future__ import annotations

from shapebench.agent.counters import Counters, Cpu, Disk, Network, Window


def reading(cpu_s: float, disk_bytes: int | None) -> Counters:
    return Counters(cpu=Cpu(used_s=cpu_s), network=Network(receive_bytes=5), disk=Disk(read_bytes=disk_bytes))


def test_usage_keeps_what_a_process_tree_forgets() -> None:
    window = Window(reading(1.0, 100))
    for cpu_s, disk_bytes in ((4.0, 900), (3.5, None)):
        window.observe(reading(cpu_s, disk_bytes))
    usage = window.usage()
    assert (usage.cpu_seconds, usage.disk_read_bytes, usage.network_receive_bytes) == (3.0, 800, 0)

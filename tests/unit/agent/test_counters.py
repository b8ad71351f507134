"""A window's usage never falls, whatever a source forgets."""

from __future__ import annotations

import pytest

from shapebench.agent.counters import Counters, Cpu, Disk, Memory, Network, Window


def reading(cpu_s: float, disk_bytes: int | None) -> Counters:
    return Counters(cpu=Cpu(used_s=cpu_s), network=Network(receive_bytes=5), disk=Disk(read_bytes=disk_bytes))


def test_usage_keeps_what_a_process_tree_forgets() -> None:
    window = Window(reading(1.0, 100))
    for cpu_s, disk_bytes in ((4.0, 900), (3.5, None)):
        window.observe(reading(cpu_s, disk_bytes))
    usage = window.usage()
    assert (usage.cpu_seconds, usage.disk_read_bytes, usage.network_receive_bytes) == (3.0, 800, 0)


def memory(usage: int | None, peak: int | None, **more: int | bool) -> Counters:
    return Counters(memory=Memory(usage_bytes=usage, peak_bytes=peak, **more))


@pytest.mark.parametrize(("readings", "peak", "sampled"), [
    pytest.param([memory(10, 20), memory(15, 300)], 300, False, id="the kernel's peak rose"),
    pytest.param([memory(10, 300), memory(250, 300), memory(15, 300)], 250, True, id="it did not"),
    pytest.param([memory(10, None), memory(15, None)], 15, True, id="the kernel tells none"),
    pytest.param([memory(10, None), memory(15, 300)], 300, False, id="it begins to tell"),
    pytest.param([memory(None, None), memory(None, None)], None, None, id="nothing is told"),
    pytest.param([memory(10, 300, agent_bytes=17), memory(15, 300, agent_bytes=16)], 15, True,
                 id="the agent's own part fell, the peak did not rise"),
    pytest.param([memory(10, 300, agent_bytes=16), memory(15, 302, agent_bytes=20)], 282, False,
                 id="the agent's own part grew more than the peak"),
    pytest.param([memory(10, 0, peak_is_of_one=True), memory(15, 12, peak_is_of_one=True)], 15, True,
                 id="the largest process is not all of them"),
])
def test_a_memory_peak_says_whether_it_is_sampled(readings: list[Counters], peak: int | None,
                                                  sampled: bool | None) -> None:
    window = Window(readings[0])
    for one in readings[1:]:
        window.observe(one)
    assert (window.usage().memory_peak_bytes, window.peak_is_sampled) == (peak, sampled)

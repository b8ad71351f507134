"""What the kernel below did meanwhile, from recorded files and from the machine itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shapebench.agent import cgroup, surroundings
from shapebench.agent.counters import Counters, Cpu, Disk, Memory, Pressure, Window
from shapebench.agent.surroundings import NodeCpu, Survey
from shapebench.api import usage

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STAT = "cpu  {user} 20 30 1000 50 6 7 {steal} 900 15\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1 1 1\nintr 5 6\n"
SOME = "some avg10=1.00 avg60=0.10 avg300=0.00 total={some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"


class Still:
    """A source with a pressure that is set by hand."""

    kind = "cgroup-v2"

    def __init__(self) -> None:
        self.pressing = Pressure()

    def read(self) -> Counters:
        return Counters()

    def memory_bytes(self) -> int | None:
        return None

    def pressure(self) -> Pressure:
        return self.pressing


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "sys" / "kernel" / "random").mkdir(parents=True)
    (tmp_path / "sys" / "kernel" / "random" / "boot_id").write_text("b00t\n")
    (tmp_path / "meminfo").write_text("MemTotal:     2048 kB\nMemFree: 1 kB\nSwapTotal:        8 kB\n")
    (tmp_path / "stat").write_text(STAT.format(user=100, steal=40))
    return tmp_path


def test_fields_are_those_of_the_record() -> None:
    assert set(surroundings.Surroundings._fields) == set(usage.Surroundings.model_fields)


def test_between_two_moments(proc: Path) -> None:
    source, now, own_s = Still(), [10.0], [2.0]
    survey = Survey(proc, source, lambda: now[0], lambda: own_s[0])
    source.pressing = Pressure(1.0, None, 2.0)
    survey.start()
    now[0], source.pressing, own_s[0] = 14.5, Pressure(1.25, None, 2.5), 2.125
    (proc / "stat").write_text(STAT.format(user=700, steal=43))
    survey.stop()
    now[0], own_s[0] = 99.0, 3.0
    (proc / "stat").write_text(STAT.format(user=9000, steal=999))
    survey.stop()
    window = Window(Counters(Cpu(periods=5, throttled_periods=1), Memory(swap_bytes=100)))
    window.observe(Counters(Cpu(periods=25, throttled_periods=4), Memory(swap_bytes=700)))
    window.observe(Counters(Cpu(periods=25, throttled_periods=4), Memory(swap_bytes=300)))
    assert survey.report(window)._asdict() == {
        "boot_id": "b00t", "window_s": 4.5, "node_cpus": 2, "node_memory_bytes": 2048 << 10,
        "node_cpu_seconds": pytest.approx(600 * TICK_S), "node_steal_seconds": pytest.approx(3 * TICK_S),
        "cpu_periods": 20, "cpu_throttled_periods": 3, "cpu_pressure_seconds": 0.25, "memory_pressure_seconds": None,
        "io_pressure_seconds": 0.5, "swap_peak_bytes": 700, "agent_cpu_seconds": 0.125}


def test_while_it_goes_on_nobody_looks_around(proc: Path) -> None:
    """The node's file is long on a large machine, and a checkpoint is left every second."""
    survey = Survey(proc, Still(), lambda: 0.0)
    survey.start()
    (proc / "stat").write_text(STAT.format(user=700, steal=43))
    during = survey.report(Window(Counters()), goes_on=True)
    assert (during.boot_id, during.node_cpus, during.node_memory_bytes) == ("b00t", 2, 2048 << 10)
    assert during.window_s is during.node_cpu_seconds is during.node_steal_seconds is None
    survey.stop()
    after = survey.report(Window(Counters()), goes_on=True)
    assert after.node_cpu_seconds == pytest.approx(600 * TICK_S), "the measured part is over, the program is not"


def test_a_guest_of_this_node_is_counted_once() -> None:
    """The 900 and the 15 are in user's and nice's already."""
    assert surroundings.node_cpu(STAT.format(user=1000, steal=40)) == NodeCpu(
        pytest.approx((1000 + 20 + 30 + 6 + 7) * TICK_S), pytest.approx(40 * TICK_S), 2)


@pytest.mark.parametrize(("total", "peak"), [
    pytest.param("SwapTotal: 0 kB", 0, id="nothing to swap to"),
    pytest.param("SwapTotal: 8 kB", None, id="nobody told"),
    pytest.param("", None, id="unknown"),
])
def test_swap_that_no_counter_tells(proc: Path, total: str, peak: int | None) -> None:
    (proc / "meminfo").write_text(total + "\n")
    assert Survey(proc, Still(), lambda: 0.0).report(Window(Counters())).swap_peak_bytes == peak


def test_a_kernel_without_these_files(tmp_path: Path) -> None:
    around = Survey(tmp_path, Still(), lambda: 0.0).report(Window(Counters()))
    assert around == surroundings.Surroundings(window_s=0.0, agent_cpu_seconds=0.0)


def test_pressure_of_the_group_alone(trees: Path, tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").touch()
    for name, some in (("cpu", 1_500_000), ("io", 250_000)):
        (tmp_path / f"{name}.pressure").write_text(SOME.format(some=some))
    (tmp_path / "memory.swap.current").write_text("4096\n")
    (tmp_path / "memory.swap.peak").write_text("8192\n")
    group = cgroup.find(tmp_path, trees / "v2" / "proc", tmp_path, Disk)
    assert group is not None
    assert group.pressure() == Pressure(1.5, None, 0.25)
    memory = group.memory()
    assert (memory.swap_bytes, memory.swap_peak_bytes) == (4096, 8192)


@pytest.mark.parametrize(("text", "seconds"), [
    pytest.param(SOME.format(some=7), 7e-6, id="some, not full"),
    pytest.param("full avg10=0.00 total=9\n", None, id="full alone"),
    pytest.param("", None, id="no file"),
])
def test_pressure_text(text: str, seconds: float | None) -> None:
    assert cgroup.pressure_s(text) == (None if seconds is None else pytest.approx(seconds))


def test_of_a_real_run(run, python) -> None:
    before = surroundings.node_cpu(Path("/proc/stat").read_text())
    result = run(*python("""
        import time
        def look(): print(open("/proc/stat").readline(), end="", flush=True)
        look()
        while time.process_time() < 0.5: pass
        look()
    """))
    after = surroundings.node_cpu(Path("/proc/stat").read_text())
    began, ended = (surroundings.node_cpu(line) for line in result.stdout.splitlines() if line.startswith("cpu "))
    around = result.record.surroundings
    assert around.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert around.node_cpus == os.cpu_count()
    assert around.node_memory_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert ended.busy_s - began.busy_s <= around.node_cpu_seconds + 1e-6, "a little before and a little after it"
    assert around.node_cpu_seconds <= after.busy_s - before.busy_s + 1e-6
    assert around.node_cpu_seconds > 0.25
    assert 0.5 <= around.window_s < 30

"""Windows, samples and the bounded series, with made counters and a made clock."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.agent.counters import Counters, Cpu, Disk, Memory, Network, Usage
from shapebench.agent.sampler import Sampler
from shapebench.agent.series import Sample, Series
from shapebench.api import usage


class Machine:
    """A clock and a source in one: a second of time uses a second of CPU."""

    kind = "processes"

    def __init__(self) -> None:
        self.now = 1000.0
        self.memory = Memory()
        self.broken = False
        self.heard: list[str] = []

    def clock(self) -> float:
        return self.now

    def read(self) -> Counters:
        if self.broken:
            raise ValueError("a new kernel's new form")
        used = self.now - 900
        return Counters(Cpu(used), self.memory, Network(int(used) * 10, int(used), 0, 0), Disk())

    def memory_bytes(self) -> int | None:
        return self.memory.usage_bytes


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_usage_fields_are_those_of_the_record() -> None:
    assert set(Usage._fields) == set(usage.Usage.model_fields)


def test_totals_count_from_the_programs_start(machine: Machine) -> None:
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    machine.now += 7
    sampler.begin()
    machine.now += 2.5
    sampler.finish()
    assert sampler.usage().cpu_seconds == 2.5
    assert sampler.usage().network_receive_bytes == 20
    assert sampler.usage().disk_read_bytes is None
    assert sampler.series.columns()[0] == [1007.0, 1009.5]
    assert sampler.series.columns()[1]["cpu_seconds"] == [0, 2.5]


def test_the_measured_part_is_read_at_its_ends(machine: Machine) -> None:
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    machine.now += 3.25
    sampler.open_measured()
    machine.now += 1.5
    assert sampler.measured_usage() is None, "not ended"
    sampler.close_measured()
    machine.now += 10
    sampler.sample_if_due()
    sampler.finish()
    measured = sampler.measured_usage()
    assert measured is not None
    assert measured.cpu_seconds == 1.5


def test_the_last_start_counts(machine: Machine) -> None:
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    sampler.open_measured()
    machine.now += 5
    sampler.open_measured()
    machine.now += 1
    sampler.close_measured()
    measured = sampler.measured_usage()
    assert measured is not None
    assert measured.cpu_seconds == 1


def test_a_measured_part_can_start_with_the_program(machine: Machine) -> None:
    """Whoever is told late of a start before its own has missed nothing."""
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    machine.now += 1
    sampler.begin()
    machine.now += 2
    sampler.open_measured(from_the_beginning=True)
    machine.now += 3
    sampler.finish()
    assert sampler.measured_usage() == sampler.usage()
    assert sampler.usage().cpu_seconds == 5


def test_a_reading_that_fails_is_told_and_the_one_before_stands(machine: Machine) -> None:
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    machine.now += 2
    sampler.sample_if_due()
    machine.broken = True
    machine.now += 2
    sampler.finish()
    assert sampler.usage().cpu_seconds == 2
    assert "new form" in machine.heard[0]


def test_an_end_without_a_start_is_nothing(machine: Machine) -> None:
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    sampler.close_measured()
    assert sampler.measured_usage() is None


def test_samples_keep_their_beat_and_missed_ones_are_not_made_up_for(machine: Machine) -> None:
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    for pause in (0.5, 0.6, 0.9, 3.7, 0.3):
        machine.now += pause
        sampler.sample_if_due()
    times, columns = sampler.series.columns()
    assert times == [1000.0, pytest.approx(1001.1), pytest.approx(1002.0), pytest.approx(1005.7), pytest.approx(1006.0)]
    assert columns["cpu_seconds"] == [0, pytest.approx(1.1), pytest.approx(2), pytest.approx(5.7), pytest.approx(6.0)]
    assert "disk_read_bytes" not in columns, "a column that nobody could read"


def test_memory_is_looked_at_more_often_until_the_kernels_peak_tells(machine: Machine) -> None:
    machine.memory = Memory(10, 10, 50)
    sampler = Sampler(machine, machine.clock, 1.0, machine.heard.append)
    assert sampler.due_in_s() == 1.0, "outside of the measured part nobody asks"
    sampler.open_measured()
    for bytes_in_use in (20, 45, 15):
        machine.now += 0.2
        machine.memory = Memory(bytes_in_use, bytes_in_use, 50)
        sampler.sample_if_due()
    assert sampler.due_in_s() == pytest.approx(0.2)
    machine.now += 0.45
    machine.memory = Memory(15, 15, 90)
    sampler.sample_if_due()
    assert sampler.due_in_s() == pytest.approx(0.95), "the kernel's peak has risen"
    assert len(sampler.series.columns()[0]) == 2, "these are no samples"
    sampler.close_measured()
    assert (sampler.measured_usage().memory_peak_bytes, sampler.measured_peak_is_sampled) == (90, False)
    sampler.open_measured()
    machine.now += 0.2
    machine.memory = Memory(60, 60, 90)
    sampler.sample_if_due()
    machine.memory = Memory(15, 15, 90)
    sampler.close_measured()
    assert (sampler.measured_usage().memory_peak_bytes, sampler.measured_peak_is_sampled) == (60, True)


@given(st.integers(2, 12), st.integers(1, 500))
def test_a_series_is_bounded_even_and_keeps_its_ends(limit: int, samples: int) -> None:
    series = Series(limit)
    for number in range(samples):
        series.add(Sample(float(number), Usage(cpu_seconds=float(number)), None))
    series.close(Sample(float(samples), Usage(cpu_seconds=float(samples)), None))
    times, columns = series.columns()
    assert len(times) <= limit
    assert times[-1] == columns["cpu_seconds"][-1] == samples
    assert times[0] == 0
    inner = [later - earlier for earlier, later in itertools.pairwise(times[:-1])]
    assert len(set(inner)) <= 1

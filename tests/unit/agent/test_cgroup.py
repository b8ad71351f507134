"""Exact numbers from recorded trees of both cgroup versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shapebench.agent import cgroup, disk, network, sources
from shapebench.agent.counters import Counters, Cpu, Disk, Memory, Network, Sum
from shapebench.agent.own import Share, anonymous_bytes
from shapebench.agent.processes import ProcessTree

NO_PROCESSES = Disk(read_bytes=0, written_bytes=0)
MIB = 1 << 20
NO_SHARE = Share()


def source(tree: Path, own: Share = NO_SHARE) -> sources.PodSource:
    paths = sources.Paths(tree / "cgroup", tree / "proc", tree / "sys")
    found = sources.find("cgroup", paths, ProcessTree(paths.proc, 1), lambda: own)
    assert isinstance(found, sources.PodSource)
    return found


def test_v2(trees: Path) -> None:
    pod = source(trees / "v2")
    assert pod.kind == "cgroup-v2"
    counters = pod.read()
    assert counters.cpu == Cpu(pytest.approx(12.345678), pytest.approx(2.5), 420, 37)
    assert counters.memory == Memory(300 * MIB, 200 * MIB, 384 * MIB, 1)
    assert counters.network == Network(71_000_000, 50_900, 3_200_000, 20_800)
    assert counters.disk == Disk(3 * MIB, 4 * MIB, 48, 64), "dm device 253:0 lies on sda and is left out"


def test_v1(trees: Path) -> None:
    pod = source(trees / "v1")
    assert pod.kind == "cgroup-v1"
    counters = pod.read()
    assert counters.cpu == Cpu(pytest.approx(9.87654321), pytest.approx(1.5), 300, 21)
    assert counters.memory == Memory(200 * MIB, 150 * MIB, 256 * MIB, 2)
    assert counters.network == Network(71_000_000, 50_900, 3_200_000, 20_800)
    assert counters.disk == Disk(4 * MIB, 1 * MIB, 64, 8)


def test_the_agents_own_use_is_taken_off(trees: Path) -> None:
    counters = source(trees / "v2", Share(cpu_s=0.345678, memory_bytes=20 * MIB)).read()
    assert counters.cpu.used_s == pytest.approx(12)
    assert counters.cpu.throttled_s == pytest.approx(2.5)
    assert counters.memory[:2] == (280 * MIB, 180 * MIB)
    assert (counters.memory.peak_bytes, counters.memory.agent_bytes) == (384 * MIB, 20 * MIB), "the window takes it off"


@pytest.mark.parametrize(("rollup", "expected"), [
    pytest.param("55-7f ---p 0 [rollup]\nRss:  900 kB\nAnonymous:    12 kB\nLazyFree: 3 kB\n", 12 << 10, id="told"),
    pytest.param("", 0, id="an old kernel"),
])
def test_own_memory(rollup: str, expected: int) -> None:
    assert anonymous_bytes(rollup) == expected


def found(tree: Path, process_disk: Disk = NO_PROCESSES) -> cgroup.CgroupV1 | cgroup.CgroupV2:
    group = cgroup.find(tree / "cgroup", tree / "proc", tree / "sys", lambda: process_disk)
    assert group is not None
    return group


def test_what_the_kernel_does_not_tell_is_none_and_not_zero(trees: Path, tmp_path: Path) -> None:
    """A v2 group without controllers: the host's root group has cpu.stat alone."""
    shutil.copytree(trees / "v2", tmp_path / "v2")
    files = tmp_path / "v2" / "cgroup"
    for name in ("memory.current", "memory.peak", "memory.stat", "memory.events"):
        (files / name).unlink()
    (files / "cpu.stat").write_text("usage_usec 5\nuser_usec 5\nsystem_usec 0\n")
    group = found(tmp_path / "v2")
    assert group.cpu() == Cpu(pytest.approx(5e-6), None)
    assert group.memory() == Memory(None, None, None, None)


def test_v2_without_io_controller_tells_the_processes_disk(trees: Path, tmp_path: Path) -> None:
    shutil.copytree(trees / "v2", tmp_path / "v2")
    (tmp_path / "v2" / "cgroup" / "io.stat").unlink()
    assert found(tmp_path / "v2", Disk(11, 22)).disk() == Disk(11, 22, None, None)


def test_v1_takes_the_processes_bytes_where_they_are_more(trees: Path) -> None:
    """Buffered writes are done by the kernel's flusher, outside the group."""
    assert found(trees / "v1", Disk(1, 50 * MIB)).disk() == Disk(4 * MIB, 50 * MIB, 64, 8)


def test_v1_of_a_new_kernel_whose_blkio_stays_at_zero(trees: Path, tmp_path: Path) -> None:
    shutil.copytree(trees / "v1", tmp_path / "v1")
    for path in (tmp_path / "v1" / "cgroup" / "blkio").iterdir():
        path.write_text("Total 0\n")
    assert found(tmp_path / "v1", Disk(7, 9)).disk() == Disk(7, 9, None, None)


def test_v1_with_separate_mounts_and_a_group_below(trees: Path, tmp_path: Path) -> None:
    """Outside a container /proc/self/cgroup's path exists below the mount."""
    root = tmp_path / "cgroup"
    for controller, name, text in (("cpuacct", "cpuacct.usage", "3000000000"),
                                   ("cpu", "cpu.stat", "throttled_time 0")):
        own = root / controller / "jobs" / "mine"
        own.mkdir(parents=True)
        (own / name).write_text(text + "\n")
        (root / controller / name).write_text("999\n")
    proc = tmp_path / "proc" / "self"
    proc.mkdir(parents=True)
    (proc / "cgroup").write_text("3:cpuacct:/jobs/mine\n2:cpu:/jobs/mine\n")
    assert found(tmp_path).cpu() == Cpu(3.0, 0.0)


def test_a_path_outside_the_namespace_is_not_followed(trees: Path, tmp_path: Path) -> None:
    shutil.copytree(trees / "v2", tmp_path / "v2")
    (tmp_path / "v2" / "proc" / "self" / "cgroup").write_text("0::/../../proc\n")
    assert found(tmp_path / "v2").cpu().used_s == pytest.approx(12.345678)


def test_no_cgroup_at_all_tells_by_the_processes(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    paths = sources.Paths(tmp_path / "nothing", tmp_path / "proc", tmp_path / "sys")
    assert sources.find("cgroup", paths, ProcessTree(paths.proc, 1)).kind == "processes"


def test_network_with_and_without_the_loopback(trees: Path) -> None:
    read = {lo: network.NetworkCounters(trees / "v2" / "proc", with_loopback=lo).read() for lo in (True, False)}
    assert read[True] == Network(71_500_000, 51_300, 3_700_000, 21_200)
    assert read[False] == Network(71_000_000, 50_900, 3_200_000, 20_800)


def test_no_network_file(tmp_path: Path) -> None:
    assert network.NetworkCounters(tmp_path, with_loopback=True).read() == Network(None, None, None, None)


@pytest.mark.parametrize(("text", "expected"), [
    pytest.param("", Disk(0, 0, 0, 0), id="no device was touched"),
    pytest.param("8:0 rbytes=1 wbytes=2 rios=3 wios=4\n", Disk(1, 2, 3, 4), id="one device"),
    pytest.param("8:0 \n8:16 rbytes=5\n", Disk(5, 0, 0, 0), id="a device without numbers"),
    pytest.param("8:0 rbytes=1 cost.usage=77 rbytes=x\n", Disk(1, 0, 0, 0), id="keys of other kernels"),
])
def test_io_stat(text: str, expected: Disk) -> None:
    assert Disk(*Sum(4).of(disk.parse_io_stat(text))) == expected


NET = "Inter-|\n face |\n"
ETH0 = "  eth0: 100 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n"


@pytest.mark.parametrize(("later", "expected"), [
    pytest.param([NET + ETH0.replace("100 1", "150 2")], Network(350, 4, 30, 3), id="none went"),
    pytest.param([NET, NET + "  veth1: 70 7 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"], Network(370, 10, 35, 4),
                 id="all went, one came"),
    pytest.param([NET, NET + ETH0.replace("100 1", "150 2")], Network(350, 4, 30, 3), id="one was away"),
    pytest.param([NET + ETH0.replace("100 1", "30 1")], Network(330, 3, 30, 3), id="one began anew"),
])
def test_an_interface_that_goes_takes_nothing_along(tmp_path: Path, later: list[str], expected: Network) -> None:
    (tmp_path / "net").mkdir()
    counters = network.NetworkCounters(tmp_path, with_loopback=False)
    for text in (NET + ETH0 + "   lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n veth0: 200 2 0 0 0 0 0 0 20 2\n", *later):
        (tmp_path / "net" / "dev").write_text(text)
        found = counters.read()
    assert found == expected


@pytest.mark.parametrize(("version", "file", "first", "later"), [
    pytest.param("v2", "io.stat", "8:0 rbytes=10 rios=1\n7:3 rbytes=500 rios=5\n", "8:0 rbytes=310 rios=4\n", id="v2"),
    pytest.param("v1", "blkio/blkio.throttle.io_service_bytes_recursive", "8:0 Read 10\n7:3 Read 500\nTotal 510\n",
                 "8:0 Read 310\nTotal 310\n", id="v1"),
])
def test_a_device_that_goes_takes_nothing_along(trees: Path, tmp_path: Path, version: str, file: str, first: str,
                                                later: str) -> None:
    shutil.copytree(trees / version, tmp_path / version)
    path = tmp_path / version / "cgroup" / file
    group = found(tmp_path / version)
    path.write_text(first)
    before = group.disk().read_bytes
    path.write_text(later)
    assert (before, group.disk().read_bytes) == (510, 810)


def test_counters_start_unknown() -> None:
    assert Counters().cpu.used_s is None

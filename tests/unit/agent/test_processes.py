"""A recorded /proc: who belongs to the tree, and what it has used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from shapebench.agent.counters import Disk
from shapebench.agent.network import NetworkCounters
from shapebench.agent.processes import ProcessTree, Reaped, TreeSource, parse_stat

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def proc(trees: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trees / "processes" / "proc", tmp_path / "proc"))


def replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def source(proc: Path, reaped: list[Reaped]) -> TreeSource:
    return TreeSource(ProcessTree(proc, 100), NetworkCounters(proc, with_loopback=True), lambda: reaped[-1],
                      {101: 2.987654}.get)


def test_a_name_with_brackets_and_spaces(proc: Path) -> None:
    process = parse_stat((proc / "103" / "stat").read_text())
    assert (process.pid, process.state, process.parent) == (103, "R", 101)
    assert process.own_ticks + process.children_ticks == 100


def test_members_are_the_descendants(proc: Path) -> None:
    assert sorted(p.pid for p in ProcessTree(proc, 100).living()) == [101, 102, 103]


def test_totals_are_the_living_and_the_reaped(proc: Path) -> None:
    counters = source(proc, [Reaped(1.5, 60 << 20)]).read()
    own_s, of_dead_children = 2.987654, 50 * TICK_S
    assert counters.cpu.used_s == pytest.approx(1.5 + own_s + of_dead_children + (10 + 100) * TICK_S)
    assert counters.cpu.throttled_s is None
    assert counters.memory.usage_bytes == 12_500 * PAGE
    assert counters.memory.peak_bytes == 60 << 20
    assert counters.disk == Disk(1_305_000, 2_040_600, None, None), "the agent's own account is the reaped ones'"


def test_an_orphan_that_init_took_over_stays_a_member(proc: Path) -> None:
    tree = ProcessTree(proc, 100)
    tree.living()
    shutil.rmtree(proc / "101")
    replace(proc / "103" / "stat", " R 101 ", " R 1 ")
    assert 103 in {p.pid for p in tree.living()}


def test_another_process_with_an_orphans_old_number_is_no_member(proc: Path) -> None:
    tree = ProcessTree(proc, 100)
    tree.living()
    replace(proc / "103" / "stat", " R 101 ", " R 1 ")
    replace(proc / "103" / "stat", " 5003 ", " 9003 ")
    assert 103 not in {p.pid for p in tree.living()}


def test_a_child_whose_number_is_lower_than_its_parents(proc: Path) -> None:
    """Numbers start over when they are used up."""
    (proc / "50").mkdir()
    (proc / "50" / "stat").write_text((proc / "103" / "stat").read_text().replace("103 (", "50 (")
                                      .replace(" R 101 ", " R 103 "))
    assert 50 in {p.pid for p in ProcessTree(proc, 100).living()}


def test_cpu_never_falls_while_something_lives_and_is_exact_at_the_end(proc: Path) -> None:
    reaped = [Reaped(0.0, 0)]
    tree = source(proc, reaped)
    before = tree.read().cpu.used_s
    shutil.rmtree(proc / "103")  # died after its parent was looked at: missed by this reading
    assert tree.read().cpu.used_s == before
    for pid in ("101", "102"):
        shutil.rmtree(proc / pid)
    reaped.append(Reaped(3.987654, 0))
    assert tree.read().cpu.used_s == 3.987654


def test_a_process_whose_account_may_not_be_read_is_passed_over(proc: Path) -> None:
    (proc / "103" / "io").unlink()
    assert source(proc, [Reaped(0, 0)]).read().disk.read_bytes == 1_300_000


def test_no_account_at_all_is_none(proc: Path) -> None:
    for io in proc.glob("*/io"):
        io.unlink()
    assert source(proc, [Reaped(0, 0)]).read().disk == Disk(None, None, None, None)


@pytest.mark.parametrize("kept_open", [pytest.param(200, id="files kept open"), pytest.param(0, id="too many to")])
def test_disk_alone_follows_who_comes_and_goes(proc: Path, kept_open: int) -> None:
    """As in a control group, where nobody asks for each process' CPU."""
    tree = ProcessTree(proc, 100, kept_open)
    before = tree.disk()
    assert before == Disk(1_305_000, 2_040_600)
    (proc / "104").mkdir()
    (proc / "104" / "stat").write_text((proc / "103" / "stat").read_text().replace("103 (", "104 (", 1))
    (proc / "104" / "io").write_text("read_bytes: 7\nwrite_bytes: 8\n")
    assert tree.disk() == Disk(1_305_007, 2_040_608)
    shutil.rmtree(proc / "104")
    assert tree.disk() == before


def test_what_is_done_apart_is_not_the_trees(proc: Path) -> None:
    tree = ProcessTree(proc, 100)
    before = tree.disk()
    with tree.apart():
        text = (proc / "100" / "io").read_text()
        rows = dict(line.split(": ") for line in text.splitlines())
        rows["write_bytes"] = str(int(rows["write_bytes"]) + 4096)
        (proc / "100" / "io").write_text("".join(f"{key}: {value}\n" for key, value in rows.items()))
    assert tree.disk() == before

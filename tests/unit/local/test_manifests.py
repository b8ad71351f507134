"""Files and folders of Benchmarks: what counts in a folder, and what is said of one that has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapebench.local import manifests

BENCHMARK = """\
apiVersion: shapebench.dev/v1alpha1
kind: Benchmark
metadata: {name: NAME}
spec:
  workload: {tensorflow: {command: [python, -c, pass]}}
  shapes: [{name: a, workers: 1, cpu: "1", memory: 1Gi}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What may lie beside a Benchmark: a claim, notes, a folder with more."""
    here = tmp_path / "folder"
    (here / "below").mkdir(parents=True)
    (here / "b.yaml").write_text(BENCHMARK.replace("NAME", "one") + "---\n" + BENCHMARK.replace("NAME", "two"))
    (here / "a.yml").write_text(BENCHMARK.replace("NAME", "three"))
    (here / "below" / "c.yaml").write_text(BENCHMARK.replace("NAME", "below"))
    (here / "claim.yaml").write_text("apiVersion: v1\nkind: PersistentVolumeClaim\n")
    (here / "notes.txt").write_text("{")
    (here / "old.yaml").mkdir()
    return here


def test_a_folder_is_its_files_with_benchmarks(folder: Path) -> None:
    contents = manifests.read([folder])
    assert [(one.file.name, one.name) for one in contents.found] == [
        ("a.yml", "three"), ("b.yaml", "one"), ("b.yaml", "two")]
    assert contents.problems == ()


def test_a_file_that_is_named_twice_counts_once(folder: Path) -> None:
    contents = manifests.read([folder / "b.yaml", folder, folder / "below" / ".." / "a.yml"])
    assert [one.name for one in contents.found] == ["one", "two", "three"]


def test_benchmarks_of_one_name_know_each_other(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(BENCHMARK.replace("NAME", "two"))
    contents = manifests.read([folder, tmp_path / "other.yaml"])
    assert [[other.file.name for other in contents.namesakes(one)] for one in contents.found] == [
        [], [], ["other.yaml"], ["b.yaml"]]


@pytest.mark.parametrize(("source", "problem"), [
    pytest.param("claim.yaml", "has no document with kind: Benchmark, only PersistentVolumeClaim",
                 id="file-of-another-kind"),
    pytest.param("nothing.yaml", "cannot be read: No such file or directory", id="no-file"),
    pytest.param("below", "spec: is missing; add it", id="broken-file-in-a-folder"),
    pytest.param("bare", "no .yaml, .yml, .json file in this folder has a document with kind: Benchmark (folders below "
                 "are not looked into)", id="folder-of-other-kinds"),
])
def test_what_has_no_benchmark_says_so_and_hides_no_other(folder: Path, source: str, problem: str) -> None:
    (folder / "below" / "c.yaml").write_text(BENCHMARK.replace("NAME", "below").partition("spec:")[0])
    (folder / "bare").mkdir()
    (folder / "bare" / "claim.yaml").write_text("apiVersion: v1\nkind: PersistentVolumeClaim\n")
    contents = manifests.read([folder / source, folder / "a.yml"])
    assert [one.name for one in contents.found] == ["three"]
    (told,) = contents.problems
    assert told.startswith(str(folder / source))
    assert told.endswith(problem)

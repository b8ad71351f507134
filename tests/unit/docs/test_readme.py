"""What README and CONTRIBUTING tell people to type is there: targets, files, and manifests that can be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from shapebench.api.benchmark import Benchmark
from shapebench.cli import app
from shapebench.plan import acceptance

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAM = ".venv/bin/shapebench "
COMMAND = r"shapebench (plan|run|report|export)\b"
SHELL = ("", "sh", "bash", "console")


def blocks(page: Path, *languages: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [text for language, text in fenced if language in languages]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_benchmarks_in_the_text_can_be_run(page: Path) -> None:
    for block in blocks(page, "yaml"):
        for document in yaml.safe_load_all(block):
            if isinstance(document, dict) and document.get("kind") == "Benchmark":
                assert acceptance.problems(Benchmark.model_validate(document).spec) == ()


def test_the_readme_has_a_benchmark() -> None:
    assert any("kind: Benchmark" in block for block in blocks(ROOT / "README.md", "yaml"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_in_the_text_exist(page: Path) -> None:
    makefiles = (ROOT / "Makefile").read_text() + (ROOT / "hack/kind.mk").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefiles, re.MULTILINE))
    lines = [line for block in blocks(page, *SHELL) for line in block.splitlines()]
    named = {word for line in lines if line.startswith("make ") for word in line.split("#")[0].split()[1:]
             if re.fullmatch(r"[a-z0-9-]+", word)}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_where_a_fresh_clone_has_them(page: Path) -> None:
    """`make setup` puts the program into .venv/bin, which is on nobody's PATH."""
    lines = [line.strip() for block in blocks(page, *SHELL) for line in block.splitlines()]
    assert [line for line in lines if line.startswith("shapebench ")] == []
    if page.parent.name in ("concepts", "how-to") and re.search(COMMAND, page.read_text()):
        assert ".venv/bin/shapebench" in page.read_text()


def commands(page: Path) -> list[str]:
    lines = [line.partition("#")[0].strip() for block in blocks(page, *SHELL)
             for line in block.splitlines()]
    return [line.removeprefix(PROGRAM) for line in lines if line.startswith(PROGRAM)]


@pytest.mark.parametrize("line", sorted({line for page in PAGES for line in commands(page)}))
def test_commands_have_the_options_that_the_text_gives_them(line: str) -> None:
    name, *words = shlex.split(line)
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]  # several commands: a group
    assert command.make_context(name, words, resilient_parsing=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []

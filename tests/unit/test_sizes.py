"""Small pieces: no function over 40 lines, no module over 300. A long one is a sign that it holds two ideas."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for room in ("operator", "jobs", "hack") for path in (ROOT / room).rglob("*.py"))


def test_modules_are_short() -> None:
    assert MODULES
    assert {path.name: len(path.read_text().splitlines()) for path in MODULES
            if len(path.read_text().splitlines()) > 300} == {}


def test_functions_are_short() -> None:
    functions = [(path, node) for path in MODULES for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert {f"{path.name}:{node.name}": node.end_lineno - node.lineno + 1 for path, node in functions
            if node.end_lineno - node.lineno + 1 > 40} == {}

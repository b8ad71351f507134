"""The operator stays small: what only a report or a search needs is not imported."""

from __future__ import annotations

import subprocess
import sys

from shapebench import handlers

HEAVY = ("numpy", "scipy", "sklearn", "matplotlib", "pandas", "rich", "fsspec", "obstore", "duckdb")


def test_the_operator_imports_nothing_heavy() -> None:
    code = f"import sys, shapebench.main, shapebench.reconcile.loop; print(*sorted({set(HEAVY)} & set(sys.modules)))"
    root = handlers.__path__[0].removesuffix("/shapebench/handlers")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
                          env={"PYTHONPATH": root})
    assert done.stdout.strip() == ""

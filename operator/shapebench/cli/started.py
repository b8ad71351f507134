"""The command that started this program, as a person would type it again: for usage lines and for what to do next."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

_NAME = "shapebench"


def command() -> str:
    """`shapebench`, `.venv/bin/shapebench`, `python -m shapebench`, …: whichever was typed, or means the same."""
    return of(sys.argv[0], sys.orig_argv)


def of(program: str, typed: Sequence[str]) -> str:
    """The command of a process: `program` is what it takes itself for (argv[0]), `typed` what the system was given."""
    file = Path(program)
    if file.name == "__main__.py" and file.parent.name == _NAME:
        # `make setup` leaves a script that names its interpreter in full; a person who does so has that script too.
        script = Path(typed[0]).with_name(_NAME)
        if not (script.is_absolute() and script.is_file()):
            return f"{typed[0]} -m {_NAME}"
        file = script
    return _short(file) if file.name == _NAME else _NAME


def _short(file: Path) -> str:
    """The name alone where the shell finds it, else the shorter of the whole path and that from here."""
    found = shutil.which(_NAME)
    if not file.exists() or (found is not None and file.samefile(found)):
        return _NAME
    from_here = os.path.relpath(file)
    return min(from_here if "/" in from_here else f"./{from_here}", str(file.absolute()), key=len)

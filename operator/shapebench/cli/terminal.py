"""How every command talks to the person: where it prints, how it refuses, what its exit code means."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console

EXIT_NO_ANSWER = 1
EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130

_PLAIN_WIDTH = 160
"""Columns where the output is no terminal: a table in a log is better long than broken."""


def console() -> Console:
    """Where tables go."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


def refuse(*problems: str) -> NoReturn:
    """Say what is wrong with the input and how to mend it, without a traceback."""
    for problem in problems:
        print(f"shapebench: {problem}", file=sys.stderr)
    raise typer.Exit(EXIT_WRONG_INPUT)
